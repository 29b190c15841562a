// Computes in a thread of its own. One job at a time; `client.js` sends them and documents them.
import { rate, sceneRate } from './rates.js';
import { aimed, fromUnits, gathered, isCounted, quantised, spgd } from './spgd.js';

const { ort } = self;
const packs = new Map(); // name to bytes
const kept = new Map(); // what was made of them
let stopped = false;

const breath = () => new Promise(done => setTimeout(done)); // lets a stop be heard

async function unpacked(text) {
  const packed = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function once(key, make) {
  if (!kept.has(key)) kept.set(key, make());
  return kept.get(key);
}

async function start({ glue, wasm }) {
  ort.env.wasm.wasmBinary = packs.get(wasm);
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(new Blob([packs.get(glue)], { type: 'text/javascript' })) };
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
  packs.delete(wasm);
  return { threads: ort.env.wasm.numThreads };
}

// The graphs of a model as functions.
function opened(group, facts) {
  const [height, width] = group.size;
  const session = name =>
    once(`${facts[name]} of ${facts.weights}`, () =>
      ort.InferenceSession.create(packs.get(facts[name]), {
        externalData: [{ path: 'model.safetensors', data: packs.get(facts.weights) }],
      }),
    );
  const planes = (kind, values, n) => new ort.Tensor(kind, values, [n, 3, height, width]);
  const predicted = async (name, images, n, delta) => {
    const given = {
      images: planes('uint8', images, n),
      delta: planes('float32', delta ?? new Float32Array(3 * height * width), 1),
    };
    return (await (await session('predict')).run(given, [name]))[name];
  };
  const step = async ({ images, labels, delta, velocity, ...numbers }, n) => {
    const given = {
      images: planes('uint8', images, n),
      labels: new ort.Tensor('int32', labels, labels.length > n ? [n, height, width] : [n]),
      delta: planes('float32', delta, 1),
      velocity: planes('float32', velocity, 1),
    };
    for (const [name, value] of Object.entries(numbers)) {
      given[name] = new ort.Tensor('float32', Float32Array.of(value), []);
    }
    const found = await (await session('step')).run(given, ['next_delta', 'next_velocity', 'classes']);
    return { delta: found.next_delta.data, velocity: found.next_velocity.data, classes: found.classes.data };
  };
  return {
    logits: (...given) => predicted('logits', ...given),
    classes: async (...given) => (await predicted('classes', ...given)).data,
    step,
  };
}

// The pictures of a sheet as uint8, N x 3 x H x W, with their labels, one an image or one a pixel.
function split(group, which) {
  return once(group[which].pack, async () => {
    const facts = group[which];
    const images = await values(group, facts, facts, planar);
    const labels = facts.maps ? await values(group, facts, facts.maps, red) : Int32Array.from(facts.labels);
    return { images, labels, n: facts.n };
  });
}

async function values({ size: [height, width] }, { n, columns }, { pack, adler32 }, part) {
  const blob = new Blob([packs.get(pack)], { type: 'image/webp' });
  const sheet = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const context = new OffscreenCanvas(sheet.width, sheet.height).getContext('2d', { willReadFrequently: true });
  context.drawImage(sheet, 0, 0);
  packs.delete(pack);
  const cells = Array.from({ length: n }, (_, i) => {
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height];
    return part(context.getImageData(left, top, width, height).data);
  });
  const found = joined(cells);
  if (checksum(found) !== adler32) {
    throw new Error(
      'This browser changes pictures as it reads them (protection of privacy, perhaps); try another one.',
    );
  }
  return found;
}

function joined(parts) {
  const found = new parts[0].constructor(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    found.set(part, place);
    place += part.length;
  }
  return found;
}

const red = pixels => Uint8Array.from({ length: pixels.length / 4 }, (_, i) => pixels[4 * i]);

// RGBA as three planes.
function planar(pixels) {
  const count = pixels.length / 4;
  const found = new Uint8Array(3 * count);
  for (let i = 0; i < count; i++) for (let c = 0; c < 3; c++) found[c * count + i] = pixels[4 * i + c];
  return found;
}

