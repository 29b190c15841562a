// The Segmentation tab: a held-out scene, and what both models see in it, drawn from stored label maps.
import { Attacked } from './attacked.js';
import { pngAddress } from './bitmap.js';
import { filled, joined, load } from './store.js';

const SCENES = { show: ['labels', 'flips'], amplify: ['0', '1'], only: /^\d{1,3}$/, scene: /^\d{1,4}$/ };
const NONE = 255; // of pixels without a class

export class Scenes extends Attacked {
  constructor(edition, told) {
    super('segmentation', SCENES, edition, told);
  }
  listen() {
    super.listen();
    for (const name of ['show', 'amplify']) this.part(name).on(value => this.look({ [name]: value }));
    this.part('earlier').on(() => this.leaf(-1));
    this.part('later').on(() => this.leaf(1));
    this.part('legend').on(value =>
      this.look({ only: this.chosen.only === String(value) ? undefined : String(value) }),
    );
  }
  idle() {
    return super.idle() + (this.edition.live ? ' The browser attacks classifiers only; scenes take the app.' : '');
  }
  leaf(by) {
    const { leaves } = this.aims;
    return this.look({ scene: String(leaves[leaves.indexOf(this.scene) + by]) });
  }
  get aims() {
    return this.group.aims[this.chosen.target ?? ''];
  }
  async read(place, sides, view) {
    const { leaves } = this.aims;
    const asked = Number(this.chosen.scene ?? view.scene);
    this.scene = leaves.find(one => one >= asked) ?? leaves.at(-1);
    const { image, labels } = await load(`${place}/scene-${this.scene}`);
    this.key = `${place} ${this.scene}`;
    await this.keep(this.key, image);
    await this.keep(`${this.key} labels`, labels);
    for (const side of Object.values(sides)) {
      const clean = this.group.sees[side.name];
      await this.keep(`${this.key} ${side.name}`, clean[0][this.scene]);
      await this.keep(`${this.key} ${side.key}`, side.sees[this.scene]);
      side.said = { clean: clean[1][this.scene], attacked: side.words[this.scene] };
      side.before = await this.layer(`${this.key} ${side.name}`);
      const flips = this.chosen.show === 'flips';
      side.after = await this.layer(`${this.key} ${side.key}`, flips ? `${this.key} ${side.name}` : '');
    }
    this.truth = await this.layer(`${this.key} labels`);
    const { removed } = this.aims;
    this.removed = removed === null ? '' : await this.layer(`${this.key} labels`, '', removed);
  }
  // The address of a label map as a layer: all classes or one, and on attacked ones all pixels or those that flipped.
  async layer(key, before = '', only = this.chosen.only) {
    const name = `${key} ${before && 'flips'} ${only ?? ''}`;
    if (this.addresses.has(name)) return this.addresses.get(name);
    const [labels, other] = [this.images.get(key), this.images.get(before)];
    const colours = this.group.colours.map(text => [1, 3, 5].map(at => Number.parseInt(text.slice(at, at + 2), 16)));
    const values = new Uint8Array(4 * labels.length);
    for (const [at, label] of labels.entries()) {
      if (label === NONE || (only !== undefined && label !== Number(only)) || other?.[at] === label) continue;
      values.set([...colours[label], 255], 4 * at);
    }
    const found = await pngAddress(values, this.group.size, 4);
    this.addresses.set(name, found);
    return found;
  }
  draw() {
    const { aims, chosen, group, sides } = this;
    const at = aims.leaves.indexOf(this.scene);
    const around = { photo: this.picture(this.key), truth: this.truth, removed: this.removed };
    this.part('street').set(filled(joined(aims.streets[at], group.strings), around));
    this.part('place').set(joined(aims.places[at], group.strings));
    this.part('earlier').set({ interactive: at > 0 });
    this.part('later').set({ interactive: at < aims.leaves.length - 1 });
    for (const letter of ['a', 'b']) {
      const side = sides[letter];
      const { before, after, said } = side;
      const pattern = this.pattern(side, Number(chosen.amplify) || side.amplify);
      const row = side.text(side.rows[`${letter} ${chosen.show} ${chosen.amplify}`]);
      const values = { ...said, before, after, picture: this.picture(this.key, side) };
      this.part(`row_${letter}`).set(filled(row.replace(`@pattern-${letter}@`, pattern), values));
      this.part(`summary_${letter}`).set(side.text(side.summary[letter]));
    }
    for (const name of ['show', 'amplify']) this.part(name).set({ value: chosen[name] });
    for (const button of this.part('legend').element.querySelectorAll('[data-class]')) {
      button.ariaPressed = String(button.dataset.class === chosen.only);
    }
  }
}
