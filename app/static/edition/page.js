// The page of the edition: its tabs, its address, and what the status line says.
import { asked, onAsked, write } from './address.js';
import { Compare } from './compare.js';
import { Pairs } from './pairs.js';
import { drawFigures, mount, parts } from './parts.js';
import { Scenes } from './scenes.js';
import { escaped, filled } from './store.js';
import { Yours } from './yours.js';

const edition = window.plainsightEdition;
const MAIN = ['tab', 'data', 'a', 'b', 'attack', 'target']; // a change of one of these is a step that Back undoes
const ATTACKED = { compare: Compare, segmentation: Scenes, pictures: Yours };
const OFTEN = 200; // milliseconds
const tabs = {};
let open = edition.usual;
let words = '';
let due = 0;
let addressed = 0;

const query = () => {
  const found = tabs[open].query();
  if (open !== edition.usual) found.set('tab', open);
  return found;
};

// While a slider moves the address follows a few times a second: browsers stop a page that changes it more often.
function writeAddress() {
  clearTimeout(due);
  const wait = addressed + OFTEN - Date.now();
  if (wait > 0) {
    due = setTimeout(writeAddress, wait);
    return;
  }
  addressed = Date.now();
  const [before, after] = [new URLSearchParams(location.hash.slice(1)), query()];
  const step = before.size > 0 && MAIN.some(name => before.get(name) !== after.get(name));
  write(String(after), step);
  const { title } = edition.tabs[open];
  document.title = [title, after.get('data'), 'PlainSight'].filter(Boolean).join(' · ');
}

const events = {
  address: writeAddress,
  // A tab was drawn; one that is not open, where a run has come to its end, leaves the address alone.
  shown(sentence, name) {
    const own = name === open;
    if (own) writeAddress();
    const said = (own && words) || sentence || tabs[name].idle();
    parts[`${name}.status`]?.set(filled(edition.status, { words: escaped(said) }));
    if (own) words = '';
  },
  formed(chosen) {
    if (open === 'pictures') void tabs.pictures.refresh();
    else tabs.pictures?.follow(chosen);
  },
  onward({ data, a, b }) {
    tabs.compare.chosen = { ...tabs.compare.usual(data), a, b };
    return turn('compare');
  },
};

async function show() {
  try {
    await tabs[open].show();
  } catch (error) {
    parts[`${open}.status`]?.set(filled(edition.status, { words: escaped(error.message) }));
  }
}

function turn(name) {
  open = name;
  for (const tab of document.querySelectorAll('#tabs [role=tab]')) {
    const shown = tab.dataset.tabId === name;
    tab.classList.toggle('selected', shown);
    tab.ariaSelected = String(shown);
    tab.tabIndex = shown ? 0 : -1;
    document.getElementById(`panel-${tab.dataset.tabId}`).hidden = !shown;
  }
  return show();
}

// The view that the address asks for; what in it fits nothing is named.
function restore() {
  const asks = asked();
  const known = !asks.tab || asks.tab in tabs;
  const name = known ? (asks.tab ?? edition.usual) : edition.usual;
  const [chosen, odd] = tabs[name].understood(known ? asks : {});
  tabs[name].chosen = chosen;
  if (!known) odd.push('tab');
  words = odd.length ? edition.unknown.replace('{}', odd.map(one => edition.names[one] ?? one).join(' and ')) : '';
  return turn(name);
}

async function begin() {
  mount();
  for (const name of Object.keys(edition.tabs)) {
    const Own = ATTACKED[name];
    tabs[name] = Own ? new Own(edition, events, tabs.compare) : new Pairs(name, edition, events);
    const [chosen] = tabs[name].understood({});
    tabs[name].chosen = chosen;
    tabs[name].listen();
  }
  const list = document.querySelector('#tabs [role=tablist]');
  list.addEventListener('click', event => {
    const tab = event.target.closest('[role=tab]');
    if (tab) turn(tab.dataset.tabId);
  });
  list.addEventListener('keydown', event => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const all = [...list.querySelectorAll('[role=tab]')];
    const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    next.focus();
    turn(next.dataset.tabId);
  });
  onAsked(restore);
  if (location.hash.length > 1 || location.search) document.querySelector('.plotly-figure svg')?.remove();
  await restore();
  await Promise.allSettled([...document.images].map(image => image.decode()));
  document.documentElement.dataset.complete = '';
  drawFigures();
}
begin();
