// Plays how patterns form: draws each frame of a sprite, the image under it, and what was measured with it.
window.plainsightReplay = root => {
  const data = JSON.parse(root.dataset.replay);
  const frames = Number(root.dataset.frames);
  const range = root.querySelector('input[type=range]');
  const button = root.querySelector('[data-play]');
  const output = root.querySelector('output');
  const columns = [...root.querySelectorAll('.replay-side')];
  const { width, height } = data;
  let timer = null;
  let ready = null;
  // The pixels of a picture; every value of a sprite is 128 plus the pattern in units of 1/255.
  async function pixels(address) {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  }
  function paint(column, side, frame) {
    const [under, pattern] = column.querySelectorAll('canvas');
    const [drawn, alone] = [new ImageData(width, height), new ImageData(width, height)];
    const left = (frame % side.columns) * width;
    const top = Math.floor(frame / side.columns) * height;
    for (let y = 0; y < height; y++) {
      let from = 4 * ((top + y) * side.pixels.width + left);
      let to = 4 * y * width;
      for (let x = 0; x < width; x++, from += 4, to += 4) {
        for (let c = 0; c < 3; c++) {
          const units = side.pixels.data[from + c] - 128;
          drawn.data[to + c] = ready.data[to + c] + units; // the array clips at 0 and 255, as the attack does
          alone.data[to + c] = 128 + side.factor * units;
        }
        drawn.data[to + 3] = alone.data[to + 3] = 255;
      }
    }
    under.getContext('2d').putImageData(drawn, 0, 0);
    pattern.getContext('2d').putImageData(alone, 0, 0);
    const said = column.querySelector('.said');
    said.textContent = `${side.said[frame]} ${side.right[frame] ? '✓' : '✗'}`;
    said.className = `said ${side.right[frame] ? 'ok' : 'bad'}`;
    column.querySelector('.wrong').textContent = `${Math.round(100 * side.wrong[frame])}%`;
  }
  function show(frame) {
    range.value = frame;
    const step = data.sides[0].steps[frame];
    const words = step ? `step ${step}` : 'random start';
    output.textContent = words;
    range.ariaValueText = words;
    if (!ready) return;
    data.sides.forEach((side, number) => {
      paint(columns[number], side, frame);
    });
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    button.textContent = 'Play';
  }
  function play() {
    if (Number(range.value) >= frames - 1) show(0);
    button.textContent = 'Pause';
    clearInterval(timer);
    timer = setInterval(() => {
      if (!root.isConnected) return pause();
      show(Number(range.value) + 1);
      if (Number(range.value) >= frames - 1) pause();
    }, 150);
  }
  function step(by) {
    pause();
    show(Math.min(frames - 1, Math.max(0, Number(range.value) + by)));
  }
  const toggle = () => (timer ? pause() : play());
  button.addEventListener('click', toggle);
  range.addEventListener('input', () => {
    pause();
    show(Number(range.value));
  });
  for (const one of root.querySelectorAll('[data-step]')) {
    one.addEventListener('click', () => step(Number(one.dataset.step)));
  }
  const loaded = Promise.all([pixels(data.picture), ...data.sides.map(side => pixels(side.sprite))]).then(found => {
    ready = found[0];
    data.sides.forEach((side, number) => {
      side.pixels = found[number + 1];
    });
    show(Number(range.value));
  });
  return { play, pause, step, toggle, loaded };
};
