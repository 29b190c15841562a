// The Compare tab: the large image in three states and the strip, put together from what is stored of each side.
import { amplified, bitmapAddress, pngFile, tensorFile, under, unpackedPattern, unpackedPicture } from './bitmap.js';
import { parts } from './parts.js';
import { filled, joined, load, slug } from './store.js';

const CHOICES = {
  equal: ['effect', 'strength'],
  wrong: ['50', '75'],
  added: ['clean', 'a', 'b'],
  which: ['all', 'fooled'],
  epsilon: /^([2-9]|[12]\d|3[0-2])$/,
  sheet: /^\d{1,4}$/,
  large: /^\d{1,4}$/,
};
const KEPT = ['equal', 'wrong', 'added', 'which'];
const MANY = 240; // addresses of pictures that are kept
const suits = (name, value) => (CHOICES[name].includes ? CHOICES[name].includes(value) : CHOICES[name].test(value));
const part = name => parts[`compare.${name}`];
const aimOf = ({ attack, target }) => (target === undefined ? attack : `${attack} ${target}`);

export class Compare {
  constructor(edition, changed) {
    Object.assign(this, { name: 'compare', edition, changed, own: edition.tabs.compare, chosen: {} });
    this.pictures = new Map();
    this.drawn = new Map();
    this.units = new Map();
  }
  usual(group) {
    return { ...this.own.groups[group].first };
  }
  names(group) {
    return this.own.groups[group].models.map(([, name]) => name);
  }
  // What an address asks for, and the names of what in it fits nothing.
  understood(query) {
    const known = query.data in this.own.groups;
    const chosen = this.usual(known ? query.data : this.own.usual);
    const odd = query.data && !known ? ['data'] : [];
    for (const side of ['a', 'b']) {
      if (query[side] === undefined) continue;
      if (this.names(chosen.data).includes(query[side])) chosen[side] = query[side];
      else odd.push(side);
    }
    for (const [name, value] of Object.entries(query)) {
      if (!(name in CHOICES)) continue;
      if (suits(name, value)) chosen[name] = value;
      else odd.push(name);
    }
    if (query.epsilon && !query.equal) chosen.equal = 'strength';
    const aim = { attack: query.attack ?? chosen.attack, target: query.target };
    if (this.both(chosen).includes(aimOf(aim))) Object.assign(chosen, aim);
    else odd.push(this.both({ ...chosen }).includes(aim.attack) ? 'target' : 'attack');
    return [chosen, odd];
  }
  query() {
    const { target, large, ...rest } = this.chosen;
    const found = new URLSearchParams(rest);
    if (target !== undefined) found.set('target', target);
    if (large !== undefined) found.set('large', large);
    return found;
  }
  // What is stored against both models.
  both({ data, a, b }) {
    const { aims } = this.own.groups[data];
    return aims[a].filter(aim => aims[b].includes(aim));
  }
  listen() {
    for (const name of ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong']) {
      part(`controls.${name}`).on(value => this.choose(name, value));
    }
    part('controls.epsilon').on(value => this.slide(value));
    for (const name of ['added', 'which']) part(name).on(value => this.look({ [name]: value, sheet: 0 }));
    part('strip').on(value => this.look({ large: String(value - 1) }));
    part('earlier').on(() => this.look({ sheet: Math.max(0, Number(this.chosen.sheet) - 1) }));
    part('later').on(() => this.look({ sheet: Number(this.chosen.sheet) + 1 }));
    part('replays').on(() => this.replay());
    part('footer').element.addEventListener('click', event => this.download(event));
  }
  choose(name, value) {
    let sentence = '';
    if (name === 'data') {
      const kept = Object.fromEntries(KEPT.map(one => [one, this.chosen[one]]));
      this.chosen = { ...this.usual(value), ...kept };
    } else if (name === 'target') {
      this.chosen = { ...this.chosen, target: value === this.edition.none ? undefined : value };
    } else {
      this.chosen = { ...this.chosen, [name]: value };
    }
    if (!this.both(this.chosen).includes(aimOf(this.chosen))) {
      const before = this.chosen.target !== undefined && name !== 'attack' ? 'target' : 'attack';
      delete this.chosen.target;
      if (!this.both(this.chosen).includes(this.chosen.attack)) this.chosen.attack = this.both(this.chosen)[0];
      if (name !== 'attack') sentence = `That ${before} is not stored for both models; the usual one is shown instead.`;
    }
    return this.show(sentence);
  }
  // Another way to look at the same.
  look(change) {
    this.chosen = { ...this.chosen, ...change };
    return this.show();
  }
  // The slider goes to the next strength that is stored, in the direction of the person's hand.
  slide(value) {
    const stored = this.strengths();
    const now = Number(this.chosen.epsilon);
    const ahead = value > now ? stored.find(one => one >= value) : stored.findLast(one => one <= value);
    const epsilon = ahead ?? (value > now ? stored.at(-1) : stored[0]);
    this.chosen = { ...this.chosen, epsilon: String(epsilon), equal: 'strength' };
    return this.show();
  }
  strengths() {
    const views = Object.keys(this.pair.views[aimOf(this.chosen)]);
    return views.filter(name => name.startsWith('strength ')).map(name => Number(name.slice(9)));
  }
  async show(sentence = '') {
    const own = { ...this.chosen };
    const place = `compare/${slug(own.data)}`;
    const aim = slug(aimOf(own));
    const [group, a, b, pair] = await Promise.all([
      load(`${place}/group`),
      load(`${place}/${slug(own.a)}/${aim}`),
      load(`${place}/${slug(own.b)}/${aim}`),
      load(`${place}/${slug(own.a)}/with-${slug(own.b)}`),
    ]);
    if (!this.still(own)) return;
    Object.assign(this, { group, pair });
    const said = this.fit() || sentence;
    Object.assign(own, this.chosen);
    const { equal, wrong, epsilon } = own;
    const view = pair.views[aimOf(own)][equal === 'effect' ? `effect ${wrong}` : `strength ${epsilon}`];
    const [ea, eb] = view.strengths;
    const sides = { a: { ...a[ea], name: own.a, key: `${own.a} ${aim} ${ea}` } };
    sides.b = { ...b[eb], name: own.b, key: `${own.b} ${aim} ${eb}` };
    const large = Math.min(Number(this.chosen.large ?? this.telling(sides)), group.labels.length - 1);
    const sheet = this.sheet(sides);
    const needed = new Set([large, ...sheet.places].map(at => Math.floor(at / group.perSheet)));
    await Promise.all([
      ...[...needed].map(one => this.read(place, one)),
      ...Object.values(sides).map(side => this.unpack(side)),
    ]);
    if (!this.still(own)) return;
    Object.assign(this, { view, sides });
    this.menus();
    this.told(view, sides);
    this.enlarge(large, sides);
    this.strip(sheet, large, sides);
    part('played').set('');
    this.changed.shown(said);
  }
  still(own) {
    return ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong', 'epsilon'].every(
      name => own[name] === this.chosen[name],
    );
  }
  // A strength that is not stored gives way to the nearest one; returns a sentence where there is none at all.
  fit() {
    const stored = this.strengths();
    const now = Number(this.chosen.epsilon);
    if (!stored.length) {
      if (this.chosen.equal === 'effect') return '';
      this.chosen.equal = 'effect';
      return 'No strength is stored for both models, so they are shown at equal effect.';
    }
    if (!stored.includes(now)) {
      const far = one => Math.abs(one - now);
      this.chosen.epsilon = String(stored.reduce((best, one) => (far(one) < far(best) ? one : best)));
    }
    return '';
  }
  async read(place, sheet) {
    const texts = await load(`${place}/images-${sheet}`);
    for (const [number, text] of texts.entries()) {
      const key = `${place} ${sheet * this.group.perSheet + number}`;
      if (!this.pictures.has(key)) this.pictures.set(key, await unpackedPicture(text));
    }
  }
  async unpack(side) {
    if (!this.units.has(side.key)) this.units.set(side.key, await unpackedPattern(side.units));
  }
  // The address of a held-out image, under the pattern of a side if there is one.
  picture(at, side) {
    const key = `compare/${slug(this.chosen.data)} ${at}`;
    const values = this.pictures.get(key);
    return this.address(`${key} ${side?.key ?? ''}`, () => (side ? under(values, this.units.get(side.key)) : values));
  }
  pattern(side) {
    return this.address(`pattern ${side.key}`, () => amplified(this.units.get(side.key), side.amplify));
  }
  address(key, values) {
    let found = this.drawn.get(key);
    if (!found) {
      found = bitmapAddress(values(), this.group.size);
      if (this.drawn.size >= MANY) this.drawn.delete(this.drawn.keys().next().value);
      this.drawn.set(key, found);
    }
    return found;
  }
  // What a model says to an image: its number of a class without and with the pattern, and what that means.
  said(at, side) {
    const [before, after] = [this.group.reads[side.name][at], side.reads[at]];
    const truth = this.group.labels[at];
    const kind = after === truth ? 'right' : before === truth ? 'fooled' : 'anyway';
    return { kind, before: this.group.classes[before], after: this.group.classes[after] };
  }
  // An image that tells the story: A is fooled and B is not; else one on which A is; else the first.
  telling(sides) {
    const places = [...this.group.labels.keys()];
    const fooled = places.filter(at => this.said(at, sides.a).kind === 'fooled');
    return fooled.find(at => this.said(at, sides.b).kind === 'right') ?? fooled[0] ?? 0;
  }
  rightBefore(at) {
    const [a, b] = ['a', 'b'].map(side => this.group.reads[this.chosen[side]][at] === this.group.labels[at]);
    return a && b ? 'both' : a ? 'a' : b ? 'b' : 'neither';
  }
  told(view, sides) {
    const patterns = { 'pattern-a': this.pattern(sides.a), 'pattern-b': this.pattern(sides.b) };
    for (const [name, numbers] of Object.entries(view.parts)) {
      const text = joined(numbers, this.pair.strings);
      part(name).set(name === 'patterns' ? text.replace(/@(pattern-[ab])@/g, (_, one) => patterns[one]) : text);
    }
  }
  enlarge(at, sides) {
    const truth = this.group.classes[this.group.labels[at]];
    const around = { number: String(at + 1), truth };
    const clean = this.group.original[this.rightBefore(at)];
    part('original').set(filled(clean, { ...around, picture: this.picture(at) }));
    for (const side of ['a', 'b']) {
      const { kind, ...said } = this.said(at, sides[side]);
      part(side).set(filled(sides[side].stage[kind], { ...said, picture: this.picture(at, sides[side]) }));
    }
  }
  // The places of the images on the sheet, and how many there are to leaf through.
  sheet(sides) {
    const { labels, perSheet } = this.group;
    const all = [...labels.keys()];
    const shown = sides[this.chosen.added];
    const found =
      this.chosen.which === 'fooled' && shown ? all.filter(at => this.said(at, shown).kind === 'fooled') : all;
    const last = Math.max(0, Math.ceil(found.length / perSheet) - 1);
    const number = Math.min(Number(this.chosen.sheet), last);
    this.chosen.sheet = String(number);
    return { places: found.slice(number * perSheet, (number + 1) * perSheet), number, last, every: found === all };
  }
  strip({ places, number, last, every }, large, sides) {
    const { group, chosen } = this;
    const cells = group.cells[chosen.added];
    const shown = sides[chosen.added];
    const drawn = places.map(at => {
      const around = {
        number: String(at + 1),
        truth: group.classes[group.labels[at]],
        picture: this.picture(at, shown),
      };
      const reads = side => group.classes[group.reads[chosen[side]][at]];
      const { kind, ...said } = shown
        ? this.said(at, shown)
        : { kind: this.rightBefore(at), a: reads('a'), b: reads('b') };
      const cell = filled(cells[kind], { ...around, ...said });
      return at === large ? cell.replace('aria-pressed="false"', 'aria-pressed="true"') : cell;
    });
    part('strip').set(places.length ? `<ul class="strip">${drawn.join('')}</ul>` : group.none);
    const first = number * group.perSheet + 1;
    part('place').set(group.places[`${every ? 'all' : 'fooled'} ${first} ${places.length}`] ?? '');
    part('legend').set(group.legend);
    part('earlier').set({ interactive: number > 0 });
    part('later').set({ interactive: number < last });
  }
  menus() {
    const { chosen, own } = this;
    const { models, attacks, targets } = own.groups[chosen.data];
    const [stored, none] = [this.both(chosen), this.edition.none];
    part('controls.data').set({
      choices: Object.entries(own.labels).map(([name, words]) => [words, name]),
      value: chosen.data,
    });
    for (const side of ['a', 'b']) part(`controls.${side}`).set({ choices: models, value: chosen[side] });
    const without = attacks.map(([, name]) => name).filter(name => !stored.includes(name));
    part('controls.attack').set({ choices: attacks, value: chosen.attack, without });
    const aims = targets.map(([words, name]) => [words, String(name ?? none)]);
    const absent = aims
      .map(([, name]) => name)
      .filter(name => name !== none && !stored.includes(`${chosen.attack} ${name}`));
    part('controls.target').set({
      choices: aims,
      value: chosen.target ?? none,
      without: absent,
      interactive: absent.length < aims.length - 1,
    });
    const free = chosen.equal === 'strength';
    part('controls.equal').set({ value: chosen.equal, without: this.strengths().length ? [] : ['strength'] });
    part('controls.wrong').set({ value: chosen.wrong, visible: !free });
    const label = `Strength ε = ${chosen.epsilon}/255`;
    part('controls.epsilon').set({ value: chosen.epsilon, label, visible: free });
    for (const name of ['added', 'which']) part(name).set({ value: chosen[name] });
    part('replays').set({ visible: Boolean(this.view.replay) });
  }
  async replay() {
    part('played').set(await load(this.view.replay));
  }
  // Links that the app fills with files: the browser makes them.
  async download(event) {
    const link = event.target.closest('a[download]');
    if (!link) return;
    event.preventDefault();
    const [kind, letter] = link.getAttribute('href').slice(1).split('-');
    const side = this.sides[letter];
    const units = side && this.units.get(side.key);
    const made = {
      png: () => pngFile(amplified(units, 1), this.group.size),
      safetensors: () => tensorFile(side.header, units),
      numbers: () => new Blob([joined(this.view.numbers, this.pair.strings)], { type: 'application/json' }),
    };
    const url = URL.createObjectURL(await made[kind]());
    Object.assign(document.createElement('a'), { href: url, download: link.download }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}
