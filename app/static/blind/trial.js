// The blind test itself: a start, the pairs, and the result. It needs an element and the material, no server.
import { card, figure, png } from './drawing.js';
import { changed, draw, nearest, plain, unpacked } from './picture.js';
import { estimate, next, PAIRS, STRONGEST, series, unknown, updated } from './threshold.js';
import { interval, MARKS, predicted, seen, sentence } from './words.js';

const MASK = 150; // milliseconds of grey between two pairs
const SIDES = ['a', 'b'];
const FIRST = ['arrowleft', 'arrowup', 'f'];
const SECOND = ['arrowright', 'arrowdown', 'j'];
const VIEWED = 384; // the height in pixels that a JOD holds for
export const SERIES = 10_000;

const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
const safe = words => String(words).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

// Shows the test in `element`. `address(seed)` is where the view opens again; `reseeded(seed)` hears of another series.
// Returns a function that ends the test and what it listens to.
export async function mount(element, material, { address, reseeded }) {
  const ends = new AbortController();
  const root = element.ownerDocument.documentElement;
  let { seed } = material;
  let bytes;
  let run = null;
  let made = ''; // the address of the card's picture
  element.style.setProperty('--ratio', material.size[1] / material.size[0]);
  element.classList.toggle('coarse', material.coarse);
  try {
    bytes = await unpacked(material);
  } catch {
    element.innerHTML =
      '<p class="missing">This browser cannot unpack the pictures; it takes one of 2023 or newer.</p>';
    return () => {};
  }
  if (ends.signal.aborted) return () => {};

  function begin() {
    run = null;
    root.classList.remove('seeing');
    const shown = [['the image as it is', null], ...SIDES.map(key => [`${material[key].letter} ${MARKS[key]}`, key])];
    const figures = shown.map(
      ([words, key]) =>
        `<figure><canvas role="img" aria-label="A held-out image${key ? ` with the pattern of ${material[key].letter} at ${STRONGEST}/255` : ''}"></canvas>` +
        `<figcaption class="${key ?? ''}">${words}${key ? ` at ${STRONGEST}/255` : ''}</figcaption></figure>`,
    );
    element.innerHTML =
      `<h1>Can you see it? Twenty pairs of pictures; in each, one has a pattern added.</h1>` +
      `<div class="examples">${figures.join('')}</div>` +
      `<p class="note">Both patterns at their strongest. In the test they are mostly weaker.</p>` +
      `<p><button type="button" class="go">Start</button></p>` +
      `<p class="note">Choose the changed picture: press it, or ← and → (also F and J). No time limit; guess where you see nothing.</p>` +
      `<p class="screen-reader-only">This test is about seeing: it cannot be done by ear. For standard observers, ` +
      `ColorVideoVDP predicts that they see the pattern of A ${predicted(material.a)}, and that of B ${predicted(material.b)}.</p>`;
    const [first] = bytes.pictures;
    for (const [place, canvas] of element.querySelectorAll('canvas').entries()) {
      const key = shown[place][1];
      const rgba = key ? changed(first, nearest(bytes[key], STRONGEST), STRONGEST) : plain(first);
      draw(canvas, rgba, material.size);
    }
    element.querySelector('.go').addEventListener('click', start);
  }

  function start() {
    URL.revokeObjectURL(made);
    root.classList.add('seeing');
    run = {
      pairs: series(seed, bytes.pictures.length),
      belief: { a: unknown(), b: unknown() },
      answers: { a: [], b: [] },
      at: 0,
      waits: false,
      drawn: VIEWED,
    };
    const choice = (which, words) =>
      `<button type="button" data-which="${which}" aria-label="${words}"><canvas></canvas></button>`;
    element.innerHTML =
      `<div class="asked"><h2 tabindex="-1">Which one was changed?</h2><span class="count" role="status"></span>` +
      `<progress max="${2 * PAIRS}" value="0" aria-hidden="true"></progress></div>` +
      `<div class="pair">${choice('first', 'The first picture was changed')}${choice('second', 'The second picture was changed')}</div>` +
      `<p class="note keys"><span>← or F, → or J; Esc ends the test</span> <button type="button" class="plain end">End</button></p>`;
    for (const button of element.querySelectorAll('[data-which]')) {
      button.addEventListener('click', () => answer(button.dataset.which === 'first'));
    }
    element.querySelector('.end').addEventListener('click', () => stop());
    element.querySelector('h2').focus({ preventScroll: true });
    element.scrollIntoView({ block: 'nearest' });
    show();
  }

  function show() {
    const pair = run.pairs[run.at];
    run.strength = next(run.belief[pair.side]);
    const picture = bytes.pictures[pair.picture];
    const both = [changed(picture, nearest(bytes[pair.side], run.strength), run.strength), plain(picture)];
    if (!pair.first) both.reverse();
    for (const [place, canvas] of element.querySelectorAll('.pair canvas').entries())
      draw(canvas, both[place], material.size);
    element.querySelector('.count').textContent = `${run.at + 1} of ${2 * PAIRS}`;
    element.querySelector('progress').value = run.at;
    run.drawn = Math.min(run.drawn, ...[...element.querySelectorAll('.pair canvas')].map(shorter));
  }

  function answer(first) {
    if (!run || run.waits) return;
    const { side, first: truth } = run.pairs[run.at];
    const right = first === truth;
    run.belief[side] = updated(run.belief[side], run.strength, right);
    run.answers[side].push({ strength: run.strength, right });
    run.at += 1;
    if (run.at === run.pairs.length) {
      end();
      return;
    }
    if (still()) {
      show();
      return;
    }
    const [box, mine] = [element.querySelector('.pair'), run];
    run.waits = true;
    box.classList.add('masked');
    setTimeout(() => {
      if (run !== mine || ends.signal.aborted) return;
      show();
      box.classList.remove('masked');
      run.waits = false;
    }, MASK);
  }

  function stop() {
    begin();
    element.querySelector('.go').focus({ preventScroll: true });
  }

  function end() {
    const found = Object.fromEntries(
      SIDES.map(key => [key, { ...estimate(run.belief[key]), answers: run.answers[key] }]),
    );
    const drawn = Math.round(run.drawn);
    run = null;
    root.classList.remove('seeing');
    const sentences = SIDES.map(key => sentence(material[key], found[key]));
    const where = address(seed);
    const size = drawn < VIEWED ? `Here they were ${drawn} pixels. ` : '';
    element.innerHTML =
      `<h1 tabindex="-1">${sentences.map(safe).join(' ')}</h1>` +
      `<div class="found"><div>${figure(material, found)}` +
      `<p class="note">✓ ✗: your answers. Bar: where 75% are right, 95% interval. Dotted: standard observers (JOD), on pictures ` +
      `drawn ${VIEWED} pixels high or wide. ${size}Your display and distance count too.</p></div>` +
      `<div><img class="taken" width="1200" height="630" alt="">` +
      `<p class="keep"><a class="go" download="plainsight-can-you-see-it.png">Download picture</a>` +
      `<button type="button" data-copy="${safe(where)}">Copy link</button>` +
      `<button type="button" class="again">Again</button></p>${table(found)}</div></div>`;
    element.querySelector('.again').addEventListener('click', again);
    element.querySelector('h1').focus({ preventScroll: true });
    take(card(material, found, sentences, where), sentences.join(' '));
  }

  function table(found) {
    const rows = SIDES.map(key => {
      const right = found[key].answers.filter(one => one.right).length;
      return (
        `<tr><th scope="row" class="${key}">${material[key].letter} ${MARKS[key]}</th><td>${right} of ${found[key].answers.length}</td>` +
        `<td>${seen(found[key])}</td><td>${interval(found[key])}</td><td>${predicted(material[key])}</td></tr>`
      );
    });
    const head = ['', 'right', 'you', '95% interval', 'standard observer'].map(
      words => `<th scope="col">${words}</th>`,
    );
    return `<table class="answers-table"><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
  }

  async function take(svg, words) {
    const file = await png(svg);
    const picture = element.querySelector('.taken');
    if (!file || !picture || ends.signal.aborted) return;
    made = URL.createObjectURL(file);
    Object.assign(picture, { src: made, alt: `Card: ${words}` });
    element.querySelector('[download]').href = made;
  }

  function again() {
    seed = (seed + 1) % SERIES; // other sides and pictures, since the last ones are known
    reseeded(seed);
    start();
  }

  const shorter = canvas => Math.min(canvas.clientWidth, canvas.clientHeight);

  element.ownerDocument.addEventListener(
    'keydown',
    event => {
      if (!run || !element.getClientRects().length || event.altKey || event.ctrlKey || event.metaKey) return;
      const key = event.key.toLowerCase();
      if (key === 'escape') stop();
      else if (FIRST.includes(key) || SECOND.includes(key)) {
        if (!event.repeat) answer(FIRST.includes(key));
      } else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true, signal: ends.signal },
  );
  begin();
  return () => {
    ends.abort();
    URL.revokeObjectURL(made);
    if (run) root.classList.remove('seeing');
    run = null;
  };
}
