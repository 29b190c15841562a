// Draws the figure in `value` and tells which point is clicked. Names like @a in it are colours of page.css.
const paint = text =>
  text.replace(
    /@(a|b|ink|soft|line|paper)\b/g,
    (_, name) => getComputedStyle(element).getPropertyValue(`--${name}`).trim() || '#888',
  );
let bound = null;
function draw() {
  const node = element.querySelector('.plotly-figure');
  if (!node || !window.Plotly || !props.value) return;
  const figure = JSON.parse(paint(props.value));
  node.setAttribute('aria-label', figure.layout.meta || '');
  window.Plotly.react(node, figure.data, figure.layout, { responsive: true, displayModeBar: false });
  if (bound === node) return;
  bound = node;
  node.on('plotly_click', event => {
    const value = event.points[0].customdata;
    if (value !== undefined) trigger('select', { index: 0, value });
  });
}
(function wait() {
  window.Plotly ? draw() : setTimeout(wait, 30);
})();
watch('value', draw);
window.addEventListener('plainsight-theme', draw);
