// Takes the open tab home: a report as one HTML file, its figures as SVG, an animation of its pictures, or its print.
(() => {
  const STYLE = '@style';
  // What a report leaves out: what can only be used on the page itself. Other buttons leave their words or pictures.
  const TOOLS = '[data-copy], select, input, textarea, script, i[hidden], .lens, .empty, figcaption:empty';
  const shown = one => one.getClientRects().length > 0;
  const panel = () => [...document.querySelectorAll('#tabs [role=tabpanel]')].find(shown);
  const tab = () => document.querySelector('#tabs [role=tab][aria-selected=true]').textContent.trim();
  const file = end =>
    `plainsight-${tab()
      .toLowerCase()
      .replace(/[^a-z]+/g, '-')}${end}`;
  const address = () => {
    const home = document.querySelector('[data-home]').dataset.home;
    return `${home || location.href.split(/[?#]/)[0]}${location.search}${location.hash}`;
  };
  const escaped = text => new Option(text).innerHTML;

  function download(name, content, type) {
    const url = URL.createObjectURL(new Blob([content], { type }));
    Object.assign(document.createElement('a'), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
  // The figures of the open tab as SVG, in the order of the page.
  async function drawn() {
    const figures = [...panel().querySelectorAll('.plotly-figure')].filter(one => shown(one) && one.data);
    return Promise.all(
      figures.map(async one => {
        const url = await window.Plotly.toImage(one, {
          format: 'svg',
          width: one.clientWidth,
          height: one.clientHeight,
        });
        return decodeURIComponent(url.slice(url.indexOf(',') + 1));
      }),
    );
  }
  // A part of the page without what can only be used there; the figure in it as SVG.
  function plain(one, svg) {
    if (svg) return `<figure>${svg}</figure>`;
    const copy = one.cloneNode(true);
    const clean = one.querySelector('.shot:not(:has(.over))');
    if (clean) {
      const picture = getComputedStyle(clean).backgroundImage.match(/url\("(.*)"\)/);
      if (picture)
        copy.querySelector('.shot').innerHTML = `<img alt="The image without a pattern" src="${picture[1]}">`;
    }
    for (const part of copy.querySelectorAll(TOOLS)) part.remove();
    for (const part of copy.querySelectorAll('button')) part.replaceWith(...part.childNodes);
    for (const part of copy.querySelectorAll('details')) part.open = true;
    if (!copy.textContent.trim() && !copy.querySelector('img')) return '';
    return `<section class="${one.closest('.block')?.className ?? ''}">${copy.innerHTML}</section>`;
  }
  function choices() {
    const found = [...new URLSearchParams(location.search || location.hash.slice(1))].filter(
      ([, value]) => value !== '',
    );
    return found.map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join('');
  }
  async function report() {
    const figures = await drawn();
    const blocks = [...panel().querySelectorAll('.html-container')].filter(shown);
    const parts = blocks
      .filter(one => !one.closest('.tools-box, .status, .notice'))
      .map(one => plain(one, one.querySelector('.plotly-figure')?.data && figures.shift()));
    const title = `PlainSight: ${escaped(tab())}`;
    const when = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'short' }).format(new Date());
    const from = escaped(address());
    return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style><body>
<header><p>${title}, ${escaped(when)}</p><p><a href="${from}">${from}</a></p></header>
${parts.join('\n')}
<h2>What was chosen</h2><table class="chosen">${choices()}</table></body></html>`;
  }
  const kinds = {
    report: async () => download(file('.html'), await report(), 'text/html'),
    print: async () => {
      const frame = document.body.appendChild(
        Object.assign(document.createElement('iframe'), { className: 'printed' }),
      );
      frame.srcdoc = await report();
      await new Promise(done => frame.addEventListener('load', done, { once: true }));
      frame.contentWindow.addEventListener('afterprint', () => frame.remove());
      frame.contentWindow.print();
    },
    figures: async () => {
      const found = await drawn();
      for (const [at, svg] of found.entries()) {
        download(file(`${found.length > 1 ? `-${at + 1}` : ''}.svg`), svg, 'image/svg+xml');
      }
      return found.length ? '' : 'This tab has no figure.';
    },
    postcard: async () => {
      const answer = await fetch(`postcard.webp${location.search}`);
      if (!answer.ok) return (await answer.json()).detail;
      download(file('.webp'), await answer.blob(), 'image/webp');
    },
  };
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-save]');
    if (!button) return;
    const menu = button.closest('details');
    const line = menu.querySelector('[role=status]');
    line.textContent = 'One moment …';
    line.textContent = (await kinds[button.dataset.save]()) ?? '';
    if (!line.textContent) menu.open = false;
  });
})();
