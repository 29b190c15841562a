// Computes in a thread of its own. One job at a time; `client.js` sends them and documents them.
import { rate } from './rates.js';
import { fromUnits, quantised, spgd } from './spgd.js';

const { ort } = self;
const packs = new Map(); // name to bytes
const kept = new Map(); // what was made of them
const TOGETHER = 64; // images that are looked at together
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
      labels: new ort.Tensor('int32', labels, [n]),
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

// The pictures of a sheet as uint8, N x 3 x H x W.
function split(group, which) {
  return once(group[which].pack, () => pictures(group, group[which]));
}

async function pictures({ size: [height, width] }, { pack, n, columns, labels, adler32 }) {
  const blob = new Blob([packs.get(pack)], { type: 'image/webp' });
  const sheet = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const context = new OffscreenCanvas(sheet.width, sheet.height).getContext('2d', { willReadFrequently: true });
  context.drawImage(sheet, 0, 0);
  packs.delete(pack);
  const images = new Uint8Array(n * 3 * height * width);
  for (let i = 0; i < n; i++) {
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height];
    images.set(planar(context.getImageData(left, top, width, height).data), i * 3 * height * width);
  }
  if (checksum(images) !== adler32) {
    throw new Error(
      'This browser changes pictures as it reads them (protection of privacy, perhaps); try another one.',
    );
  }
  return { images, labels, n };
}

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

async function attack({ group, models, watched, ...settings }, tell) {
  const crafting = await split(group, 'crafting');
  const shown = watched == null ? null : image(await split(group, 'held_out'), watched);
  const sides = models.map(facts => {
    const model = opened(group, facts);
    return { model, steps: spgd(model, crafting, settings), seconds: 0, fooling: [] };
  });
  for (let iteration = 1; iteration <= settings.steps && !stopped; iteration++) {
    for (const [number, side] of sides.entries()) {
      const began = performance.now();
      const { value } = await side.steps.next();
      side.seconds += (performance.now() - began) / 1000;
      side.units = quantised(value.delta);
      side.iteration = iteration;
      side.fooling.push(value.fooling);
      const read = shown && (await side.model.classes(shown, 1, fromUnits(side.units)))[0];
      const { units, seconds } = side;
      tell({ side: number, iteration, steps: settings.steps, units, fooling: value.fooling, seconds, read });
      await breath();
      if (stopped) break;
    }
  }
  const found = ({ units, iteration, fooling, seconds }) => (units ? { units, iteration, fooling, seconds } : null);
  return { stopped, sides: sides.map(found) };
}

const image = ({ images, n }, number) => {
  const size = images.length / n;
  return images.slice(number * size, (number + 1) * size);
};

async function classified(model, { images, n }, delta, tell) {
  const size = images.length / n;
  const found = [];
  for (let start = 0; start < n && !stopped; start += TOGETHER) {
    const end = Math.min(start + TOGETHER, n);
    found.push(...(await model.classes(images.subarray(start * size, end * size), end - start, delta)));
    tell({ done: end, n });
    await breath();
  }
  return found;
}

async function measure({ group, model: facts, units, target }, tell) {
  const [model, held] = [opened(group, facts), await split(group, 'held_out')];
  const key = `clean of ${facts.weights} on ${group.held_out.pack}`;
  const clean = kept.get(key) ?? (await classified(model, held, null, at => tell({ ...at, what: 'clean' })));
  if (!stopped) kept.set(key, clean);
  const attacked = await classified(model, held, fromUnits(units), at => tell({ ...at, what: 'attacked' }));
  if (stopped) return { stopped };
  const count = test => rate(attacked.filter(test).length, held.n);
  const others = held.labels.flatMap((label, i) => (label === target ? [] : [i]));
  return {
    stopped,
    clean: rate(clean.filter((seen, i) => seen === held.labels[i]).length, held.n),
    accuracy: count((seen, i) => seen === held.labels[i]),
    fooling: count((seen, i) => seen !== clean[i]),
    target: target == null ? null : rate(others.filter(i => attacked[i] === target).length, others.length),
    predictions: attacked,
  };
}

async function predict({ group, model: facts, pixels, units }) {
  const images = pixels.map(planar);
  const together = new Uint8Array(images.length * images[0].length);
  images.forEach((one, i) => {
    together.set(one, i * one.length);
  });
  const delta = units && fromUnits(units);
  const { data, dims } = await opened(group, facts).logits(together, images.length, delta);
  return images.map((_, i) => softmax(data.subarray(i * dims[1], (i + 1) * dims[1])));
}

function softmax(logits) {
  const most = Math.max(...logits);
  const likely = Array.from(logits, value => Math.exp(value - most));
  const sum = likely.reduce((a, b) => a + b);
  return likely.map(value => value / sum);
}

async function picture({ group, number }) {
  const held = await split(group, 'held_out');
  return { planes: image(held, number), label: held.labels[number] };
}

const JOBS = { start, attack, measure, predict, picture };
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
