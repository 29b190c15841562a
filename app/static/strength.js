// Parts of the page at the other stored strengths, made by the server beforehand: while the slider moves they are shown at
// once. `.input` asks for them, `.select` tells that the slider has come to rest.
const REST = 150; // milliseconds
const ANY = ['epsilon', 'sheet', 'added', 'which', 'embed', '__theme']; // what the parts do not depend on
let known = { views: {} };
let asked = '';
let rest = 0;
let newest = 0;
function besides(query) {
  const found = new URLSearchParams(query);
  for (const name of ANY) found.delete(name);
  found.sort();
  return String(found);
}
watch('value', () => {
  known = props.value ? JSON.parse(props.value) : { views: {} };
});
window.addEventListener('plainsight-address', () => {
  const query = besides(location.search);
  if (!query.includes('equal=strength') || query === asked) return;
  asked = query;
  trigger('input', {});
});
function views(strength) {
  return known.query !== undefined && besides(known.query) === besides(location.search) && known.views[strength];
}
window.plainsight = {
  views,
  // What the parts show at a strength; they stay as they are where that is not known, and the server answers later.
  async at(strength, parts) {
    clearTimeout(rest);
    rest = setTimeout(() => trigger('select', {}), REST);
    newest = strength;
    await new Promise(requestAnimationFrame);
    const found = newest === strength && views(strength);
    const label = { __type__: 'update', label: `Strength ε = ${newest}/255` };
    return [label, ...(found || Array(parts).fill({ __type__: 'update' }))];
  },
};
