// The tab of one's own pictures: what both models say to them, clean and under the patterns of Compare. All of it is computed
// in this page, and nothing is sent anywhere.
import { plain } from '../blind/picture.js';
import { Album, colours, crop, span } from './album.js';
import { Attacked } from './attacked.js';
import { bitmapAddress, under } from './bitmap.js';
import { LETTERS } from './forming.js';
import { escaped, filled, joined, load, slug } from './store.js';

const percent = (fraction, digits = 0) => (100 * fraction).toFixed(digits);
const same = ({ clean, attacked }) => clean[0].name === attacked[0].name;

// Height x width x RGB colour by colour, as graphs have it.
function planes(units) {
  const one = units.length / 3;
  return Int8Array.from(units, (_, at) => units[3 * (at % one) + Math.floor(at / one)]);
}

const MATTERS = ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong', 'epsilon'];

export class Yours extends Attacked {
  constructor(edition, told, compare) {
    super('pictures', {}, edition, told);
    Object.assign(this, { compare, live: compare.live, album: new Album(edition.taken), turn: 0, wrong: '' });
    window.plainsightTakes = (path, body, headers) => this.take(path, body, headers);
  }
  // The patterns are those of Compare.
  get place() {
    return `compare/${slug(this.chosen.data)}`;
  }
  listen() {
    super.listen();
    this.part('intake').on(told => this.arrived(told));
    this.part('invitation').on(number => this.tried(Number(number)));
    this.part('frame').on(at => {
      if (this.album.large) this.album.large.at = Number(at);
      return this.refresh();
    });
    for (const name of ['strip', 'private']) this.part(name).on(token => this.pressed(token));
  }
  // What pictures.js would send to a server.
  async take(path, body, headers) {
    try {
      if (path === 'pictures/frame') {
        const reply = await this.filmed(body);
        return { ok: true, json: () => reply };
      }
      const [name, size] = ['name', 'size'].map(one => headers[`x-plainsight-${one}`]);
      await this.album.read(body, decodeURIComponent(name), Number(size));
    } catch (error) {
      this.wrong = [this.wrong, error.message].filter(Boolean).join(' ');
      return { ok: path !== 'pictures/frame' };
    }
    return { ok: true };
  }
  arrived({ trouble, left }) {
    const { troubles, pictures } = this.edition.taken;
    const more = left > 0 ? `${left} more pictures were left out: the last ${pictures} are kept.` : '';
    if (more) this.wrong = [this.wrong, more].filter(Boolean).join(' ');
    else if (trouble && !this.wrong) this.wrong = troubles[trouble];
    return this.refresh();
  }
  // The key of a held-out image of Compare, which is kept then; numbers count from 1.
  async held(number) {
    const [{ perSheet }, at] = [this.group, number - 1];
    const images = await load(`${this.place}/images-${Math.floor(at / perSheet)}`);
    const key = `${this.place} ${at}`;
    await this.keep(key, images[at % perSheet]);
    return key;
  }
  async tried(number) {
    const [key, [height, width]] = [await this.held(number), this.group.size];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    canvas.getContext('2d').putImageData(new ImageData(plain(this.images.get(key)), width), 0, 0);
    this.album.add(this.words.examples[number], canvas, canvas);
    return this.refresh();
  }
  pressed(token) {
    if (token.startsWith('-')) this.album.remove(Number(token.slice(1)));
    else this.album.chosen = Number(token);
    return this.refresh();
  }
  async refresh() {
    try {
      await this.show();
    } catch (error) {
      this.wrong = error.message;
    }
    if (this.wrong) this.say(this.wrong, 'bad');
    this.wrong = '';
  }
  idle() {
    if (this.album.pictures.length) return this.formed ? 'Under the patterns that have just formed in Compare.' : '';
    const { runtime, groups } = this.edition.live;
    const models = new Set([this.chosen.a, this.chosen.b].map(name => groups[this.chosen.data].models[name]));
    const bytes = [runtime, ...models].reduce((sum, one) => sum + (one?.bytes ?? 0), 0);
    return `The models run in this browser, which reads up to ${Math.ceil(bytes / 1e6)} MB for the first picture.`;
  }
  // Patterns have formed in Compare: the same is chosen here, where they are found then.
  follow(chosen) {
    this.chosen = { ...this.chosen, ...Object.fromEntries(MATTERS.map(name => [name, chosen[name]])) };
  }
  // Where Compare shows a pattern that has just formed for the same choices, it is used here too.
  over(sides) {
    const { run, chosen } = this.compare;
    this.formed =
      run?.drawable && !run.running && MATTERS.every(name => chosen[name] === this.chosen[name]) ? run : null;
    if (!this.formed) return sides;
    const shown = letter => {
      const { key, units, state } = run.sides[letter];
      this.units.set(key, units);
      const { [letter]: stored } = sides;
      const header = run.header(stored.header, letter);
      return { ...stored, key, header, own: stored.formed[state], values: run.values(letter) };
    };
    return Object.fromEntries(LETTERS.map(letter => [letter, shown(letter)]));
  }
  async read(_, sides) {
    this.words = await load(`pictures/${slug(this.chosen.data)}`);
    const examples = this.album.pictures.length ? [] : Object.keys(this.words.examples);
    this.examples = {};
    for (const number of examples) {
      this.examples[`example${number}`] = this.picture(await this.held(number));
    }
    if (this.compare.run?.running && this.album.pictures.length)
      this.say('The models answer once the run in Compare is done.');
    for (const side of Object.values(sides)) {
      await this.answer(side, null);
      await this.answer(side, side);
    }
  }
  known(picture, side, under) {
    return `${picture.at} ${this.chosen.data} ${side.name} ${under?.key ?? ''}`;
  }
  // Asks one model about all pictures that it has not been asked about, clean or under its pattern.
  async answer(side, under) {
    const { pictures } = this.album;
    const asked = pictures.filter(one => !one.answers.has(this.known(one, side, under)));
    if (!asked.length) return;
    const keys = asked.map(one => this.known(one, side, under));
    const pixels = asked.map(one => crop(one, this.group.size).pixels);
    const found = await this.ask(side, pixels, under && this.units.get(under.key));
    asked.forEach((one, at) => {
      one.answers.set(keys[at], found[at]);
    });
  }
  // The likeliest classes of each picture with how sure the model is.
  async ask(side, pixels, units) {
    const { data } = this.chosen;
    const given = { group: data, model: side.name, pixels, units: units && planes(units) };
    const { classes } = this.edition.live.groups[data];
    return (await this.live.predict(given)).map(likely =>
      [...likely.keys()]
        .sort((one, other) => likely[other] - likely[one])
        .slice(0, this.edition.taken.top)
        .map(number => ({ name: classes[number], sure: likely[number] })),
    );
  }
  said(picture, letter) {
    const side = this.sides[letter];
    const [clean, attacked] = [null, side].map(under => picture.answers.get(this.known(picture, side, under)));
    return clean && attacked && { clean, attacked };
  }
  // The pictures that both models have answered.
  get shown() {
    return this.album.pictures.filter(one => this.said(one, 'a') && this.said(one, 'b'));
  }
  texts() {
    const { shown, view, pair } = this;
    const { footer } = super.texts();
    const own = this.formed ? Object.values(pair.views).find(({ formed }) => formed).formed : view.own;
    const both = this.formed?.both ?? {};
    const changed = letter => shown.filter(one => !same(this.said(one, letter))).length;
    const [a, b] = LETTERS.map(changed);
    const kind = shown.length === 1 ? `${a}${b}` : 'many';
    const text = shown.length ? joined(own[kind], pair.strings) : this.words.headline;
    const values = { ...both, n: shown.length, changed_a: a, changed_b: b };
    return { headline: filled(text, values), footer: this.formed ? this.compare.texts().footer : footer };
  }
  numbers() {
    return this.formed ? this.formed.numbers(super.numbers()) : super.numbers();
  }
  draw() {
    this.turn++;
    const { words, shown, turn } = this;
    const large = shown.find(one => one === this.album.large) ?? shown.at(-1);
    this.part('intake').set(words.intake);
    this.part('invitation').set(this.album.pictures.length ? '' : filled(words.invitation, this.examples));
    this.part('knows').set(words.knows);
    this.part('private').set(shown.length ? words.private : '');
    const around = large ? { ...this.around(large), turn } : { turn };
    this.part('original').set(filled(words.original[large ? 'large' : 'empty'], around));
    for (const letter of LETTERS) this.stage(letter, large, around);
    this.part('frame').set(large ? filled(words.whole[around.kind], around) : '');
    const cells = shown.toReversed().map(one => this.cell(one, one === large));
    this.part('strip').set(cells.length ? `<ul class="strip own">${cells.join('')}</ul>` : '');
  }
  around(picture) {
    const { token, name, width, height, whole, at } = picture;
    const part = span(picture, this.group.size);
    const kind = part.span > 0.995 ? 'fixed' : part.across ? 'across' : 'down';
    const found = { token, name: escaped(name), whole, at, kind, picture: this.seen(picture) };
    for (const [side, value] of Object.entries({ width, height })) found[side] = value.toLocaleString('en');
    return { ...found, span_3: percent(part.span, 3), width_by_height_4: (width / height).toFixed(4) };
  }
  // The address of what models see of a picture, under the pattern of a side if there is one.
  seen(picture, side) {
    const { values } = crop(picture, this.group.size);
    return bitmapAddress(side ? under(values, this.units.get(side.key)) : values, this.group.size);
  }
  stage(letter, large, around) {
    const side = this.sides[letter];
    const said = large && this.said(large, letter);
    const text = side.text(side.own[said ? (same(said) ? 'same' : 'changed') : 'empty']);
    const values = said ? { ...guesses(said), picture: this.seen(large, side) } : {};
    this.part(letter).set(filled(text, { ...around, ...side.values, ...values }));
  }
  cell(picture, chosen) {
    const [a, b] = LETTERS.map(letter => this.said(picture, letter));
    const text = this.words.cells[[a, b].map(said => (same(said) ? 'same' : 'changed')).join(' ')];
    const values = { token: picture.token, name: escaped(picture.name), thumb: this.seen(picture) };
    const found = filled(text, { ...values, ...guesses(a, '_a'), ...guesses(b, '_b') });
    return chosen ? found.replace('aria-pressed="false"', 'aria-pressed="true"') : found;
  }
  // A frame of the camera, of which nothing is kept.
  async filmed(frame) {
    const [values, found] = [colours(frame), {}];
    for (const letter of LETTERS) {
      const side = this.sides[letter];
      const units = this.units.get(side.key);
      const [clean] = await this.ask(side, [frame], null);
      const [attacked] = await this.ask(side, [frame], units);
      const said = { clean, attacked };
      const text = this.words.said[same(said) ? 'same' : 'changed'];
      const picture = bitmapAddress(under(values, units), this.group.size);
      found[letter] = { picture, said: filled(text, guesses(said)) };
    }
    return found;
  }
  menus() {
    super.menus();
    const { equal, wrong, epsilon } = this.chosen;
    const [a, b] = this.view.strengths;
    const label = equal === 'effect' ? `Strength ● ${a}/255 ▲ ${b}/255` : `Strength ${epsilon}/255`;
    this.part('controls.wrong').set({ value: wrong });
    this.part('controls.epsilon').set({ value: epsilon, label });
  }
}

// What the slots of both lists of answers say.
function guesses(said, end = '') {
  const found = {};
  for (const [when, list] of Object.entries(said)) {
    list.forEach(({ name, sure }, place) => {
      found[`${when}${place}${end}`] = escaped(name);
      found[`sure_${when}${place}${end}`] = percent(sure);
      found[`sure_${when}${place}${end}_1`] = percent(sure, 1);
    });
  }
  return found;
}
