// Tells the value of the attribute `@` of what was pressed, and keeps the keyboard there.
let last = null;
element.addEventListener('click', event => {
  const pressed = event.target.closest('[@]');
  if (!pressed) return;
  last = pressed.getAttribute('@');
  trigger('select', { index: 0, value: last });
});
watch('value', () =>
  setTimeout(() => {
    // what is pressed is drawn anew; the keyboard stays where it was
    if (last === null || document.activeElement !== document.body) return;
    element.querySelector(`[@="${CSS.escape(last)}"]`)?.focus({ preventScroll: true });
  }, 50),
);