function checksum(bytes) {
  let [a, b] = [1, 0];
  for (let i = 0; i < bytes.length; ) {
    for (const end = Math.min(i + 3800, bytes.length); i < end; i++) {
      a += bytes[i];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

// A class, or the label map of a held-out scene, which counts from 1.
async function wanted(group, target) {
  if (target?.scene == null) return target;
  return one(await split(group, 'held_out'), 'labels', target.scene - 1);
}

// What belongs to one image of a split.
function one(whole, what, number) {
  const size = whole[what].length / whole.n;
  return whole[what].slice(number * size, (number + 1) * size);
}

// The first pictures of a split.
function head({ images, labels, n }, count) {
  const part = values => values.subarray(0, (values.length / n) * count);
  return { images: part(images), labels: part(labels), n: count };
}

async function attack({ group, models, epsilons, images, watched, target: aim, ...settings }, tell) {
  const whole = await split(group, 'crafting');
  const crafting = head(whole, Math.min(images ?? whole.n, whole.n));
  const target = await wanted(group, aim);
  const held = watched.length ? await split(group, 'held_out') : null;
  const shown = held && gathered(held.images, watched, held.images.length / held.n);
  const sides = models.map((facts, number) => {
    const model = opened(group, facts);
    const given = { ...settings, epsilon: epsilons[number], target, batch: group.batch_size };
    const steps = spgd(model, crafting, given);
    return { model, steps, seconds: 0, fooling: [] };
  });
  for (let iteration = 1; iteration <= settings.steps && !stopped; iteration++) {
    for (const [number, side] of sides.entries()) {
      const began = performance.now();
      const { value } = await side.steps.next();
      side.seconds += (performance.now() - began) / 1000;
      side.units = quantised(value.delta);
      side.iteration = iteration;
      side.fooling.push(value.fooling);
      const seen = shown && (await side.model.classes(shown, watched.length, fromUnits(side.units)));
      const { units, seconds } = side;
      tell({ side: number, iteration, steps: settings.steps, units, fooling: value.fooling, seconds, seen });
      await breath();
      if (stopped) break;
    }
  }
  const found = ({ units, iteration, fooling, seconds }) => (units ? { units, iteration, fooling, seconds } : null);
  return { stopped, sides: sides.map(found) };
}

async function classified(model, { images, n }, together, delta, tell) {
  const size = images.length / n;
  const found = [];
  for (let start = 0; start < n && !stopped; start += together) {
    const end = Math.min(start + together, n);
    found.push(await model.classes(images.subarray(start * size, end * size), end - start, delta));
    tell({ done: end, n });
    await breath();
  }
  return stopped ? found : joined(found);
}

async function measure({ group, model: facts, units, target: aim }, tell) {
  const [model, held, target] = [opened(group, facts), await split(group, 'held_out'), await wanted(group, aim)];
  const key = `clean of ${facts.weights} on ${group.held_out.pack}`;
  const run = (delta, what) => classified(model, held, group.batch_size, delta, at => tell({ ...at, what }));
  const clean = kept.get(key) ?? (await run(null, 'clean'));
  if (!stopped) kept.set(key, clean);
  const attacked = await run(fromUnits(units), 'attacked');
  if (stopped) return { stopped };
  const { labels, n } = held;
  const each = labels.length / n;
  const asked = aimed(labels, target, each);
  const counted = i => isCounted(labels[i], each);
  const toShow = i => counted(i) && (each > 1 ? isCounted(asked[i], each) : labels[i] !== target);
  return {
    stopped,
    clean: fraction(i => clean[i] === labels[i], counted, n, each),
    accuracy: fraction(i => attacked[i] === labels[i], counted, n, each),
    fooling: fraction(i => attacked[i] !== clean[i], counted, n, each),
    target: target == null ? null : fraction(i => attacked[i] === asked[i], toShow, n, each),
    predictions: attacked,
  };
}

// How often `hit` is true among the elements that count, of n images with `each` elements.
function fraction(hit, counts, n, each) {
  const [hits, counted] = [new Array(n).fill(0), new Array(n).fill(0)];
  for (let i = 0; i < n * each; i++) {
    if (!counts(i)) continue;
    counted[Math.floor(i / each)]++;
    if (hit(i)) hits[Math.floor(i / each)]++;
  }
  const sum = values => values.reduce((a, b) => a + b);
  return each > 1 ? sceneRate(hits, counted) : rate(sum(hits), sum(counted));
}

// The classes of the first held-out pictures under a pattern, like the predictions of `measure`.
async function read({ group, model: facts, units, n }) {
  const held = head(await split(group, 'held_out'), n);
  return classified(opened(group, facts), held, group.batch_size, fromUnits(units), () => {});
}

async function predict({ group, model: facts, pixels, units }) {
  const n = pixels.length;
  const [model, images] = [opened(group, facts), joined(pixels.map(planar))];
  const delta = units && fromUnits(units);
  const parts = values => Array.from({ length: n }, (_, i) => one({ values, n }, 'values', i));
  if (group.palette.length) return parts(await model.classes(images, n, delta)).map(map => Uint8Array.from(map));
  return parts((await model.logits(images, n, delta)).data).map(softmax);
}

function softmax(logits) {
  const most = Math.max(...logits);
  const likely = Array.from(logits, value => Math.exp(value - most));
  const sum = likely.reduce((a, b) => a + b);
  return likely.map(value => value / sum);
}

async function picture({ group, number }) {
  const held = await split(group, 'held_out');
  return { planes: one(held, 'images', number), labels: one(held, 'labels', number) };
}

const JOBS = { start, attack, measure, read, predict, picture };
let line = Promise.resolve();

async function work({ id, job, give, given }) {
  try {
    for (const [name, text] of Object.entries(give)) packs.set(name, await unpacked(text));
    stopped = false;
    const result = await JOBS[job](given, tick => self.postMessage({ id, tick }));
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, trouble: error?.message ?? String(error) });
  }
}

self.onmessage = ({ data }) => {
  if (data.stop) stopped = true;
  else line = line.then(() => work(data));
};
