// Tells the title of the tab that a person turns to.
document.addEventListener('click', event => {
  const tab = event.target.closest('#tabs [role=tab], #tabs .overflow-dropdown button');
  if (!tab) return;
  trigger('select', { index: 0, value: tab.textContent.trim() });
  setTimeout(() => window.dispatchEvent(new Event('plainsight-tab')), 100);
});
