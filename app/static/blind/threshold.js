// From answers to the strength at which a person sees a pattern: a Bayesian estimate, and what to show next.
// A pair has one changed picture, so that guessing is right half the time. The chance of a right answer rises with the
// strength along a Weibull curve (Watson & Pelli 1983, QUEST); its threshold is the strength with 75% right. The next
// strength is the one that is expected to tell most of the threshold (Kontsevich & Tyler 1999, the Psi method), while the
// slope stays unknown (Prins 2013), so that the interval does not claim more than ten answers tell.
const GUESS = 0.5;
const LAPSE = 0.02;
export const RIGHT = 0.75;
const SCALE = -Math.log(1 - (RIGHT - GUESS) / (1 - GUESS - LAPSE));
const SLOPES = [1.5, 2.1, 3, 4.2];
const LEAST = 0.5;
const OCTAVES = 7;
const STEPS = 12; // thresholds in an octave; all are equally likely at first
const THRESHOLDS = Array.from({ length: OCTAVES * STEPS + 1 }, (_, step) => LEAST * 2 ** (step / STEPS));
export const WEAKEST = 1;
export const STRONGEST = 32;
export const PAIRS = 10; // of each pattern
const STRENGTHS = Array.from({ length: STRONGEST }, (_, step) => step + WEAKEST);

// The chance of a right answer at a strength.
export function chance(strength, threshold, slope) {
  return GUESS + (1 - GUESS - LAPSE) * (1 - Math.exp(-SCALE * (strength / threshold) ** slope));
}

const TABLE = STRENGTHS.map(strength =>
  THRESHOLDS.map(threshold => SLOPES.map(slope => chance(strength, threshold, slope))),
);

// What is believed before the first answer: the probability of each threshold and slope.
export function unknown() {
  return THRESHOLDS.map(() => SLOPES.map(() => 1 / (THRESHOLDS.length * SLOPES.length)));
}

// The belief after an answer.
export function updated(belief, strength, right) {
  const known = TABLE[strength - WEAKEST];
  const joint = belief.map((row, t) => row.map((mass, s) => mass * (right ? known[t][s] : 1 - known[t][s])));
  const total = joint.flat().reduce((sum, mass) => sum + mass);
  return joint.map(row => row.map(mass => mass / total));
}

const marginal = belief => belief.map(row => row.reduce((sum, mass) => sum + mass, 0));

const surprise = mass => (mass > 0 ? -mass * Math.log(mass) : 0);

// What is expected to be unknown of the threshold after an answer (the entropy of its distribution), of which `known` is
// how likely it is to be right.
function left(belief, known) {
  let [expected, rights, all] = [0, 0, 0];
  for (const [t, row] of belief.entries()) {
    let [right, both] = [0, 0];
    for (const [s, mass] of row.entries()) {
      right += mass * known[t][s];
      both += mass;
    }
    expected += surprise(right) + surprise(both - right);
    rights += right;
    all += both;
  }
  return expected - surprise(rights) - surprise(all - rights);
}

// The strength after whose answer the threshold is expected to be known best.
export function next(belief) {
  const expected = TABLE.map(known => left(belief, known));
  return STRENGTHS[expected.indexOf(Math.min(...expected))];
}

// The median of the threshold, its 95% interval, the mean slope, and the probability that the threshold is below a strength.
export function estimate(belief) {
  const masses = marginal(belief);
  const quantile = share => {
    let sum = 0;
    for (const [step, mass] of masses.entries()) {
      if (sum + mass >= share) return LEAST * 2 ** ((step - 0.5 + (share - sum) / mass) / STEPS);
      sum += mass;
    }
    return THRESHOLDS.at(-1);
  };
  const below = strength =>
    masses.reduce((sum, mass, step) => {
      const inside = STEPS * Math.log2(strength / LEAST) - step + 0.5;
      return sum + mass * Math.min(1, Math.max(0, inside));
    }, 0);
  const slope = belief.reduce((sum, row) => sum + row.reduce((part, mass, s) => part + mass * SLOPES[s], 0), 0);
  return { threshold: quantile(0.5), low: quantile(0.025), high: quantile(0.975), slope, below };
}

// Random numbers in [0, 1) that a seed repeats (mulberry32).
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// The pairs of a series: whose pattern, on which picture (never twice in a row), and whether the first one is changed.
export function series(seed, pictures) {
  const draw = random(seed);
  const sides = [...Array(PAIRS).fill('a'), ...Array(PAIRS).fill('b')];
  for (let last = sides.length - 1; last > 0; last--) {
    const other = Math.floor(draw() * (last + 1));
    [sides[last], sides[other]] = [sides[other], sides[last]];
  }
  let picture = Math.floor(draw() * pictures);
  return sides.map(side => {
    picture = (picture + 1 + Math.floor(draw() * Math.max(1, pictures - 1))) % pictures;
    return { side, picture, first: draw() < 0.5 };
  });
}
