// Draws the table of models in `value`: words filter it, a press on a heading sorts it, a press on a model chooses that.
const words = element.querySelector('input');
const box = element.querySelector('.models');
let column = 0;
let direction = 1;
let last = null;
function arrange() {
  const rows = [...box.querySelectorAll('tbody tr')];
  const key = row => Number(row.cells[column].dataset.key);
  rows.sort((one, other) => direction * (key(one) - key(other)));
  const wanted = words.value.toLowerCase().split(/\s+/);
  for (const row of rows) {
    row.hidden = !wanted.every(word => row.textContent.toLowerCase().includes(word));
    row.parentElement.append(row);
  }
  box.querySelectorAll('th').forEach((heading, number) => {
    const order = direction > 0 ? 'ascending' : 'descending';
    heading.setAttribute('aria-sort', number === column ? order : 'none');
  });
}
function draw() {
  const kept = box.contains(document.activeElement);
  box.innerHTML = props.value || '';
  arrange();
  // what was pressed is drawn anew; the keyboard stays where it was
  if (kept && last !== null) box.querySelector(`[data-model="${CSS.escape(last)}"]`)?.focus({ preventScroll: true });
}
words.addEventListener('input', arrange);
box.addEventListener('click', event => {
  const heading = event.target.closest('th');
  const model = event.target.closest('[data-model]');
  if (heading) {
    // numbers begin with the largest
    direction = heading.cellIndex === column ? -direction : heading.cellIndex ? -1 : 1;
    column = heading.cellIndex;
    arrange();
  } else if (model) {
    last = model.dataset.model;
    trigger('select', { index: 0, value: last });
  }
});
watch('value', draw);
draw();
