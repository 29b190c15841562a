// The result as SVG: for the page in its colours, and as a card of 1200x630 pixels to take home.
import { chance, RIGHT, STRONGEST, WEAKEST } from './threshold.js';
import { falls, interval, MARKS, predicted, seen } from './words.js';

export const CARD = [1200, 630];
const PAGE = {
  paper: 'var(--paper)',
  ink: 'var(--ink)',
  soft: 'var(--soft)',
  line: 'var(--line)',
  a: 'var(--a)',
  b: 'var(--b)',
};
const PAPER = { paper: '#ffffff', ink: '#1b1f24', soft: '#5b6570', line: '#e3e7eb', a: '#0072b2', b: '#bf5000' };
const TICKS = [1, 2, 4, 8, 16, 32, 64];

const escaped = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const text = (x, y, words, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped(words)}</text>`;
const line = (x1, y1, x2, y2, more) =>
  `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" ${more}/>`;

// The error function's normal distribution (Abramowitz and Stegun 26.2.17, within 1e-7).
export function normal(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return z < 0 ? tail : 1 - tail;
}

// The chance of a right answer that a JOD means: 75% at one JOD below 10 (Thurstone's model, equal variances).
export const ofJod = jod => normal(0.674489750196082 * (10 - jod));

// One mark for A, another for B.
function mark(letter, x, y, size, colour) {
  if (letter === 'A') return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${size}" fill="${colour}"/>`;
  const [w, h] = [1.15 * size, 1.05 * size];
  return `<path d="M${(x - w).toFixed(1)} ${(y + h).toFixed(1)}h${2 * w}l${-w} ${-2 * h}z" fill="${colour}"/>`;
}

// One model's panel: own answers, the curve through them with its threshold, the prediction, and where the model falls.
function panel(side, found, { width, height, left, top, inks, size, reach }) {
  const colour = inks[side.letter.toLowerCase()];
  const [bottom, right] = [top + height, left + width];
  const x = strength => left + (width * Math.log(strength / WEAKEST)) / Math.log(reach / WEAKEST);
  const within = strength => Math.min(right, Math.max(left, x(strength)));
  const y = share => bottom - (height * (share - 0.5)) / 0.5;
  const small = `font-size="${size}" fill="${inks.soft}"`;
  const parts = [1, RIGHT, 0.5].map(
    share =>
      line(left, y(share), right, y(share), `stroke="${inks.line}"`) +
      text(left - 7, y(share) + size / 3, `${100 * share}%`, `text-anchor="end" ${small}`),
  );
  for (const tick of TICKS.filter(tick => tick <= reach)) {
    parts.push(text(x(tick), bottom + 2.4 * size, tick, `text-anchor="middle" ${small}`));
  }
  const steps = Array.from({ length: 61 }, (_, step) => WEAKEST * (reach / WEAKEST) ** (step / 60));
  const curve = at => `M${steps.map(strength => `${x(strength).toFixed(1)} ${y(at(strength)).toFixed(1)}`).join('L')}`;
  if (side.jod.length > 1) {
    const known = side.jod.filter(([strength]) => strength >= WEAKEST && strength <= reach);
    const dots = [[WEAKEST, between(side.jod, WEAKEST)], ...known];
    const path = dots.map(([strength, jod]) => `${x(strength).toFixed(1)} ${y(ofJod(jod)).toFixed(1)}`).join('L');
    parts.push(`<path d="M${path}" fill="none" stroke="${inks.soft}" stroke-width="1.5" stroke-dasharray="2 4"/>`);
  }
  const fitted = strength => chance(strength, found.threshold, found.slope);
  parts.push(`<path d="${curve(fitted)}" fill="none" stroke="${colour}" stroke-width="2.5"/>`);
  if (side.breaks !== null && side.breaks >= WEAKEST && side.breaks <= reach) {
    const at = x(side.breaks);
    const anchor = at > (left + right) / 2 ? ['end', -6] : ['start', 6];
    parts.push(line(at, top - 4, at, bottom, `stroke="${colour}" stroke-width="2" stroke-dasharray="7 3"`));
    const halo = `paint-order="stroke" stroke="${inks.paper}" stroke-width="4"`;
    const words = `font-size="${size}" fill="${colour}" text-anchor="${anchor[0]}" ${halo}`;
    parts.push(text(at + anchor[1], bottom - 0.6 * size, 'model falls', words));
  }
  parts.push(line(within(found.low), y(RIGHT), within(found.high), y(RIGHT), `stroke="${colour}" stroke-width="5"`));
  if (found.threshold >= WEAKEST && found.threshold <= STRONGEST) {
    parts.push(mark(side.letter, x(found.threshold), y(RIGHT), size * 0.62, colour));
  }
  for (const [strength, rights, wrongs] of counted(found.answers)) {
    for (const [count, high, sign] of [
      [rights, top - 0.5 * size, '✓'],
      [wrongs, bottom + 1.1 * size, '✗'],
    ]) {
      if (count) parts.push(text(x(strength), high, sign, `text-anchor="middle" ${small}`));
      const raised = `font-size="${0.75 * size}" fill="${inks.soft}"`;
      if (count > 1) parts.push(text(x(strength) + 0.35 * size, high - 0.4 * size, count, raised));
    }
  }
  return parts.join('');
}

