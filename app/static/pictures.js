// Sends pictures (files, drops, pastes, the camera) to the app's memory, and shows what comes back of the camera.
// `value` is JSON: the key of the album, the size that models see, and how much is taken.
const yours = element.closest('.yours');
const files = element.querySelector('input[type=file]');
const film = element.querySelector('.film');
const video = element.querySelector('video');
const pace = element.querySelector('.pace');
const keep = element.querySelector('[data-keep]');
const canvas = document.createElement('canvas');
const settings = () => JSON.parse(props.value || '{}');
const visible = () => yours.getClientRects().length > 0 && !document.hidden;
const tell = value => trigger('select', { index: 0, value });

// Names of files go in a header: addresses are what servers log. Without a server the page itself takes what is sent.
function post(path, body, more = {}) {
  const root = (window.gradio_config?.root ?? '').replace(/\/$/, '');
  const headers = { 'x-plainsight-album': settings().key, 'content-type': 'application/octet-stream', ...more };
  if (window.plainsightTakes) return window.plainsightTakes(path, body, headers);
  return fetch(`${root}/${path}`, { method: 'POST', body, headers });
}

async function send(given) {
  const { largest, pictures } = settings();
  const taken = [...given].slice(0, pictures);
  let trouble = '';
  for (const [number, file] of taken.entries()) {
    pace.textContent = `Sending ${number + 1} of ${taken.length}`;
    const body = file.size > largest ? file.slice(0, 16) : file; // what is too large is refused by its size alone
    const named = { 'x-plainsight-name': encodeURIComponent(file.name ?? ''), 'x-plainsight-size': String(file.size) };
    try {
      const { ok, status } = await post('pictures', body, named);
      if (!ok) trouble = status === 410 ? 'gone' : 'unreachable';
    } catch {
      trouble = 'unreachable';
    }
    if (trouble) break;
  }
  pace.textContent = '';
  tell(trouble ? { trouble } : { left: given.length - taken.length });
}

// The camera: the next frame goes out when the last is answered, so that nothing queues up.
let stream = null;
let begun = 0;
const times = [];

async function start() {
  if (!navigator.mediaDevices?.getUserMedia) return tell({ trouble: 'insecure' });
  const own = ++begun;
  let opened;
  try {
    opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 640 } } });
  } catch (error) {
    return tell({ trouble: error.name.endsWith('Error') && error.name in KNOWN ? error.name : 'camera' });
  }
  if (own !== begun || !visible()) {
    for (const track of opened.getTracks()) track.stop();
    return;
  }
  stream = opened;
  video.srcObject = stream;
  await video.play();
  show(true);
  run(own);
}
const KNOWN = { NotAllowedError: 1, NotFoundError: 1, NotReadableError: 1 };

function show(on) {
  yours.classList.toggle('filming', on);
  film.hidden = !on;
  keep.hidden = !on;
  pace.textContent = '';
  times.length = 0;
  for (const button of yours.querySelectorAll('[data-camera]')) {
    button.ariaPressed = String(on);
    button.textContent = on ? 'Stop the camera' : 'Camera';
  }
}

function stop(told) {
  if (!stream) return;
  begun++;
  for (const track of stream.getTracks()) track.stop();
  stream = null;
  video.srcObject = null;
  yours.style.removeProperty('--large');
  show(false);
  if (told) tell(told); // draws the page as it was before
}

// The pixels of the middle of the picture, in the size that models see.
function draw(width, height) {
  const scale = Math.max(width / video.videoWidth, height / video.videoHeight);
  const [across, down] = [width / scale, height / scale];
  const [left, top] = [(video.videoWidth - across) / 2, (video.videoHeight - down) / 2];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.imageSmoothingQuality = 'high';
  context.drawImage(video, left, top, across, down, 0, 0, width, height);
  film.style.setProperty('--across', `${(100 * across) / video.videoWidth}%`);
  film.style.setProperty('--down', `${(100 * down) / video.videoHeight}%`);
  return context.getImageData(0, 0, width, height).data;
}

async function run(own) {
  while (own === begun && stream) {
    if (!visible()) return stop({});
    const { width, height } = settings();
    if (!width || !video.videoWidth) {
      await new Promise(done => setTimeout(done, 50));
      continue;
    }
    const frame = draw(width, height);
    let reply;
    try {
      reply = await post('pictures/frame', frame);
      if (reply.status === 422) continue; // another data set was chosen meanwhile
      if (!reply.ok) return stop({ trouble: reply.status === 410 ? 'gone' : 'unreachable' });
      reply = await reply.json();
    } catch {
      return stop({ trouble: 'unreachable' });
    }
    if (own !== begun) return;
    put(frame, reply);
    times.push(performance.now());
    if (times.length > 12) times.shift();
    const rate = (1000 * (times.length - 1)) / (times.at(-1) - times[0]);
    if (times.length > 3) pace.textContent = `${rate.toFixed(1)} pictures a second, none is kept`;
    await new Promise(requestAnimationFrame);
  }
}

const LOOKS = ['holding', 'flicker', 'divider', 'loupe']; // what shows the clean frame in the other pictures too

function put(frame, reply) {
  const clean = yours.querySelector('.live-clean .shot');
  if (clean) {
    const copy =
      clean.querySelector('.frame') ??
      clean.appendChild(Object.assign(document.createElement('canvas'), { className: 'frame' }));
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    copy.getContext('2d').putImageData(new ImageData(frame, canvas.width), 0, 0);
  }
  const looks = document.documentElement.classList;
  if (yours.querySelector('.maps') || LOOKS.some(look => looks.contains(look))) {
    yours.style.setProperty('--large', `url("${canvas.toDataURL()}")`);
  }
  for (const side of ['a', 'b']) {
    const stage = yours.querySelector(`.live-${side}`);
    const over = stage?.querySelector('.over');
    const answers = stage?.querySelector('.answers');
    if (over && reply[side].picture) {
      over.hidden = false;
      over.src = reply[side].picture;
    }
    if (answers) answers.innerHTML = reply[side].said;
  }
}

function still() {
  const whole = document.createElement('canvas');
  Object.assign(whole, { width: video.videoWidth, height: video.videoHeight });
  whole.getContext('2d').drawImage(video, 0, 0);
  const name = `camera ${new Date().toLocaleTimeString('en-GB')}.png`;
  whole.toBlob(blob => {
    stop(null);
    send([new File([blob], name, { type: 'image/png' })]);
  }, 'image/png');
}

yours.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (!button) return;
  if ('choose' in button.dataset) files.click();
  if ('camera' in button.dataset) stream ? stop({}) : start();
  if ('keep' in button.dataset) still();
});
files.addEventListener('change', () => {
  const given = [...files.files];
  files.value = ''; // so that the same file can be chosen again
  if (given.length) send(given);
});
const carries = event => visible() && event.dataTransfer?.types.length;
document.addEventListener('dragover', event => {
  if (!carries(event)) return;
  event.preventDefault();
  yours.classList.add('over');
});
for (const name of ['dragleave', 'drop']) {
  document.addEventListener(name, event => {
    if (name === 'drop' || !event.relatedTarget) yours.classList.remove('over');
  });
}
document.addEventListener('drop', event => {
  if (!carries(event)) return;
  event.preventDefault();
  event.dataTransfer.files.length ? send(event.dataTransfer.files) : tell({ trouble: 'no file' });
});
document.addEventListener('paste', event => {
  if (!visible() || event.target.closest?.('input, textarea, [contenteditable]')) return;
  const given = [...event.clipboardData.files];
  event.preventDefault();
  given.length ? send(given) : tell({ trouble: 'no file' });
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stop({});
});
