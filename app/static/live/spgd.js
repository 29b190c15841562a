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

// Steps of the attack on `model`, each as {iteration, delta, fooling}; `fooling` is the fraction of the mini-batch that
// the delta before the step gave another class than no delta. `split` has images (uint8, N x 3 x H x W), labels and n;
// `model` computes: step(inputs) and classes(images, n, delta).
export async function* spgd(model, split, settings) {
  const { epsilon, steps, seed, target, defaults } = settings;
  const size = split.images.length / split.n;
  const limit = epsilon / 255;
  const clean = new Int32Array(split.n).fill(-1);
  const batches = miniBatches(split.n, defaults.batch_size, seed);
  const aim = target == null ? { direction: 1, least: 0 } : { direction: -1, least: defaults.least };
  let delta = randomStart(size, limit, seed);
  let velocity = new Float32Array(size);
  for (let iteration = 1; iteration <= steps; iteration++) {
    const index = batches.next().value;
    const images = gathered(split.images, index, size);
    const labels = Int32Array.from(index, i => target ?? split.labels[i]);
    const fresh = index.filter(i => clean[i] < 0);
    if (fresh.length) {
      const classes = await model.classes(gathered(split.images, fresh, size), fresh.length, null);
      fresh.forEach((i, place) => {
        clean[i] = classes[place];
      });
    }
    const length = stepSize(iteration, steps, defaults) * limit;
    const given = { images, labels, delta, velocity, epsilon: limit, size: length, ...aim };
    const found = await model.step(given, index.length);
    const changed = index.filter((i, place) => found.classes[place] !== clean[i]).length;
    [delta, velocity] = [found.delta, found.velocity];
    yield { iteration, delta, fooling: changed / index.length };
  }
}

function gathered(images, index, size) {
  const found = new Uint8Array(index.length * size);
  index.forEach((i, place) => {
    found.set(images.subarray(i * size, (i + 1) * size), place * size);
  });
  return found;
}
