// Keeps the query in `value` in the address of the page while its tab is in view, and the title of the page with it.
const MAIN = ['tab', 'data', 'a', 'b', 'attack', 'target']; // a change of one of these is a step that Back undoes
const AT_ONCE = 1000; // milliseconds in which several changes are one step, as while a slider moves
// In the frame of a Space the address that a person sees is that of the page around it, which this message changes.
const hub =
  window.parent !== window && document.querySelector('[data-home]')?.dataset.home ? 'https://huggingface.co' : '';
let pushed = 0;
function write() {
  const panel = element.closest('[role=tabpanel]');
  if (!props.value || (panel && getComputedStyle(panel).display === 'none')) return false;
  const [before, after] = [location.search, props.value].map(query => new URLSearchParams(query));
  const embed = before.has('embed') ? `&embed=${before.get('embed')}` : '';
  const step = history.state?.plainsight && MAIN.some(name => before.get(name) !== after.get(name));
  const method = step && Date.now() - pushed > AT_ONCE ? 'pushState' : 'replaceState';
  if (step) pushed = Date.now();
  history[method]({ plainsight: true }, '', `${location.pathname}?${props.value}${embed}${location.hash}`);
  const tab = document.querySelector('#tabs [role=tab][aria-selected=true]')?.textContent.trim();
  document.title = [tab, after.get('data'), 'PlainSight'].filter(Boolean).join(' · ');
  window.dispatchEvent(new Event('plainsight-address'));
  if (hub) parent.postMessage({ queryString: location.search.slice(1), hash: location.hash.slice(1) }, hub);
  return true;
}
let last = 0;
function soon(tries) {
  if (!write() && tries) last = setTimeout(() => soon(tries - 1), 200);
}
watch('value', () => {
  clearTimeout(last);
  soon(15);
  setTimeout(write, 400);
});
window.addEventListener('plainsight-tab', () => {
  clearTimeout(last);
  write();
});
if (props.value) soon(15); // of a tab that is made only when it is opened, with its value
