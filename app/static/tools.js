// Compares the large pictures with the original: held, flickering at 2 Hz, divided, or under a loupe.
const root = document.documentElement;
const still = matchMedia('(prefers-reduced-motion: reduce)');
const buttons = [...element.querySelectorAll('[data-mode]')];
const flicker = element.querySelector('[data-mode=flicker]');
const cut = element.querySelector('.cut');
const hold = on => root.classList.toggle('holding', on);
// Several tabs have these tools, and all of them show the same.
function set(mode, on) {
  root.classList.toggle(mode, on);
  for (const button of document.querySelectorAll('[data-mode]')) {
    button.ariaPressed = String(root.classList.contains(button.dataset.mode));
  }
}
function calm() {
  flicker.disabled = still.matches;
  flicker.title = still.matches
    ? 'Off, since this device asks for less motion'
    : 'Original and attacked, twice a second';
  if (still.matches) set('flicker', false);
}
still.addEventListener('change', calm);
calm();
for (const button of buttons) {
  button.ariaPressed = String(root.classList.contains(button.dataset.mode));
  button.addEventListener('click', () => set(button.dataset.mode, button.ariaPressed !== 'true'));
}
const divide = percent => {
  for (const one of document.querySelectorAll('.cut')) one.value = percent;
  root.style.setProperty('--cut', `${percent}%`);
};
cut.addEventListener('input', () => divide(cut.value));
const held = element.querySelector('[data-hold]');
for (const name of ['pointerdown', 'pointerup', 'pointerleave', 'pointercancel']) {
  held.addEventListener(name, () => hold(name === 'pointerdown'));
}
held.addEventListener('keydown', event => {
  if (event.key === 'Enter') hold(true);
});
held.addEventListener('keyup', () => hold(false));
held.addEventListener('blur', () => hold(false));
held.addEventListener('contextmenu', event => event.preventDefault());
// On a picture: held with finger or mouse; the divider follows, or the loupe in all three pictures.
const over = event => event.target.closest?.('.shot');
document.addEventListener('pointerdown', event => {
  if (over(event) && !root.classList.contains('divider')) hold(true);
});
for (const name of ['pointerup', 'pointercancel', 'blur']) window.addEventListener(name, () => hold(false));
document.addEventListener('pointermove', event => {
  const shot = over(event);
  if (!shot) return;
  const box = shot.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  if (root.classList.contains('divider')) divide(Math.round(100 * x));
  if (!root.classList.contains('loupe')) return;
  for (const one of document.querySelectorAll('.shot')) {
    const lens =
      one.querySelector('.lens') ?? one.appendChild(Object.assign(document.createElement('i'), { className: 'lens' }));
    const picture = one.querySelector('.over');
    lens.style.backgroundImage =
      picture && !root.classList.contains('holding') ? `url("${picture.src}")` : 'var(--large)';
    lens.style.left = `${100 * x}%`;
    lens.style.top = `${100 * y}%`;
    lens.style.backgroundSize = `${3 * box.width}px ${3 * box.height}px`;
    lens.style.backgroundPosition = `${60 - 3 * x * box.width}px ${60 - 3 * y * box.height}px`;
  }
});
// The space bar shows the original while it is down, wherever it has no other meaning.
const taken =
  'input, textarea, select, button, a, summary, [role=listbox], [role=option], [role=tab], [contenteditable]';
document.addEventListener('keydown', event => {
  const plain = event.code === 'Space' && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!plain || (event.target.closest?.(taken) && event.target !== held)) return;
  event.preventDefault();
  hold(true);
});
document.addEventListener('keyup', event => {
  if (event.code === 'Space') hold(false);
});
