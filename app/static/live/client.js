// The page's side of the live attack: starts the worker and turns its messages into promises and callbacks.
//
// `openLive(live)` takes the manifest of app/edition/live.py and gives, at once, an object with
//   attack({group, models, epsilons, steps, seed, images, target, watched}, told) -> {stopped, sides: [{units, iteration,
//     fooling, seconds} or null]}: one S-PGD attack a model, in turn, on the first `images` pictures; `told` hears {side,
//     iteration, steps, units, fooling, seconds, seen} after each step. Units are Int8Array (3 x H x W) in 1/255, like
//     `epsilons`, one a model; `target` is a class, {scene: number from 1} where models label pixels, or null; `watched`
//     numbers held-out pictures (from 0), whose classes, one a picture or one a pixel, are `seen`.
//   measure({group, model, units, target}, told) -> {clean, accuracy, fooling, target, predictions}, rates as
//     {value, low, high, n}; `told` hears {done, n, what}
//   read({group, model, units, n}) -> the classes of the first n held-out pictures, like `predictions`
//   predict({group, model, pixels, units}) -> for each picture the probabilities of the classes, or the classes of its
//     pixels; `pixels` is a list of RGBA arrays in the size of the group, as ImageData has them; `units` may be null
//   fitted(group, source) -> such an array: the middle of an image, video or canvas in the size of the group
//   picture({group, number}) -> {planes, labels} of a held-out picture
//   stop(): ends the attack or measurement that is under way; what there is comes back
//   close(): ends the worker.
// Groups and models are given by name. Each promise may be rejected with an Error whose message is one sentence.
const arriving = new Map();
const loading = new Map();

globalThis.plainsightPack = (name, text) => {
  arriving.get(name)?.(text);
};

// A file of base64 text, as a script: from a disk nothing else can be read.
function packed(folder, name) {
  if (!loading.has(name))
    loading.set(
      name,
      loaded(folder, name).finally(() => loading.delete(name)),
    );
  return loading.get(name);
}

function loaded(folder, name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    arriving.set(name, text => {
      arriving.delete(name);
      script.remove();
      resolve(text);
    });
    script.onerror = () => {
      script.remove();
      reject(new Error(`${name} could not be read, so nothing can be computed here; is the folder complete?`));
    };
    script.src = `${folder}${name}.js`;
    document.head.append(script);
  });
}

export function openLive(live, folder = live.folder) {
  const given = new Set();
  const jobs = new Map();
  let worker = null;
  let starting = null;
  let last = 0;
  let stops = 0;

  async function fresh(names) {
    const wanted = [...new Set(names)].filter(name => !given.has(name));
    const found = await Promise.all(wanted.map(name => packed(folder, name)));
    return Object.fromEntries(wanted.map((name, i) => [name, found[i]]));
  }

  function send(job, values, give, told) {
    const id = ++last;
    for (const name of Object.keys(give)) given.add(name);
    return new Promise((resolve, reject) => {
      jobs.set(id, { resolve, reject, told });
      worker.postMessage({ id, job, give, given: values });
    });
  }

  function heard({ data: { id, tick, result, trouble } }) {
    const job = jobs.get(id);
    if (tick) return job?.told?.(tick);
    jobs.delete(id);
    if (trouble !== undefined) job?.reject(new Error(`The browser could not compute this: ${trouble}`));
    else job?.resolve(result);
  }

  function failed(words) {
    for (const job of jobs.values()) job.reject(new Error(words));
    close();
  }

  async function start() {
    if (typeof Worker === 'undefined' || typeof DecompressionStream === 'undefined') {
      throw new Error('This browser is too old to compute in the page; a current one can.');
    }
    const { code, glue, wasm } = live.runtime;
    const [{ [code]: text }, give] = await Promise.all([fresh([code]), fresh([glue, wasm])]);
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const source = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
    const script = URL.createObjectURL(new Blob([await source.text()], { type: 'text/javascript' }));
    try {
      worker = new Worker(script);
    } catch (error) {
      throw new Error(`The browser could not compute this: ${error.message}`);
    }
    worker.onmessage = heard;
    worker.onerror = event => failed(`The browser could not compute this: ${event.message || 'its worker ended'}`);
    await send('start', { glue, wasm }, give);
  }

  async function run(job, values, parts, told) {
    const before = stops;
    starting ??= start();
    await starting.catch(error => {
      starting = null;
      throw error;
    });
    const give = await fresh(parts);
    const ended = stops !== before && (job === 'attack' || job === 'measure');
    return ended ? { stopped: true, sides: [] } : send(job, values, give, told);
  }

  function looked(name) {
    const group = live.groups[name];
    if (!group) throw new Error(`There is nothing to compute with for ${name}.`);
    const facts = model => {
      if (!group.models[model]) throw new Error(`The model ${model} cannot be attacked in the browser.`);
      return group.models[model];
    };
    return { group: { ...group, models: null }, facts };
  }

  const sheets = ({ pack, maps }) => (maps ? [pack, maps.pack] : [pack]);
  const parts = ({ weights, predict, step }) => [weights, predict, step];

  async function attack({ group: name, models, target = null, watched = [], ...settings }, told) {
    const { group, facts } = looked(name);
    const chosen = models.map(facts);
    const values = { ...settings, group, models: chosen, target, watched, defaults: live.attack };
    const pictures = watched.length || target?.scene != null ? sheets(group.held_out) : [];
    return run('attack', values, [...chosen.flatMap(parts), ...sheets(group.crafting), ...pictures], told);
  }

  async function measure({ group: name, model, units, target = null }, told) {
    const { group, facts } = looked(name);
    const values = { group, model: facts(model), units, target };
    return run('measure', values, [...parts(values.model), ...sheets(group.held_out)], told);
  }

  async function read({ group: name, model, units, n }) {
    const { group, facts } = looked(name);
    const values = { group, model: facts(model), units, n };
    return run('read', values, [...parts(values.model), ...sheets(group.held_out)]);
  }

  async function predict({ group: name, model, pixels, units = null }) {
    const { group, facts } = looked(name);
    const values = { group, model: facts(model), pixels, units };
    return run('predict', values, parts(values.model));
  }

  function fitted(name, source) {
    const [height, width] = looked(name).group.size;
    const across = source.videoWidth || source.naturalWidth || source.width;
    const down = source.videoHeight || source.naturalHeight || source.height;
    const scale = Math.max(width / across, height / down);
    const [w, h] = [width / scale, height / scale];
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, (across - w) / 2, (down - h) / 2, w, h, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  }

  async function picture({ group: name, number }) {
    const { group } = looked(name);
    return run('picture', { group, number }, sheets(group.held_out));
  }

  function stop() {
    stops++;
    worker?.postMessage({ stop: true });
  }

  function close() {
    worker?.terminate();
    worker = starting = null;
    given.clear();
    jobs.clear();
  }

  return { attack, measure, read, predict, fitted, picture, stop, close };
}
