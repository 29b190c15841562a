// Shows the blind test whose material is in `value`, and tells by `select` that another series began.
let end = () => {};
let shown = '';
let busy = Promise.resolve();
async function put() {
  const box = element.querySelector('.blind');
  if (!props.value || props.value === shown || !box) return;
  shown = props.value;
  const material = JSON.parse(shown);
  end();
  end = () => {};
  if (material.missing) {
    box.innerHTML = '<p class="missing"></p>';
    box.firstChild.textContent = material.missing;
    return;
  }
  const address = seed => {
    const query = new URLSearchParams(material.query);
    query.set('seed', seed);
    return `${location.href.split(/[?#]/)[0]}?${query}`;
  };
  end = await mount(box, material, { address, reseeded: seed => trigger('select', { index: 0, value: seed }) });
}
function show() {
  busy = busy.then(put, put); // one after the other: unpacking takes a moment
}
show();
watch('value', show);
