// The replay over the pictures of a tab: it starts when it arrives, and goes with Escape or its button.
let player = null;
const opener = () => document.getElementById('@button');
function draw() {
  player?.pause();
  const box = element.querySelector('.replay');
  player = box ? window.plainsightReplay(box) : null;
  if (player) begin();
}
function begin() {
  element.querySelector('.replay').hidden = false;
  const own = player;
  own.loaded.then(() => own === player && own.play());
  element.querySelector('[data-play]').focus({ preventScroll: true });
}
function close() {
  player?.pause();
  element.querySelector('.replay').hidden = true;
  opener()?.focus({ preventScroll: true });
}
const shown = () => player && !element.querySelector('.replay').hidden;
element.addEventListener('click', event => {
  if (event.target.closest('[data-close]')) close();
});
document.addEventListener('click', event => {
  // the same frames come once only: pressed again, they are still here
  if (event.target.closest('#@button') && player) begin();
});
document.addEventListener('keydown', event => {
  if (!shown() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') close();
  if (!element.contains(event.target)) return;
  const by = { ',': -1, '.': 1 }[event.key];
  if (by) player.step(by);
});
watch('value', draw);
draw();
