// An attack on both models of the Compare tab in the visitor's own browser, and what the page tells of it (`forming.py`).
const SMOOTHING = 0.85; // as app/service/live.py has it
const whole = fraction => (100 * fraction).toFixed(0);
export const LETTERS = ['a', 'b'];

// Values colour by colour, as graphs have them, as height x width x RGB.
function interleaved(units) {
  const one = units.length / 3;
  return Int8Array.from(units, (_, at) => units[(at % 3) * one + Math.floor(at / 3)]);
}

export class Run {
  // `settings` are those of `attack` in live/client.js, `held` is how many held-out pictures the page holds, and `key`
  // is what was chosen.
  constructor(live, settings, { held, key, facts }) {
    Object.assign(this, { live, settings, held, key, facts, running: true, dropped: false });
    this.sentence = 'Reading models and pictures.';
    this.sides = Object.fromEntries(
      LETTERS.map((letter, at) => [letter, { epsilon: settings.epsilons[at], raw: [], smooth: [], reads: {} }]),
    );
  }
  get drawable() {
    return LETTERS.every(letter => this.sides[letter].units);
  }
  // What both sides are in: `forming`, also while they are measured, `stopped` or `measured`.
  get state() {
    return this.running ? 'forming' : this.sides.a.state;
  }
  // Goes to the end, or to where `stop` ends it; `changed` hears of each step.
  async go(changed) {
    const { live, settings } = this;
    this.began = performance.now();
    const found = await live.attack(settings, tick => {
      this.step(tick);
      changed();
    });
    if (this.dropped) return;
    const reports = found.stopped ? [] : await this.measured(changed);
    this.running = false;
    if (reports.length === 2) {
      const seconds = ((performance.now() - this.began) / 1000).toFixed(0);
      const { n } = this.facts.held_out;
      this.sentence = `Done in ${seconds} s in this browser: crafted on ${settings.images} training images, measured on ${n} held-out ones.`;
      return;
    }
    await this.stopped();
  }
  step({ side: number, iteration, steps, units, fooling, seconds, seen }) {
    const side = this.sides[LETTERS[number]];
    const before = side.smooth.at(-1);
    side.raw.push(fooling);
    side.smooth.push(before === undefined ? fooling : SMOOTHING * before + (1 - SMOOTHING) * fooling);
    this.take(side, units);
    Object.assign(side, { state: 'forming', step: iteration, seconds });
    this.settings.watched.forEach((place, at) => {
      side.reads[place] = seen[at];
    });
    const done = 2 * (iteration - 1) + number + 1;
    const pace = (performance.now() - this.began) / 1000 / done;
    const { held_out, batch_size } = this.facts;
    // a step is about three predictions, and each side has two of every held-out picture
    const left = pace * (2 * steps - done + (4 * held_out.n) / (3 * batch_size));
    this.sentence = `Step ${iteration} of ${steps} in this browser, about ${left.toFixed(0)} s left.`;
  }
  take(side, units) {
    const most = units.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    Object.assign(side, { planes: units, units: interleaved(units), key: `run ${Math.random()}` });
    side.amplify = most ? Math.max(1, Math.floor(127 / most)) : 1;
  }
  asked(letter) {
    const { group, models } = this.settings;
    return { group, model: models[LETTERS.indexOf(letter)], units: this.sides[letter].planes };
  }
  // Both measured on all held-out pictures of the edition; fewer reports where it was stopped.
  async measured(changed) {
    const reports = [];
    for (const letter of LETTERS) {
      const side = this.sides[letter];
      const began = performance.now();
      const given = { ...this.asked(letter), target: this.settings.target };
      const report = await this.live.measure(given, ({ what, done, n }) => {
        Object.assign(side, { state: 'measuring', done: what === 'clean' ? 0 : done / n });
        this.sentence = `Measuring ${letter.toUpperCase()} on held-out images, ${what}: ${done} of ${n}.`;
        changed();
      });
      if (report.stopped) return reports;
      side.reads = [...report.predictions.slice(0, this.held)];
      side.seconds += (performance.now() - began) / 1000;
      reports.push(Object.assign(side, { state: 'measured', report }));
      changed();
    }
    return reports;
  }
  async stopped() {
    this.sentence = 'Stopped before the first step of both.';
    if (!this.drawable) return;
    for (const letter of LETTERS) {
      const found = await this.live.read({ ...this.asked(letter), n: this.held });
      Object.assign(this.sides[letter], { state: 'stopped', report: null, reads: [...found] });
    }
    this.sentence = `Stopped at step ${this.sides.a.step}: the patterns stay, not measured on held-out images.`;
  }
  // What the slots of a text say of one side.
  values(letter, end = '') {
    const { epsilon, amplify, step, smooth, done = 0, seconds, report } = this.sides[letter];
    const { steps, images, seed } = this.settings;
    const found = { epsilon, amplify, step, steps, images, seed, fooled: whole(smooth.at(-1)), done: whole(done) };
    found.seconds = seconds.toFixed(1);
    const rate = report && (report.target ?? report.accuracy);
    for (const name of rate ? ['value', 'low', 'high'] : []) {
      found[name] = whole(rate[name]);
      found[`not_${name}`] = whole(1 - rate[name]);
    }
    if (rate) found.n = rate.n.toLocaleString('en');
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [name + end, String(value)]));
  }
  get both() {
    return { ...this.values('a', '_a'), ...this.values('b', '_b') };
  }
  // The figure of a run from that of one step, or the stored figure with both marks where the run has them.
  figure(text) {
    const found = JSON.parse(text);
    if (this.running) {
      LETTERS.forEach((letter, at) => {
        const { raw, smooth } = this.sides[letter];
        const x = raw.map((_, number) => number + 1);
        const percent = values => values.map(value => 100 * value);
        Object.assign(found.data[2 * at], { x, y: percent(raw) });
        Object.assign(found.data[2 * at + 1], { x, y: percent(smooth) });
      });
      found.layout.xaxis.range = [0, this.settings.steps];
      return JSON.stringify(found);
    }
    const marks = found.data.filter(trace => trace.mode === 'markers');
    for (const [at, mark] of marks.entries()) {
      const { report } = this.sides[LETTERS[at]];
      if (report) mark.y = [100 * (report.target ?? report.accuracy).value];
    }
    if (!this.sides.a.report) found.data = found.data.filter(trace => !marks.includes(trace));
    return JSON.stringify(found);
  }
  // The header of a safetensors file with this pattern in the place of the stored one.
  header(text, letter) {
    const found = JSON.parse(text);
    const { report } = this.sides[letter];
    const { steps, images, seed } = this.settings;
    const made = { steps, crafting_images: images, seed, hardware: 'this browser', report: 'not measured' };
    if (report) made.report = JSON.stringify({ ...report, predictions: undefined, stopped: undefined });
    delete found.__metadata__.checksum; // that of the stored pattern
    for (const [name, value] of Object.entries(made)) found.__metadata__[name] = String(value);
    const packed = JSON.stringify(found);
    const bytes = new TextEncoder().encode(packed).length;
    return packed + ' '.repeat((8 - (bytes % 8)) % 8);
  }
  // The numbers of the page with those of the run in the place of stored ones.
  numbers(text) {
    const found = JSON.parse(text);
    const { steps, images, seed } = this.settings;
    for (const letter of LETTERS) {
      const { report } = this.sides[letter];
      const { successes, ...rate } = report ? (report.target ?? report.accuracy) : {};
      const made = { steps, crafted_on: images, seed, live: true };
      const measured = report ? { ...rate, method: 'Wilson' } : null;
      Object.assign(found[letter], { measured, made, visibility: null, search: '', hardware: 'This browser' });
    }
    return JSON.stringify(found, null, 1);
  }
}
