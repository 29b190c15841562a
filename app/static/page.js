// What the page needs of scripts: light or dark, copying, the name of a class under the pointer, the space bar.
(() => {
  const stored = () => {
    try {
      return localStorage.getItem('plainsight-theme');
    } catch {
      return null;
    }
  };
  const asked =
    new URLSearchParams(location.search).get('__theme') ||
    stored() ||
    (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  function paint(kind) {
    document.body.classList.toggle('dark', kind === 'dark');
    const button = document.querySelector('[data-theme-toggle]');
    if (button) button.textContent = kind === 'dark' ? 'Light' : 'Dark';
    window.dispatchEvent(new Event('plainsight-theme'));
  }
  (function wait() {
    document.querySelector('[data-theme-toggle]') ? paint(asked) : setTimeout(wait, 40);
  })();
  async function copy(button, text) {
    button.dataset.label ||= button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      prompt('Copy this:', text);
    }
    setTimeout(() => {
      button.textContent = button.dataset.label;
    }, 1500);
  }
  document.addEventListener('click', event => {
    const button = event.target.closest('button');
    if (!button) return;
    if (button.dataset.copy) copy(button, button.dataset.copy);
    if ('api' in button.dataset) document.querySelector('footer .show-api')?.click();
    if ('copyLink' in button.dataset) copy(button, location.href);
    if ('themeToggle' in button.dataset) {
      const kind = document.body.classList.contains('dark') ? 'light' : 'dark';
      try {
        localStorage.setItem('plainsight-theme', kind);
      } catch {}
      paint(kind);
    }
  });
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  let drawn = null;
  document.addEventListener('pointermove', event => {
    const name =
      document.querySelector('#classname') ||
      document.body.appendChild(Object.assign(document.createElement('div'), { id: 'classname' }));
    const map = event.target.closest?.('img.labels');
    name.style.display = 'none';
    if (!map?.naturalWidth) return;
    if (drawn !== map.src) {
      Object.assign(canvas.canvas, { width: map.naturalWidth, height: map.naturalHeight });
      canvas.clearRect(0, 0, map.naturalWidth, map.naturalHeight);
      canvas.drawImage(map, 0, 0);
      drawn = map.src;
    }
    const box = map.getBoundingClientRect();
    const at = (share, size) => Math.min(size - 1, Math.max(0, Math.floor(share * size)));
    const [r, g, b, a] = canvas.getImageData(
      at((event.clientX - box.left) / box.width, map.naturalWidth),
      at((event.clientY - box.top) / box.height, map.naturalHeight),
      1,
      1,
    ).data;
    const colour = `#${[r, g, b].map(value => value.toString(16).padStart(2, '0')).join('')}`;
    const known = a && document.querySelector(`[data-colour="${colour}"]`);
    if (!known) return;
    name.textContent = known.dataset.name;
    Object.assign(name.style, { display: 'block', left: `${event.clientX}px`, top: `${event.clientY}px` });
  });
  document.addEventListener('keydown', event => {
    const taken =
      'input, textarea, select, button, a, summary, [role=listbox], [role=option], [role=tab], [contenteditable]';
    if (event.code !== 'Space' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(taken)) return;
    const shown = name => [...document.querySelectorAll(`[id$="-${name}"]`)].find(one => one.getClientRects().length);
    const stop = shown('stop'),
      run = shown('run');
    const button = stop && !stop.disabled ? stop : run;
    if (!button) return;
    event.preventDefault();
    if (!event.repeat) button.click();
  });
})();
