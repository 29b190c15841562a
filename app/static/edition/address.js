// The view in the address of the page: after #, which a page of a disk may change too. An address of the app is read as well.
export const asked = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1) || location.search));

// In the frame of a Space the address that a person sees is that of the page around it, which this message changes.
const HUB = 'https://huggingface.co';
const framed = window.parent !== window && document.referrer.startsWith(`${HUB}/`);

let written = '';
export function write(query, step) {
  const hash = `#${query}`;
  if (hash === location.hash) return;
  written = hash;
  const embed = new URLSearchParams(location.search).get('embed') === 'true' ? '?embed=true' : '';
  try {
    history[step ? 'pushState' : 'replaceState'](null, '', `${location.pathname}${embed}${hash}`);
  } catch {
    location.replace(hash); // an old browser, on a disk
  }
  if (framed) parent.postMessage({ queryString: '', hash: hash.slice(1) }, HUB);
}

// Back, Forward, or an address that a person has typed.
export function onAsked(act) {
  window.addEventListener('hashchange', () => location.hash !== written && act());
  window.addEventListener('popstate', () => {
    written = location.hash; // hashchange follows
    act();
  });
}
