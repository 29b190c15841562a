// The panel of app/markup/live.py: runs both attacks, draws the patterns while they form, then measures them.
// `mount` returns what its buttons do, {run, stop}. It sends the event `plainsight-live` on the panel when a run has ended: detail {stopped, sides, reports}.
const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)}%`;
const interval = ({ low, high }) => `(${Math.round(100 * low)} to ${Math.round(100 * high)})`;

export function mount(root, live, manifest) {
  const { group, models, seed, watched } = JSON.parse(root.dataset.live);
  const facts = manifest.groups[group];
  const things = facts.palette.length ? 'pixels of training scenes' : 'training pictures';
  const [run, stop] = ['run', 'stop'].map(name => root.querySelector(`[data-${name}]`));
  const [bar, at, said] = ['progress', '.live-step', '.live-said'].map(name => root.querySelector(name));
  const sides = [...root.querySelectorAll('.live-side')].map(box => ({
    canvases: box.querySelectorAll('canvas'),
    part: name => box.querySelector(`.${name}`),
    smooth: null,
  }));
  const pickers = [...root.querySelectorAll('select')];
  const chosen = name => {
    const { value } = pickers.find(one => one.name === name);
    if (value.startsWith('scene-')) return { scene: Number(value.slice(6)) };
    return value === '' ? null : Number(value);
  };
  let shown = null;

  // The picture under the pattern at true strength, and the pattern alone as strong as full scale allows.
  function paint({ canvases, part }, units, epsilon) {
    const [under, alone] = [...canvases].map(canvas => canvas.getContext('2d'));
    const { width, height } = canvases[0];
    const factor = Math.floor(127 / epsilon);
    const [drawn, amplified] = [new ImageData(width, height), new ImageData(width, height)];
    const count = width * height;
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) {
        drawn.data[4 * i + c] = shown.planes[c * count + i] + units[c * count + i]; // clipped, as the attack does
        amplified.data[4 * i + c] = 128 + factor * units[c * count + i];
      }
      drawn.data[4 * i + 3] = amplified.data[4 * i + 3] = 255;
    }
    under.putImageData(drawn, 0, 0);
    alone.putImageData(amplified, 0, 0);
    part('factor').textContent = `×${factor}, true ε ${epsilon}/255`;
  }

  // What the model reads in the picture, or sees in each pixel of it.
  function read({ canvases, part }, seen) {
    const truth = shown.labels;
    const counted = truth.length === 1 ? 1 : truth.filter(label => label !== 255).length;
    const hits = truth.filter((label, i) => label === seen[i]).length;
    const right = hits / counted >= 0.5;
    const words =
      truth.length === 1 ? `reads ${facts.classes[seen[0]]} ${right ? '✓' : '✗'}` : `${percent(hits / counted)} right`;
    part('read').textContent = words;
    part('read').classList.toggle('bad', !right);
    if (!canvases[2]) return;
    const { width, height } = canvases[2];
    const drawn = new ImageData(width, height);
    seen.forEach((number, i) => {
      drawn.data.set([...facts.palette[number], 255], 4 * i);
    });
    canvases[2].getContext('2d').putImageData(drawn, 0, 0);
  }

  function busy(on) {
    const here = on || root.contains(document.activeElement);
    run.disabled = on;
    stop.disabled = !on;
    for (const picker of pickers) picker.disabled = on;
    if (here) (on ? stop : run).focus({ preventScroll: true });
    root.setAttribute('aria-busy', String(on));
  }

  function told({ side: number, iteration, steps, units, fooling, seconds, seen }, epsilon) {
    const side = sides[number];
    side.smooth = side.smooth == null ? fooling : 0.85 * side.smooth + 0.15 * fooling;
    paint(side, units, epsilon);
    read(side, seen);
    side.part('rate').textContent = percent(side.smooth);
    side.part('of').textContent = `of ${things} fooled`;
    side.part('more').textContent = `${((1000 * seconds) / iteration).toFixed(0)} ms a step`;
    bar.value = (2 * (iteration - 1) + number + 1) / (2 * steps);
    at.textContent = `step ${iteration} of ${steps}`;
  }

  function reported({ part }, { accuracy, clean, target }, found) {
    part('rate').textContent = percent(target ? target.value : 1 - accuracy.value);
    const wrong = { low: 1 - accuracy.high, high: 1 - accuracy.low };
    const words = target ? 'read as the target' : 'wrong';
    const unit = facts.palette.length ? 'pixels of ' : '';
    part('of').textContent =
      `${words} ${interval(target ?? wrong)} of ${unit}${(target ?? accuracy).n.toLocaleString('en')} held out`;
    const right = `right: ${percent(accuracy.value, 1)} attacked, ${percent(clean.value, 1)} clean`;
    const pace = `${((1000 * found.seconds) / found.iteration).toFixed(0)} ms a step`;
    part('more').textContent = `${right}; ${pace}`;
  }

  async function measured(found, target) {
    const reports = [];
    for (const [number, one] of found.sides.entries()) {
      if (!one) continue;
      const report = await live.measure({ group, model: models[number], units: one.units, target }, tick => {
        const half = (tick.what === 'attacked') + tick.done / tick.n;
        bar.value = (number + half / 2) / 2;
        at.textContent = `measuring ${'AB'[number]}, ${tick.what}: ${tick.done} of ${tick.n}`;
      });
      if (report.stopped) return reports;
      reports[number] = report;
      reported(sides[number], report, one);
    }
    return reports;
  }

  async function all() {
    const settings = { epsilon: chosen('epsilon'), steps: chosen('steps'), target: chosen('target'), seed };
    const began = performance.now();
    busy(true);
    for (const side of sides) side.smooth = null;
    said.textContent = 'Reading models and pictures.';
    bar.removeAttribute('value');
    let ended = null;
    try {
      shown = await live.picture({ group, number: watched });
      if (shown.stopped) return;
      said.textContent = 'Both patterns form, one step each in turn.';
      const found = await live.attack({ group, models, watched, ...settings }, tick => told(tick, settings.epsilon));
      const reports = found.stopped ? [] : await measured(found, settings.target);
      const stopped = found.stopped || reports.filter(Boolean).length < found.sides.length;
      ended = { stopped, sides: found.sides, reports, settings };
    } catch (error) {
      said.textContent = error.message;
      said.classList.add('bad');
      return;
    } finally {
      busy(false);
      bar.value = 0;
      if (!ended) at.textContent = 'not started';
    }
    said.classList.remove('bad');
    at.textContent = ended.stopped ? 'stopped' : 'done';
    bar.value = ended.stopped ? bar.value : 1;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    said.textContent = ended.stopped
      ? 'Stopped: the patterns stay as they are, not all measured on held-out pictures.'
      : `Done in ${seconds} s: crafted on ${facts.crafting.n.toLocaleString('en')} training pictures, measured on ${facts.held_out.n.toLocaleString('en')} held-out ones.`;
    root.dispatchEvent(new CustomEvent('plainsight-live', { detail: ended, bubbles: true }));
  }

  run.addEventListener('click', all);
  stop.addEventListener('click', live.stop);
  return { run: all, stop: live.stop };
}
