// The Compare tab: the large image in three states and the strip, put together from what is stored of each side, or from
// what an attack in the browser finds.
import { openLive } from '../live/client.js';
import { Attacked } from './attacked.js';
import { LETTERS, Run } from './forming.js';
import { filled, joined, load } from './store.js';

const COMPARE = { added: ['clean', 'a', 'b'], which: ['all', 'fooled'], sheet: /^\d{1,4}$/, large: /^\d{1,4}$/ };
const SETTINGS = ['data', 'a', 'b', 'attack', 'target', 'equal', 'wrong', 'epsilon', 'steps', 'images', 'seed'];
const RUNS = 'spgd'; // the attack that the browser runs
const SEED = /^\d{1,4}$/;
const [EVERY, SLOWLY] = [180, 1000]; // milliseconds between two pictures of a run, and for what need not move as often

export class Compare extends Attacked {
  constructor(edition, told) {
    const { steps, live } = edition;
    const most = Math.min(...Object.values(live?.groups ?? {}).map(({ crafting }) => crafting.n));
    const images = edition.images.filter(count => Number(count) <= most);
    super('compare', { ...COMPARE, ...(live && { steps, images, seed: SEED }) }, edition, told);
    this.live = live && openLive(live);
    this.run = null;
  }
  listen() {
    super.listen();
    for (const name of ['added', 'which']) this.part(name).on(value => this.look({ [name]: value, sheet: '0' }));
    this.part('strip').on(value => this.look({ large: String(value - 1) }));
    this.part('earlier').on(() => this.look({ sheet: String(Math.max(0, Number(this.chosen.sheet) - 1)) }));
    this.part('later').on(() => this.look({ sheet: String(Number(this.chosen.sheet) + 1) }));
    if (this.live) this.listenToRuns();
    this.part('replays').on(() => this.replay(this.view.replay, this.chosen.a));
  }
  listenToRuns() {
    for (const part of document.querySelectorAll(`#panel-${this.name} [data-live]`)) part.hidden = false;
    for (const name of ['steps', 'images']) this.part(`controls.${name}`).on(value => this.choose(name, value));
    this.part('controls.seed').on(value => {
      if (SEED.test(value)) return this.choose('seed', String(Number(value)));
      this.say(`A seed is a whole number from 0 to 9,999, and ${value || 'none'} was given.`, 'bad');
      return this.menus();
    });
    this.part('run').on(() => this.watch());
    this.part('stop').on(() => this.live.stop());
  }
  async replay(file, first) {
    const found = await load(file);
    this.part('played').set(joined(found.first[first], found.strings));
  }
  // Why the browser cannot attack what is chosen; empty where it can.
  reason() {
    const { data, a, b, attack } = this.chosen;
    const { groups, left_out } = this.edition.live;
    if (attack !== RUNS) return 'The browser runs S-PGD only; this attack was computed beforehand.';
    if (!groups[data]) return 'There is nothing to run these models with in the browser.';
    const other = [a, b].find(name => !groups[data].models[name]);
    return other ? (left_out[`${data}/${other}`] ?? `The browser cannot run ${other}.`) : '';
  }
  idle() {
    if (!this.live) return super.idle();
    if (this.run) return this.run.sentence;
    const reason = this.reason();
    if (reason) return `${super.idle()} ${reason}`;
    const { data, a, b, steps, images, seed } = this.chosen;
    const { runtime, groups } = this.edition.live;
    const models = new Set([a, b].map(name => groups[data].models[name]));
    const bytes = [groups[data], runtime, ...models].reduce((sum, one) => sum + one.bytes, 0);
    const settings = `${steps} steps, ${images} images, seed ${seed}`;
    return `Measured beforehand. Watch it form runs in this browser: ${settings}, up to ${Math.ceil(bytes / 1e6)} MB to read; nothing leaves it.`;
  }
  key() {
    return JSON.stringify(SETTINGS.map(name => this.chosen[name] ?? ''));
  }
  // Attacks both models as chosen, and shows how the patterns form; what is chosen meanwhile ends it.
  async watch() {
    const { data, a, b, steps, images, seed, target } = this.chosen;
    const facts = this.edition.live.groups[data];
    const settings = { group: data, models: [a, b], epsilons: this.view.strengths, watched: [] };
    for (const [name, value] of Object.entries({ steps, images, seed })) settings[name] = Number(value);
    settings.target = target === undefined ? null : Number(target);
    const run = new Run(this.live, settings, { held: this.group.labels.length, key: this.key(), facts });
    this.run = run;
    await this.show();
    if (this.run !== run) return;
    settings.watched = [...new Set([this.large, ...this.sheet.places])];
    if (document.activeElement === document.body) this.part('stop').element.focus({ preventScroll: true });
    try {
      await run.go(() => this.advance(run));
    } catch (error) {
      if (this.run !== run) return;
      this.run = null;
      await this.show();
      this.say(error.message, 'bad');
      return;
    }
    if (this.run !== run) return;
    const here = document.activeElement === this.part('stop').element;
    if (run.drawable) this.told.formed(this.chosen);
    else this.run = null;
    await this.show(run.sentence);
    if (here) this.part('run').element.focus({ preventScroll: true });
  }
  // A step was made: what moves is drawn, not too often.
  advance(run) {
    const now = performance.now();
    if (this.run !== run || now - (run.drawn ?? 0) < EVERY) return;
    run.drawn = now;
    this.say(run.sentence, 'quiet');
    if (!run.drawable) return;
    this.sides = this.over({ a: this.sides.a.stored ?? this.sides.a, b: this.sides.b.stored ?? this.sides.b });
    this.tell();
    this.enlarge();
    if (now - (run.slow ?? 0) < SLOWLY) return;
    run.slow = now;
    this.strip();
  }
  // The stored sides, or what a run makes of them; a run of other choices is over.
  over(sides) {
    if (this.run && this.run.key !== this.key()) {
      if (this.run.running) this.live.stop();
      this.run.dropped = true;
      this.run = null;
    }
    if (!this.run?.drawable) return sides;
    const shown = letter => {
      const stored = sides[letter];
      const { key, units, amplify, reads, state } = this.run.sides[letter];
      if (this.sides[letter].key !== key) this.units.delete(this.sides[letter].stored && this.sides[letter].key);
      this.units.set(key, units);
      const header = this.run.header(stored.header, letter);
      const stage = stored.forming[state];
      return { ...stored, stored, key, amplify, reads, header, stage, values: this.run.values(letter) };
    };
    return Object.fromEntries(LETTERS.map(letter => [letter, shown(letter)]));
  }
  texts() {
    const texts = super.texts();
    if (!this.run?.drawable) return texts;
    const { forming } = Object.values(this.pair.views).find(view => view.forming);
    for (const [part, numbers] of Object.entries(forming[this.run.state])) {
      texts[part] = filled(joined(numbers, this.pair.strings), this.run.both);
    }
    texts.figure = this.run.figure(texts.figure);
    return texts;
  }
  numbers() {
    return this.run?.drawable ? this.run.numbers(super.numbers()) : super.numbers();
  }
  menus() {
    super.menus();
    if (!this.live) return;
    const { edition, chosen, run } = this;
    const running = Boolean(run?.running);
    const reason = this.reason();
    this.part('run').set({ interactive: !running && !reason, title: reason });
    this.part('stop').set({ interactive: running });
    const most = edition.live.groups[chosen.data]?.crafting.n ?? 0;
    const offers = { steps: edition.steps, images: edition.images };
    for (const [name, values] of Object.entries(offers)) {
      const without = name === 'images' ? values.filter(value => Number(value) > most) : [];
      this.part(`controls.${name}`).set({ choices: values.map(one => [one, one]), value: chosen[name], without });
    }
    this.part('controls.seed').set({ value: chosen.seed });
  }
  image(at) {
    return `${this.place} ${at}`;
  }
  async read(place, sides) {
    const { perSheet, labels } = this.group;
    const own = Object.fromEntries(LETTERS.map(letter => [letter, sides[letter].stored ?? sides[letter]]));
    this.large = Math.min(Number(this.chosen.large ?? this.telling(own)), labels.length - 1);
    this.sheet = this.leaf(sides);
    const sheets = new Set([this.large, ...this.sheet.places].map(at => Math.floor(at / perSheet)));
    for (const sheet of sheets) {
      const texts = await load(`${place}/images-${sheet}`);
      await Promise.all(texts.map((text, number) => this.keep(`${place} ${sheet * perSheet + number}`, text)));
    }
  }
  draw() {
    this.enlarge();
    this.strip();
    const running = Boolean(this.run?.running);
    this.part('added').set({ value: this.chosen.added });
    this.part('which').set({ value: this.chosen.which, without: running ? ['fooled'] : [] });
    this.part('replays').set({ visible: Boolean(this.view.replay), interactive: !running });
    this.part('played').set('');
  }
  // What a model says to an image, without and with the pattern, and what that means.
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
  enlarge() {
    const { group, large, sides } = this;
    const around = { number: String(large + 1), truth: group.classes[group.labels[large]] };
    const clean = group.original[this.rightBefore(large)];
    this.part('original').set(filled(clean, { ...around, picture: this.picture(this.image(large)) }));
    for (const letter of ['a', 'b']) {
      const side = sides[letter];
      const { kind, ...said } = this.said(large, side);
      const picture = this.picture(this.image(large), side);
      this.part(letter).set(filled(side.text(side.stage[kind]), { ...said, ...side.values, picture }));
    }
  }
  // The places of the images on the sheet, and how many there are to leaf through.
  leaf(sides) {
    const { labels, perSheet } = this.group;
    const all = [...labels.keys()];
    const shown = sides[this.chosen.added];
    const fooled = this.chosen.which === 'fooled' && shown && !this.run?.running; // then few are known
    const found = fooled ? all.filter(at => this.said(at, shown).kind === 'fooled') : all;
    const last = Math.max(0, Math.ceil(found.length / perSheet) - 1);
    const number = Math.min(Number(this.chosen.sheet), last);
    this.chosen.sheet = String(number);
    return { places: found.slice(number * perSheet, (number + 1) * perSheet), number, last, every: !fooled };
  }
  strip() {
    const { group, chosen } = this;
    const { places, number, last, every } = this.sheet;
    const drawn = places.map(at => this.cell(at, this.sides[chosen.added]));
    this.part('strip').set(places.length ? `<ul class="strip">${drawn.join('')}</ul>` : group.none);
    const first = number * group.perSheet + 1;
    this.part('place').set(group.places[`${every ? 'all' : 'fooled'} ${first} ${places.length}`] ?? '');
    this.part('legend').set(group.legend);
    const still = !this.run?.running;
    this.part('earlier').set({ interactive: still && number > 0 });
    this.part('later').set({ interactive: still && number < last });
  }
  cell(at, shown) {
    const { group, chosen } = this;
    const truth = group.classes[group.labels[at]];
    const around = { number: String(at + 1), truth, picture: this.picture(this.image(at), shown) };
    const [a, b] = ['a', 'b'].map(side => group.classes[group.reads[chosen[side]][at]]);
    const { kind, ...said } = shown ? this.said(at, shown) : { kind: this.rightBefore(at), a, b };
    const cell = filled(group.cells[chosen.added][kind], { ...around, ...said });
    return at === this.large ? cell.replace('aria-pressed="false"', 'aria-pressed="true"') : cell;
  }
}
