// Draws the figure in `value` and tells which point is clicked. Names like @a in it are those of page/colours.css.
const paint = text =>
  text.replace(
    /@(a|b|ink|soft|line|paper)\b/g,
    (_, name) => getComputedStyle(element).getPropertyValue(`--${name}`).trim() || '#888',
  );
// The library takes about a second to start: pictures come first.
const library = () => {
  window.plainsightLibrary ??= new Promise(done => {
    const script = Object.assign(document.createElement('script'), { src: '@library', onload: done });
    requestAnimationFrame(() => setTimeout(() => document.head.append(script)));
  });
  return window.plainsightLibrary;
};
let bound = null;
async function draw() {
  if (!props.value) return;
  if (!window.Plotly) await library();
  const node = element.querySelector('.plotly-figure');
  if (!node) return;
  const figure = JSON.parse(paint(props.value));
  node.setAttribute('aria-label', figure.layout.meta || '');
  if (bound !== node) node.replaceChildren(); // a still figure may stand there
  window.Plotly.react(node, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  if (bound === node) return;
  bound = node;
  node.on('plotly_click', event => {
    const value = event.points[0].customdata;
    if (value !== undefined) trigger('select', { index: 0, value });
  });
}
draw();
watch('value', draw);
window.addEventListener('plainsight-theme', draw);
