// S-PGD as core/attacks/spgd.py does it: the graph computes a step, this file is what lies around the steps.
import { miniBatches, randomStart } from './random.js';

// The length of a step in units of epsilon: a cosine from the first one to `last_step` times that.
export function stepSize(iteration, steps, { step_size: first, last_step: last }) {
  const falling = 0.5 * (1 + Math.cos((Math.PI * (iteration - 1)) / steps));
  return first * (last + (1 - last) * falling);
}

// A delta in whole units of 1/255, rounded towards zero so that it stays within epsilon (threat.quantise).
export function quantised(delta) {
  return Int8Array.from(delta, value => Math.trunc(Math.fround(value * 255) + Math.sign(value) * 1e-4));
}

// Units of 1/255 as floats.
export function fromUnits(units) {
  return Float32Array.from(units, value => value / 255);
}

export const IGNORE = 255; // the label of a pixel without a class

export const isCounted = (label, each) => each === 1 || label !== IGNORE;

// What the model shall see in place of the labels (objectives.aimed): a class, a label map, or the labels themselves.
export function aimed(labels, target, each) {
  if (target == null) return Int32Array.from(labels);
  const wanted = typeof target === 'number' ? () => target : i => target[i % each];
  return Int32Array.from(labels, (label, i) => (isCounted(label, each) ? wanted(i) : label));
}

// Steps of the attack on `model`, each as {iteration, delta, fooling}; `fooling` is the fraction of the mini-batch that
// the delta before the step gave another class than no delta. `split` has images (uint8, N x 3 x H x W), labels, one an
// image or one a pixel, and n; `model` computes: step(inputs, n) and classes(images, n, delta).
export async function* spgd(model, split, settings) {
  const { epsilon, steps, seed, target, defaults, batch } = settings;
  const [size, each] = [split.images.length / split.n, split.labels.length / split.n];
  const limit = epsilon / 255;
  const clean = new Map();
  const batches = miniBatches(split.n, batch, seed);
  const aim = target == null ? { direction: 1, least: 0 } : { direction: -1, least: defaults.least };
  let delta = randomStart(size, limit, seed);
  let velocity = new Float32Array(size);
  for (let iteration = 1; iteration <= steps; iteration++) {
    const index = batches.next().value;
    const [images, truth] = [gathered(split.images, index, size), gathered(split.labels, index, each)];
    const fresh = index.filter(i => !clean.has(i));
    if (fresh.length) {
      const classes = await model.classes(gathered(split.images, fresh, size), fresh.length, null);
      fresh.forEach((i, place) => {
        clean.set(i, classes.slice(place * each, (place + 1) * each));
      });
    }
    const length = stepSize(iteration, steps, defaults) * limit;
    const labels = aimed(truth, target, each);
    const given = { images, labels, delta, velocity, epsilon: limit, size: length, ...aim };
    const found = await model.step(given, index.length);
    let [changed, counted] = [0, 0];
    truth.forEach((label, k) => {
      if (!isCounted(label, each)) return;
      counted++;
      if (found.classes[k] !== clean.get(index[Math.floor(k / each)])[k % each]) changed++;
    });
    [delta, velocity] = [found.delta, found.velocity];
    yield { iteration, delta, fooling: changed / Math.max(counted, 1) };
  }
}

// The parts of so many values of the images with these numbers.
export function gathered(values, index, size) {
  const found = new values.constructor(index.length * size);
  index.forEach((i, place) => {
    found.set(values.subarray(i * size, (i + 1) * size), place * size);
  });
  return found;
}