// JOD at a strength, along a line between the stored ones.
function between(jods, strength) {
  const after = jods.findIndex(([other]) => other >= strength);
  if (after < 1) return jods.at(after)[1];
  const [[x0, y0], [x1, y1]] = [jods[after - 1], jods[after]];
  return y0 + ((y1 - y0) * (strength - x0)) / (x1 - x0);
}

// How many right and wrong answers there were at each strength.
function counted(answers) {
  const counts = new Map();
  for (const { strength, right } of answers) {
    const known = counts.get(strength) ?? [strength, 0, 0];
    known[right ? 1 : 2] += 1;
    counts.set(strength, known);
  }
  return [...counts.values()];
}

function reached(material) {
  const most = Math.max(STRONGEST, material.a.breaks ?? 0, material.b.breaks ?? 0);
  return Math.min(64, most > STRONGEST ? most * 1.08 : most);
}

const FONT = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"';

// Both panels below each other, for the page.
export function figure(material, found) {
  const [width, height] = [560, 350];
  const one = (key, top) =>
    panel(material[key], found[key], {
      ...{ width: width - 60, height: 92, left: 46, top, inks: PAGE, size: 12, reach: reached(material) },
    }) + title(material[key], 0, top - 26, 13, PAGE);
  const axis = text(
    width - 14,
    height - 2,
    'strength of the pattern, ε in n/255',
    `text-anchor="end" font-size="12" fill="${PAGE.soft}"`,
  );
  const label = `${summary(material.a, found.a)} ${summary(material.b, found.b)}`;
  return (
    `<svg class="seen-curve" viewBox="0 0 ${width} ${height}" ${FONT} role="img" aria-label="${escaped(label)}">` +
    `${one('a', 44)}${one('b', 212)}${axis}</svg>`
  );
}

function title(side, x, y, size, inks) {
  const key = side.letter.toLowerCase();
  return text(
    x,
    y,
    `${side.letter} ${MARKS[key]} ${side.title}`,
    `font-size="${size}" font-weight="600" fill="${inks[key]}"`,
  );
}

function summary(side, found) {
  const right = found.answers.filter(answer => answer.right).length;
  return `${side.letter}: ${right} of ${found.answers.length} right, you see it ${seen(found)}, interval ${interval(found)}; model ${falls(side)}; standard observer ${predicted(side)}.`;
}

// Words in lines of at most so many letters.
function wrapped(words, letters) {
  const lines = [''];
  for (const word of words.split(' ')) {
    if (lines.at(-1) && lines.at(-1).length + word.length + 1 > letters) lines.push('');
    lines[lines.length - 1] += (lines.at(-1) && ' ') + word;
  }
  return lines;
}

// The card as an SVG document.
export function card(material, found, sentences, address) {
  const [width, height] = CARD;
  const inks = PAPER;
  const bold = `font-size="28" font-weight="600" fill="${inks.ink}"`;
  const parts = [text(48, 64, 'Can you see it?', `font-size="24" font-weight="600" fill="${inks.soft}"`)];
  parts.push(text(width - 48, 64, 'PlainSight', `${bold} text-anchor="end"`));
  for (const [row, words] of sentences.flatMap(one => wrapped(one, 66)).entries()) {
    parts.push(text(48, 116 + 37 * row, words, bold));
  }
  for (const [key, left] of Object.entries({ a: 48, b: 630 })) {
    const [side, one] = [material[key], found[key]];
    const place = { left: left + 46, top: 384, width: 460, height: 88, inks, size: 15, reach: reached(material) };
    const small = `font-size="17" fill="${inks.soft}"`;
    parts.push(title(side, left, 350, 20, inks), panel(side, one, place));
    parts.push(text(left, 538, `you ${seen(one)}, 95% interval ${interval(one)}`, small.replace(inks.soft, inks.ink)));
    parts.push(text(left, 561, `standard observer ${predicted(side)}, model ${falls(side)}`, small));
  }
  const pairs = found.a.answers.length + found.b.answers.length;
  const how = `${pairs} pairs; bar: where 75% of answers are right; dotted: standard observers (JOD); dashed: the model falls`;
  parts.push(text(48, 590, how, `font-size="14" fill="${inks.soft}"`));
  parts.push(text(48, 612, address, `font-size="14" fill="${inks.soft}"`));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ${FONT}>` +
    `<rect width="${width}" height="${height}" fill="${inks.paper}"/>${parts.join('')}</svg>`
  );
}

// The PNG file of an SVG document of the card's size.
export async function png(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: CARD[0], height: CARD[1] });
  canvas.getContext('2d').drawImage(image, 0, 0);
  return new Promise(done => canvas.toBlob(done, 'image/png'));
}
