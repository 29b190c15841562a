// What the answers say, in sentences that hold for every outcome.
import { STRONGEST, WEAKEST } from './threshold.js';

const number = value => String(Math.round(100 * value) / 100);
export const whole = strength => Math.max(WEAKEST, Math.round(strength));
export const MARKS = { a: '●', b: '▲' };

// Whether a threshold lies below, within or above the strengths that are shown.
function reach({ threshold }) {
  if (threshold < WEAKEST) return 'below';
  return threshold > STRONGEST ? 'above' : 'within';
}

// The interval in whole steps, rounded outwards.
export function interval({ low, high }) {
  const from = low < WEAKEST ? `below ${WEAKEST}` : String(Math.floor(low));
  const to = high > STRONGEST ? `over ${STRONGEST}` : String(Math.ceil(high));
  return from === to ? from : `${from} to ${to}`;
}

// From which strength a person sees it, as short as a legend needs it.
export function seen(found) {
  return {
    below: `already at ${WEAKEST}/255`,
    within: `from ${whole(found.threshold)}/255`,
    above: `not at ${STRONGEST}/255`,
  }[reach(found)];
}

const SURE = 0.95;

// Which comes first with a probability of 95%: the person sees the pattern, or the model falls. Empty where not known.
export function comesFirst(side, found) {
  const falls = side.breaks ?? side.reaches; // without a breaking point it lies beyond what was searched
  if (falls === null) return '';
  const seenBefore = falls > 0 ? found.below(falls) : 0;
  if (seenBefore >= SURE) return 'seen';
  return side.breaks !== null && seenBefore <= 1 - SURE ? 'falls' : 'open';
}

const noun = side => (side.noun.startsWith('model ') ? side.noun : `the ${side.noun}`);

// One sentence on one model.
export function sentence(side, found) {
  const pattern = `${side.letter}’s pattern`;
  const sees = {
    below: `You see ${pattern} already at ${WEAKEST}/255`,
    within: `You see ${pattern} from ${whole(found.threshold)}/255`,
    above: `You do not see ${pattern} even at ${STRONGEST}/255`,
  }[reach(found)];
  const first = comesFirst(side, found);
  if (!first) return `${sees}; at what strength ${noun(side)} falls was not measured.`;
  if (side.breaks === 0) return `${sees}; ${noun(side)} is that wrong without any pattern.`;
  const falls = side.breaks === null ? `holds even at ${number(side.reaches)}` : `falls at ${number(side.breaks)}`;
  if (first === 'seen') return `${sees}; ${noun(side)} ${falls}.`;
  if (first === 'falls') return `${sees}; ${noun(side)} ${falls}, before you see it.`;
  return `${sees}; ${noun(side)} ${falls} (too close to tell).`;
}

// What the model of a standard observer predicts: the strength at which JOD falls to 9.
export function predicted(side) {
  if (side.jod.length < 2) return 'not stored';
  return side.noticed === null ? `not at ${number(side.jod.at(-1)[0])}/255` : `from ${side.noticed.toFixed(1)}/255`;
}

// When the model is broken, as short as a legend needs it.
export function falls(side) {
  if (side.breaks !== null) return `falls at ${number(side.breaks)}/255`;
  return side.reaches === null ? 'not measured' : `holds at ${number(side.reaches)}/255`;
}
