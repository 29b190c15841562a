// A fraction of n with its 95% interval (Wilson 1927), as core/evaluation/report.py gives it.
const Z = 1.959963984540054;

export function rate(successes, n) {
  const value = successes / n;
  const middle = value + (Z * Z) / (2 * n);
  const reach = Z * Math.sqrt((value * (1 - value)) / n + (Z * Z) / (4 * n * n));
  const [low, high] = [-1, 1].map(sign => (middle + sign * reach) / (1 + (Z * Z) / n));
  return { successes, n, value, low: Math.max(low, 0), high: Math.min(high, 1) };
}
