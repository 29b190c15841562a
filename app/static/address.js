// Keeps the query in `value` in the address of the page while its tab is in view.
function write() {
  const panel = element.closest('[role=tabpanel]');
  if (!props.value || (panel && getComputedStyle(panel).display === 'none')) return false;
  history.replaceState(null, '', `${location.pathname}?${props.value}${location.hash}`);
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
