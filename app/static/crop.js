// Draws the picture in `value` and lets mouse, touch and arrow keys move the frame in it; tells its place in percent.
const box = element.querySelector('.whole');
const PATIENCE = 5000; // milliseconds after which an answer is not waited for any more
let held = null;
let own = null; // the place where the frame was moved to, until the app has answered with it
let waiting = -PATIENCE; // since when the app has not answered

function draw() {
  const next = document.createElement('div');
  next.innerHTML = props.value || '';
  const [before, after] = [box, next].map(one => one.querySelector('figure')?.dataset);
  const same = before && after && before.token === after.token;
  if (same && own !== null && String(own) !== after.at) return tell();
  if (same && held) return;
  own = null;
  const kept = box.contains(document.activeElement);
  box.innerHTML = props.value || '';
  if (kept) box.querySelector('.crop')?.focus({ preventScroll: true });
}

// One place at a time: the next is told when the app has answered the last.
function tell() {
  if (performance.now() - waiting < PATIENCE) return;
  waiting = performance.now();
  trigger('select', { index: 0, value: String(own) });
}

function move(place) {
  const frame = box.querySelector('.crop');
  const at = Math.round(Math.min(100, Math.max(0, place)));
  if (!frame || at === Number(frame.getAttribute('aria-valuenow'))) return;
  own = at;
  frame.parentElement.style.setProperty('--at', at);
  frame.setAttribute('aria-valuenow', at);
  frame.setAttribute('aria-valuetext', `${at}%`);
  tell();
}

box.addEventListener('pointerdown', event => {
  const uncut = event.target.closest('.uncut');
  const frame = uncut?.querySelector('.crop');
  if (!frame) return;
  event.preventDefault();
  frame.focus({ preventScroll: true });
  const across = uncut.classList.contains('across');
  const [whole, part] = [uncut, frame].map(one => one.getBoundingClientRect());
  const [start, length, room] = across
    ? [whole.left, part.width, whole.width - part.width]
    : [whole.top, part.height, whole.height - part.height];
  const pointer = across ? event.clientX : event.clientY;
  const inside = event.target === frame;
  const grip = inside ? pointer - (across ? part.left : part.top) : length / 2;
  held = { across, place: one => (100 * ((across ? one.clientX : one.clientY) - grip - start)) / room };
  box.setPointerCapture(event.pointerId);
  move(held.place(event));
});
box.addEventListener('pointermove', event => {
  if (held) move(held.place(event));
});
for (const name of ['pointerup', 'pointercancel']) {
  box.addEventListener(name, () => {
    held = null;
    draw(); // the last answer may have come meanwhile
  });
}
box.addEventListener('keydown', event => {
  const frame = event.target.closest('.crop');
  if (!frame) return;
  const at = Number(frame.getAttribute('aria-valuenow'));
  const steps = { ArrowLeft: -4, ArrowUp: -4, ArrowRight: 4, ArrowDown: 4, PageUp: -20, PageDown: 20 };
  const place = { Home: 0, End: 100 }[event.key] ?? (event.key in steps ? at + steps[event.key] : null);
  if (place === null) return;
  event.preventDefault();
  move(place);
});
watch('value', () => {
  waiting = -PATIENCE;
  draw();
});
draw();
