// The Compare tab: the large image in three states and the strip, put together from what is stored of each side.
import { Attacked } from './attacked.js';
import { filled, load } from './store.js';

const COMPARE = { added: ['clean', 'a', 'b'], which: ['all', 'fooled'], sheet: /^\d{1,4}$/, large: /^\d{1,4}$/ };

export class Compare extends Attacked {
  constructor(edition, told) {
    super('compare', COMPARE, edition, told);
  }
  listen() {
    super.listen();
    for (const name of ['added', 'which']) this.part(name).on(value => this.look({ [name]: value, sheet: '0' }));
    this.part('strip').on(value => this.look({ large: String(value - 1) }));
    this.part('earlier').on(() => this.look({ sheet: String(Math.max(0, Number(this.chosen.sheet) - 1)) }));
    this.part('later').on(() => this.look({ sheet: String(Number(this.chosen.sheet) + 1) }));
    this.part('replays').on(async () => this.part('played').set(await load(this.view.replay)));
  }
  image(at) {
    return `${this.place} ${at}`;
  }
  async read(place, sides) {
    const { perSheet, labels } = this.group;
    this.large = Math.min(Number(this.chosen.large ?? this.telling(sides)), labels.length - 1);
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
    for (const name of ['added', 'which']) this.part(name).set({ value: this.chosen[name] });
    this.part('replays').set({ visible: Boolean(this.view.replay) });
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
      this.part(letter).set(filled(side.text(side.stage[kind]), { ...said, picture }));
    }
  }
  // The places of the images on the sheet, and how many there are to leaf through.
  leaf(sides) {
    const { labels, perSheet } = this.group;
    const all = [...labels.keys()];
    const shown = sides[this.chosen.added];
    const fooled = this.chosen.which === 'fooled' && shown;
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
    this.part('earlier').set({ interactive: number > 0 });
    this.part('later').set({ interactive: number < last });
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
