// What the page needs of scripts: light or dark, copying, what closes, names and focus for the keyboard, the name of a
// class under the pointer, and the run that a view lacks.
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
  document.documentElement.classList.toggle('embed', new URLSearchParams(location.search).get('embed') === 'true');
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
    if ('copyLink' in button.dataset)
      copy(
        button,
        `${document.querySelector('[data-home]').dataset.home || location.href.split(/[?#]/)[0]}${location.search}${location.hash}`,
      );
    if ('themeToggle' in button.dataset) {
      const kind = document.body.classList.contains('dark') ? 'light' : 'dark';
      try {
        localStorage.setItem('plainsight-theme', kind);
      } catch {}
      paint(kind);
    }
  });
  // Esc and a press elsewhere close what is open; the keyboard goes back to where that was opened.
  document.addEventListener('click', event => {
    for (const open of document.querySelectorAll('.foot details[open], .save[open]')) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || !event.isTrusted) return;
    const api = document.querySelector('.api-docs .backdrop');
    if (api) {
      api.click();
      document.querySelector('[data-api]').focus();
    }
    for (const open of document.querySelectorAll('.foot details[open], .save[open]')) {
      open.open = false;
      open.querySelector('summary').focus();
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
    const tab = map.closest('[role=tabpanel]') ?? document;
    const known = a && tab.querySelector(`[data-colour="${colour}"]`);
    if (!known) return;
    name.textContent = known.dataset.name;
    Object.assign(name.style, { display: 'block', left: `${event.clientX}px`, top: `${event.clientY}px` });
  });
  // Gradio leaves some controls without a good name, and the choices of a radio without a group.
  function name() {
    document.querySelector('.api-docs h2 ~ button:not([aria-label])')?.setAttribute('aria-label', 'Close');
    for (const slider of document.querySelectorAll('input[type=range][aria-label^="range slider for "]')) {
      const label = slider.ariaLabel.replace('range slider for ', '');
      slider.ariaLabel = label;
      slider.ariaValueText = label.split(/[=:] /)[1] ?? null;
    }
    for (const list of document.querySelectorAll('[role=listbox]:not([tabindex])')) {
      list.tabIndex = -1; // Tab would stop at what scrolls, which is closed by then
      list.parentElement.tabIndex = -1;
    }
    for (const group of document.querySelectorAll('fieldset.segments:not([role])')) {
      group.role = 'radiogroup';
      group.ariaLabel = group.querySelector('[data-testid=block-info]').textContent;
    }
    for (const radio of document.querySelectorAll('fieldset.segments input[name^="radio-"]')) {
      radio.name = `group ${radio.closest('fieldset').ariaLabel}`; // one name: arrow keys choose, Tab goes on
    }
  }
  // A button that is disabled while it has the keyboard hands it on: Run to Stop, the last image to the one before.
  const OTHER = { run: 'stop', stop: 'run', later: 'earlier', earlier: 'later' };
  let held = null;
  document.addEventListener('focusin', event => {
    held = event.target;
  });
  document.addEventListener('pointerdown', () => {
    held = null;
  });
  function handOn() {
    if (!held?.disabled || ![document.body, held].includes(document.activeElement)) return;
    const [word] = held.id.match(/[a-z]+$/) ?? [];
    const other = OTHER[word] && document.getElementById(held.id.replace(/[a-z]+$/, OTHER[word]));
    if (other && !other.disabled) other.focus({ preventScroll: true });
  }
  new MutationObserver(() => {
    name();
    handOn();
  }).observe(document.documentElement, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['aria-label', 'disabled', 'name'],
  });
  // Gradio takes the keyboard away from a dropdown after Enter, and leaves its list open after Tab.
  const isBox = one => one.getAttribute?.('role') === 'combobox';
  const closeList = box => box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  document.addEventListener('keydown', event => {
    const box = event.target;
    if (event.key !== 'Enter' || !isBox(box)) return;
    setTimeout(() => {
      if (document.activeElement !== document.body) return;
      box.focus({ preventScroll: true });
      closeList(box); // it opens on focus
    }, 100);
  });
  document.addEventListener('focusout', event => {
    const box = event.target;
    if (!isBox(box)) return;
    setTimeout(() => {
      if (document.activeElement !== box && box.ariaExpanded === 'true') closeList(box);
    }, 50);
  });
  // What is not computed yet is computed at once: a run starts when a person has stayed with such a view for a moment.
  let begun = '';
  function begin() {
    const seen = one => one.parentElement.getClientRects().length;
    const missing = [...document.querySelectorAll('[data-missing]')].filter(seen).map(one => one.dataset.missing);
    const run = [...document.querySelectorAll('[id$="-run"]')].find(one => one.getClientRects().length);
    if (!missing.length || !run) return;
    const what = missing.join(' ');
    if (run.disabled) begun = what; // a run is under way: once it is stopped, nothing starts it again
    if (what === begun) return;
    setTimeout(() => {
      const still = [...document.querySelectorAll('[data-missing]')].filter(seen).map(one => one.dataset.missing);
      if (what === begun || still.join(' ') !== what || run.disabled) return;
      begun = what;
      run.click();
    }, 800);
  }
  setInterval(begin, 400);
})();
