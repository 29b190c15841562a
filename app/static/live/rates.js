import { Twister } from './random.js';

// A fraction of n with its 95% interval (Wilson 1927), as core/evaluation/report.py gives it.
const Z = 1.959963984540054;

export function rate(successes, n) {
  const value = successes / n;
  const middle = value + (Z * Z) / (2 * n);
  const reach = Z * Math.sqrt((value * (1 - value)) / n + (Z * Z) / (4 * n * n));
  const [low, high] = [-1, 1].map(sign => (middle + sign * reach) / (1 + (Z * Z) / n));
  return { successes, n, value, low: Math.max(low, 0), high: Math.min(high, 1) };
}

// A fraction over all counted pixels of scenes, with a 95% bootstrap interval over scenes (core/evaluation/segmentation.py).
export function sceneRate(hits, counted) {
  const kept = counted.flatMap((number, i) => (number ? [i] : []));
  const over = scenes => {
    let [part, whole] = [0, 0];
    for (const i of scenes) {
      part += hits[i];
      whole += counted[i];
    }
    return part / whole;
  };
  const twister = new Twister(0);
  const drawn = Array.from({ length: 1000 }, () => over(kept.map(() => kept[twister.next() % kept.length])));
  drawn.sort((a, b) => a - b);
  return { value: over(kept), low: drawn[25], high: drawn[974], n: kept.length };
}
