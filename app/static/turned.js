// Tells the title of the tab that a person turns to, or after Back and Forward the query of the address, like `?tab=...`.
document.addEventListener('click', event => {
  const tab = event.target.closest('#tabs [role=tab], #tabs .overflow-dropdown button');
  if (!tab) return;
  trigger('select', { index: 0, value: tab.textContent.trim() });
  setTimeout(() => window.dispatchEvent(new Event('plainsight-tab')), 100);
});
window.addEventListener('popstate', () => {
  document.activeElement?.blur(); // a dropdown shows no new value while it has the keyboard
  trigger('select', { index: 0, value: location.search || '?' });
});
