// What tabs share that put two attacked models side by side (`sides.py`): their choices, files, menus and downloads. Each
// has `read(place, sides)`, which fetches what it draws, and `draw(sides)`.
import { amplified, bitmapAddress, pngFile, tensorFile, under, unpackedPattern, unpackedPicture } from './bitmap.js';
import { parts } from './parts.js';
import { escaped, filled, joined, load, slug } from './store.js';

const KEPT = ['equal', 'wrong', 'added', 'which', 'show', 'amplify', 'seed'];
const DRAWN = ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong', 'epsilon'];
const MANY = 240; // addresses of pictures that are kept
const aimOf = ({ attack, target }) => (target === undefined ? attack : `${attack} ${target}`);
const EPSILON = /^([2-9]|[12]\d|3[0-2])$/;

export class Attacked {
  constructor(name, choices, edition, told) {
    Object.assign(this, { name, edition, told, own: edition.tabs[name], chosen: {} });
    this.choices = { equal: ['effect', 'strength'], wrong: ['50', '75'], epsilon: EPSILON, ...choices };
    this.images = new Map();
    this.addresses = new Map();
    this.units = new Map();
  }
  part(name) {
    return parts[`${this.name}.${name}`];
  }
  usual(group) {
    return { ...this.own.groups[group].first };
  }
  models(group) {
    return this.own.groups[group].models.map(([, name]) => name);
  }
  // What an address asks for, and the names of what in it fits nothing.
  understood(query) {
    const known = query.data in this.own.groups;
    const chosen = this.usual(known ? query.data : this.own.usual);
    const odd = query.data && !known ? ['data'] : [];
    for (const side of ['a', 'b']) {
      if (query[side] === undefined) continue;
      if (this.models(chosen.data).includes(query[side])) chosen[side] = query[side];
      else odd.push(side);
    }
    for (const [name, fits] of Object.entries(this.choices)) {
      if (query[name] === undefined) continue;
      if (fits.includes ? fits.includes(query[name]) : fits.test(query[name])) chosen[name] = query[name];
      else odd.push(name);
    }
    if (query.epsilon && !query.equal) chosen.equal = 'strength';
    const aim = { attack: query.attack ?? chosen.attack, target: query.data ? query.target : chosen.target };
    const stored = this.both(chosen);
    if (stored.includes(aimOf(aim))) Object.assign(chosen, aim);
    else odd.push(stored.some(one => one.split(' ')[0] === aim.attack) ? 'target' : 'attack');
    if (!stored.includes(aimOf(chosen))) Object.assign(chosen, { attack: stored[0], target: undefined });
    return [chosen, odd];
  }
  query() {
    const said = Object.entries(this.chosen).filter(([, value]) => value !== undefined);
    return new URLSearchParams(said.filter(([name]) => name !== 'tab'));
  }
  // What is stored against both models.
  both({ data, a, b }) {
    const { aims } = this.own.groups[data];
    return aims[a].filter(aim => aims[b].includes(aim));
  }
  get aim() {
    return aimOf(this.chosen);
  }
  get place() {
    return `${this.name}/${slug(this.chosen.data)}`;
  }
  listen() {
    for (const name of ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong']) {
      this.part(`controls.${name}`).on(value => this.choose(name, value));
    }
    this.part('controls.epsilon').on(value => this.slide(value));
    this.part('footer').element.addEventListener('click', event => this.download(event));
  }
  choose(name, value) {
    let sentence = '';
    if (name === 'data') {
      const kept = KEPT.filter(one => one in this.chosen).map(one => [one, this.chosen[one]]);
      this.chosen = { ...this.usual(value), ...Object.fromEntries(kept) };
    } else {
      this.chosen = { ...this.chosen, [name]: value === this.edition.none ? undefined : value };
      if (name === 'target' || name === 'attack') delete this.chosen.scene;
    }
    const stored = this.both(this.chosen);
    if (!stored.includes(this.aim)) {
      const before = this.chosen.target !== undefined && name !== 'attack' ? 'target' : 'attack';
      delete this.chosen.target;
      if (!stored.includes(this.chosen.attack)) this.chosen.attack = stored[0].split(' ')[0];
      if (!stored.includes(this.aim)) this.chosen.target = stored.find(one => one.startsWith(this.aim)).split(' ')[1];
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
    return this.look({ epsilon: String(epsilon), equal: 'strength' });
  }
  strengths() {
    const views = Object.keys(this.pair.views);
    return views.filter(name => name.startsWith('strength ')).map(name => Number(name.slice(9)));
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
  async show(sentence = '') {
    const own = { ...this.chosen };
    const { place } = this;
    const [group, a, b, pair] = await Promise.all([
      load(`${place}/group`),
      ...[own.a, own.b].map(name => load(`${place}/${slug(name)}/${slug(this.aim)}`)),
      load(`${place}/${slug(own.a)}/with-${slug(own.b)}/${slug(this.aim)}`),
    ]);
    const still = () => DRAWN.every(name => own[name] === this.chosen[name]);
    if (!still()) return;
    Object.assign(this, { group, pair });
    const said = this.fit() || sentence;
    Object.assign(own, this.chosen);
    const name = own.equal === 'effect' ? `effect ${own.wrong}` : `strength ${own.epsilon}`;
    const view = pair.views[name];
    const stored = { a: this.side(a, own.a, view.strengths[0]), b: this.side(b, own.b, view.strengths[1]) };
    await Promise.all(Object.values(stored).map(side => this.unpack(side)));
    await this.read(place, this.over(stored), view);
    if (!still()) return;
    Object.assign(this, { view, sides: this.over(stored) }); // a run may have gone on meanwhile
    this.menus();
    this.tell();
    this.draw();
    this.told.shown(said, this.name);
  }
  side(file, name, epsilon) {
    const key = `${this.place} ${name} ${this.aim} ${epsilon}`;
    return { ...file.strengths[epsilon], name, key, text: numbers => joined(numbers, file.strings) };
  }
  async unpack(side) {
    if (this.units.has(side.key)) return;
    this.units.set(side.key, await unpackedPattern(side.text(side.units), side.factor));
  }
  async keep(key, text) {
    if (!this.images.has(key)) this.images.set(key, await unpackedPicture(text));
  }
  // The address of an image that was kept, under the pattern of a side if there is one.
  picture(key, side) {
    const values = this.images.get(key);
    return this.address(`${key} ${side?.key ?? ''}`, () => (side ? under(values, this.units.get(side.key)) : values));
  }
  pattern(side, factor = side.amplify) {
    return this.address(`pattern ${side.key} ${factor}`, () => amplified(this.units.get(side.key), factor));
  }
  address(key, values) {
    let found = this.addresses.get(key);
    if (!found) {
      found = bitmapAddress(values(), this.group.size);
      if (this.addresses.size >= MANY) this.addresses.delete(this.addresses.keys().next().value);
      this.addresses.set(key, found);
    }
    return found;
  }
  // Both sides as they are shown.
  over(sides) {
    return sides;
  }
  // A sentence in the status line: `status`, `bad`, or `quiet` where it changes several times a second.
  say(words, how = 'status') {
    this.part('status').set(filled(this.edition[how], { words: escaped(words) }));
  }
  // What the status line says when there is nothing else to say.
  idle() {
    return this.edition.stored;
  }
  // What is told of both models, by part.
  texts() {
    const parts = Object.entries(this.view.parts);
    return Object.fromEntries(parts.map(([name, numbers]) => [name, joined(numbers, this.pair.strings)]));
  }
  numbers() {
    return joined(this.view.numbers, this.pair.strings);
  }
  tell() {
    const patterns = { 'pattern-a': this.pattern(this.sides.a), 'pattern-b': this.pattern(this.sides.b) };
    for (const [name, text] of Object.entries(this.texts())) {
      this.part(name).set(text.replace(/@(pattern-[ab])@/g, (_, one) => patterns[one]));
    }
  }
  menus() {
    const { chosen, own } = this;
    const { models, attacks, targets } = own.groups[chosen.data];
    const [stored, none] = [this.both(chosen), this.edition.none];
    const choices = Object.entries(own.labels).map(([name, words]) => [words, name]);
    this.part('controls.data').set({ choices, value: chosen.data });
    for (const side of ['a', 'b']) this.part(`controls.${side}`).set({ choices: models, value: chosen[side] });
    const attacked = stored.map(aim => aim.split(' ')[0]);
    const without = attacks.map(([, name]) => name).filter(name => !attacked.includes(name));
    this.part('controls.attack').set({ choices: attacks, value: chosen.attack, without });
    const aims = targets.map(([words, name]) => [words, String(name ?? none)]);
    const key = name => (name === none ? chosen.attack : `${chosen.attack} ${name}`);
    const absent = aims.map(([, name]) => name).filter(name => !stored.includes(key(name)));
    const interactive = absent.length < aims.length - 1;
    this.part('controls.target').set({ choices: aims, value: chosen.target ?? none, without: absent, interactive });
    const free = chosen.equal === 'strength';
    const equal = this.strengths().length ? [] : ['strength'];
    this.part('controls.equal').set({ value: chosen.equal, without: equal });
    this.part('controls.wrong').set({ value: chosen.wrong, visible: !free });
    const label = `Strength ε = ${chosen.epsilon}/255`;
    this.part('controls.epsilon').set({ value: chosen.epsilon, label, visible: free });
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
      numbers: () => new Blob([this.numbers()], { type: 'application/json' }),
    };
    const url = URL.createObjectURL(await made[kind]());
    Object.assign(document.createElement('a'), { href: url, download: link.download }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}
