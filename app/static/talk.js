// The talk: one step at a time, by keys, buttons and touch; the window with the notes follows, and can lead.
(() => {
  const root = document.documentElement;
  const steps = [...document.querySelectorAll('.step')];
  const find = name => document.querySelector(name);
  if (!steps.length) return;
  root.classList.add('js');
  const asked = () => location.hash.match(/talk=(\w+)/)?.[1] ?? new URLSearchParams(location.search).get('talk') ?? '1';
  const desk = asked() === 'notes';
  const within = number => Math.min(steps.length, Math.max(1, number));
  // a step that there is not is the first or the last one
  const numbered = word => within(/^\d+$/.test(word) ? Math.min(Number(word), steps.length) : 1);
  let at = desk ? 1 : numbered(asked());
  let began = Date.now();
  let blank = false;

  // ----- light or dark, as on the app's page
  const stored = (() => {
    try {
      return localStorage.getItem('plainsight-theme');
    } catch {
      return null;
    }
  })();
  const wanted = new URLSearchParams(location.search).get('__theme') || stored;
  const device = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  function paint(kind) {
    document.body.classList.toggle('dark', kind === 'dark');
    find('[data-do=dark]').textContent = kind === 'dark' ? 'Light' : 'Dark';
  }
  paint(wanted || device);
  function turn() {
    const kind = document.body.classList.contains('dark') ? 'light' : 'dark';
    try {
      localStorage.setItem('plainsight-theme', kind);
    } catch {}
    paint(kind);
  }

  // ----- the other window: a channel, and messages between a window and what it opened (from a file there is no other)
  const channel = (() => {
    try {
      return new BroadcastChannel('plainsight-talk');
    } catch {
      return null;
    }
  })();
  let notes = null;
  function tell(message) {
    const whole = { ...message, plainsight: 'talk' };
    channel?.postMessage(whole);
    for (const other of [notes, window.opener]) {
      try {
        if (other && !other.closed) other.postMessage(whole, '*');
      } catch {}
    }
  }
  const state = () => ({ at, began, blank });
  function heard(event) {
    const said = event.data;
    if (said?.plainsight !== 'talk') return;
    if (said.hello && !desk) tell(state());
    if (Number.isInteger(said.at) && desk) {
      at = within(said.at);
      began = Number(said.began) || began;
      blank = Boolean(said.blank);
      follow();
    }
    if (desk) return;
    if (Number.isInteger(said.go)) go(within(said.go));
    if (said.restart) restart();
    if (typeof said.blacken === 'boolean') darken(said.blacken); // said twice where both ways are open
  }
  channel?.addEventListener('message', heard);
  window.addEventListener('message', heard);

  // ----- steps
  const players = new Map();
  for (const step of steps) {
    const player = step.querySelector('.replay');
    if (player) players.set(step, window.plainsightReplay(player));
  }
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  function address() {
    const query = new URLSearchParams(location.search);
    query.set('talk', at);
    try {
      history.replaceState(null, '', `?${query}`);
    } catch {
      location.replace(`#talk=${at}`); // a file may change no more of its address
    }
  }
  function show() {
    steps.forEach((step, number) => {
      step.classList.toggle('shown', number === at - 1);
    });
    find('.at').textContent = at;
    find('.aloud').textContent = `: ${steps[at - 1].dataset.title}`;
    document.title = `${at}. ${steps[at - 1].dataset.title} – PlainSight`;
    hold(false);
    window.scrollTo(0, 0);
    for (const [step, player] of players) {
      player.pause();
      if (step === steps[at - 1] && !still.matches) player.loaded.then(() => step === steps[at - 1] && player.play());
    }
  }
  function go(number) {
    darken(false);
    if (number === at) return;
    at = number;
    show();
    address();
    tell(state());
  }
  function lead(number) {
    if (desk) {
      if (window.opener || channel) tell({ go: number });
      at = number;
      follow();
    } else go(number);
  }
  const hold = on => root.classList.toggle('holding', on);
  function darken(on) {
    if (blank === on) return;
    blank = on;
    find('.blank').hidden = !on;
    tell(state());
  }
  function restart() {
    began = Date.now();
    tell(state());
  }
  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen?.().catch(() => trouble('This browser does not allow full screen here.'));
  }
  function trouble(words) {
    find('.trouble').textContent = words;
  }
  function open() {
    const query = new URLSearchParams(location.search);
    query.set('talk', 'notes');
    const place = location.protocol === 'file:' ? `${location.pathname}#talk=notes` : `?${query}`;
    notes = window.open(place, 'plainsight-notes', 'popup,width=760,height=680');
    trouble(notes ? '' : 'The browser has blocked the window with the notes; allow it, and press N again.');
  }
  function leave() {
    const back = document.referrer.split(/[?#]/)[0] === location.href.split(/[?#]/)[0];
    if (back && history.length > 1) history.back();
    else location.assign(window.plainsightLeave);
  }

  // ----- the notes
  function follow() {
    const [now, next] = [steps[at - 1], steps[at]];
    find('.desk .place').textContent = `${at} / ${steps.length}${blank ? ', blank' : ''}`;
    find('.desk-title').textContent = now.dataset.title;
    find('.desk-notes').textContent = now.querySelector('.notes p').textContent;
    find('.desk-next b').textContent = next?.dataset.title ?? 'the end';
    const picture = next?.querySelector('.pictures img.then, .pictures .then img, .pictures img');
    const small = find('.desk-next img');
    small.hidden = !picture;
    if (picture) small.src = picture.src;
  }
  const two = number => String(number).padStart(2, '0');
  function tick() {
    const now = new Date();
    const since = Math.max(0, Math.floor((now - began) / 1000));
    find('.clock').textContent = `${two(now.getHours())}:${two(now.getMinutes())}`;
    find('.since').textContent = `${two(Math.floor(since / 60))}:${two(since % 60)}`;
  }

  // ----- keys, buttons, touch
  const KEYS = {
    ArrowRight: () => lead(within(at + 1)),
    ArrowDown: () => lead(within(at + 1)),
    PageDown: () => lead(within(at + 1)),
    ' ': () => lead(within(at + 1)),
    ArrowLeft: () => lead(within(at - 1)),
    ArrowUp: () => lead(within(at - 1)),
    PageUp: () => lead(within(at - 1)),
    Home: () => lead(1),
    End: () => lead(steps.length),
    b: () => (desk ? tell({ blacken: !blank }) : darken(!blank)),
  };
  const OWN = {
    f: full,
    n: open,
    d: turn,
    h: () => hold(true),
    p: () => players.get(steps[at - 1])?.toggle(),
    ',': () => players.get(steps[at - 1])?.step(-1),
    '.': () => players.get(steps[at - 1])?.step(1),
    Escape: leave,
  };
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const inside = event.target.closest?.('input');
    if (inside && (key.startsWith('Arrow') || key.startsWith('Page') || key === 'Home' || key === 'End')) return;
    if (key === ' ' && event.target.closest?.('button, a')) return;
    const act = KEYS[key] ?? (desk ? undefined : OWN[key]);
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || key.startsWith('Arrow')) act();
  });
  document.addEventListener('keyup', event => {
    if (event.key.toLowerCase() === 'h') hold(false);
  });
  for (const name of ['pointerup', 'pointercancel', 'blur']) window.addEventListener(name, () => hold(false));
  document.addEventListener('pointerdown', event => {
    if (event.target.closest('[data-hold]')) hold(true);
  });
  // A swipe of one finger turns the step; a slow or slanted one, and two fingers, do not.
  const SWIPE = { far: 60, soon: 700 };
  let from = null;
  document.addEventListener(
    'touchstart',
    event => {
      const [touch] = event.touches;
      from = event.touches.length === 1 &&
        !event.target.closest('input') && { x: touch.clientX, y: touch.clientY, when: Date.now() };
    },
    { passive: true },
  );
  document.addEventListener('touchend', event => {
    if (!from || event.touches.length) return;
    const [touch] = event.changedTouches;
    const [right, down] = [touch.clientX - from.x, touch.clientY - from.y];
    const meant = Math.abs(right) > Math.max(SWIPE.far, 2 * Math.abs(down)) && Date.now() - from.when < SWIPE.soon;
    from = null;
    if (meant) lead(within(at + (right < 0 ? 1 : -1)));
  });
  document.addEventListener('contextmenu', event => {
    if (event.target.closest('[data-hold]')) event.preventDefault();
  });
  find('.blank').addEventListener('click', () => darken(false));
  const ACTS = { notes: open, full, dark: turn, restart: () => (desk ? tell({ restart: true }) : restart()) };
  document.addEventListener('click', event => {
    const button = event.target.closest('button, a[data-leave]');
    if (!button) return;
    if (button.dataset.go) lead(within(at + Number(button.dataset.go)));
    if (button.dataset.do) ACTS[button.dataset.do]();
    if ('leave' in button.dataset) {
      event.preventDefault();
      leave();
    }
  });
  window.addEventListener('hashchange', () => {
    if (!desk) go(numbered(asked()));
  });
  if (desk) {
    root.classList.add('desktop');
    find('main').hidden = true;
    find('.bar').hidden = true;
    find('.desk').hidden = false;
    document.title = 'Notes – PlainSight';
    follow();
    tick();
    setInterval(tick, 500);
    tell({ hello: true });
  } else {
    show();
    address();
    tell(state());
  }
})();
