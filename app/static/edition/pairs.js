// Tabs that tell stored results of two models: every pair is stored as the app shows it.

import { parts } from './parts.js';
import { joined, load, slug } from './store.js';

const LOOKS = { side: ['a', 'b'], shown: ['pair', 'all'], seed: /^\d{1,4}$/ };
const looksFit = (name, value) => (LOOKS[name].includes ? LOOKS[name].includes(value) : LOOKS[name].test(value));

export class Pairs {
  constructor(name, edition, changed) {
    Object.assign(this, { name, edition, changed, own: edition.tabs[name], chosen: {} });
    this.looks = Object.keys(LOOKS).filter(one => one in this.usual(this.own.usual));
  }
  // The first view of a group of models.
  usual(group) {
    return { ...this.own.groups[group].first };
  }
  // What an address asks for, and the names of what in it fits nothing.
  understood(query) {
    const known = query.data in this.own.groups;
    const chosen = this.usual(known ? query.data : this.own.usual);
    const odd = query.data && !known ? ['data'] : [];
    const models = this.own.groups[chosen.data].models;
    for (const side of ['a', 'b']) {
      if (query[side] === undefined) continue;
      if (models.includes(query[side])) chosen[side] = query[side];
      else odd.push(side);
    }
    for (const name of this.looks) {
      if (query[name] === undefined) continue;
      if (looksFit(name, query[name])) chosen[name] = query[name];
      else odd.push(name);
    }
    return [chosen, odd];
  }
  idle() {
    return '';
  }
  query() {
    return new URLSearchParams(this.chosen);
  }
  part(name) {
    return parts[`${this.name}.${name}`];
  }
  listen() {
    const controls = ['data', 'a', 'b', ...this.looks].map(name => [name, this.part(`controls.${name}`)]);
    for (const [name, control] of controls) control?.on(value => this.choose({ [name]: value }));
    for (const name of ['kind', 'sigma', 'epsilon']) {
      this.part(`controls.${name}`)?.on(value => this.step(name, value));
    }
    for (const name of ['curves', 'needed', 'models', 'figure']) {
      this.part(name)?.on(value => this.choose({ [this.chosen.side]: value }));
    }
    this.part('stage')?.on(value => this.choose({ seed: String(value) }, true));
    this.part('to_compare').on(() => this.changed.onward(this.chosen));
  }
  choose(change, quietly = false) {
    const other = change.data && change.data !== this.chosen.data;
    this.chosen = { ...(other ? this.usual(change.data) : this.chosen), ...change };
    return quietly ? this.changed.address() : this.show();
  }
  // A setting was moved: with it comes the model that is nearest.
  step(name, value) {
    const { steps } = this.own.groups[this.chosen.data];
    const [model, sentence] = steps[this.chosen[this.chosen.side]].leads[name][value];
    this.chosen = { ...this.chosen, [this.chosen.side]: model };
    return this.show(sentence);
  }
  async show(sentence = '') {
    const { data, a, b } = this.chosen;
    const [common, file] = await Promise.all(
      [`${slug(data)}/common`, `${slug(data)}/${slug(a)}`].map(name => load(`${this.name}/${name}`)),
    );
    if (this.chosen.data !== data || this.chosen.a !== a || this.chosen.b !== b) return;
    const view = file.views[[b, this.looks.includes('shown') ? this.chosen.shown : ''].join(' ').trim()];
    this.menus();
    for (const [name, value] of Object.entries(view)) {
      const text = Array.isArray(value) || typeof value === 'number';
      this.part(name).set(text ? this.made(name, joined(value, file.strings, common)) : value);
    }
    this.onward();
    this.changed.shown(sentence, this.name);
  }
  // The blind test's material has the seed and the address of a view.
  made(name, text) {
    if (name !== 'stage') return text;
    return JSON.stringify({ ...JSON.parse(text), seed: Number(this.chosen.seed), query: String(this.query()) });
  }
  menus() {
    const { data, side } = this.chosen;
    const group = this.own.groups[data];
    const menus = group.steps ? group.steps[this.chosen[side]].controls : group.menus;
    for (const [name, menu] of Object.entries(menus)) {
      const short = name.replace('controls.', '');
      this.part(name).set({ ...menu, ...(short in this.chosen && { value: this.chosen[short] }) });
    }
    const choices = Object.entries(this.own.labels).map(([name, words]) => [words, name]);
    this.part('controls.data').set({ choices, value: data });
  }
  onward() {
    const { data, a, b } = this.chosen;
    const models = this.edition.tabs.compare.groups[data]?.models.map(([, name]) => name);
    if (!models) this.part('to_compare').set({ value: this.edition.elsewhere, interactive: false });
    else if (!models.includes(a) || !models.includes(b)) this.part('to_compare').element.disabled = true;
  }
}
