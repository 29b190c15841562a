// A visitor's own pictures, in this page only: from files to what models see of them (`app/service/received.py`).
const WHOLE = 420; // pixels of the longer side of the whole picture on the page
const SHOWN = 40; // characters of a file's name that are shown

function drawnTo(width, height, source, [left, top, across, down]) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff'; // what shows where a picture is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, left, top, across, down, 0, 0, width, height);
  return canvas;
}

const everything = ({ width, height }) => [0, 0, width, height];

// A picture with at most so many pixels.
function smaller(source, pixels) {
  const scale = Math.min(1, Math.sqrt(pixels / (source.width * source.height)));
  const [width, height] = [source.width, source.height].map(side => Math.max(1, Math.round(scale * side)));
  return drawnTo(width, height, source, everything(source));
}

function fileName(name) {
  const last = name.split(/[/\\]/).at(-1);
  const found = last.replace(/\p{C}/gu, '').trim();
  return (found.length > SHOWN ? `${found.slice(0, SHOWN - 8)}…${found.slice(-7)}` : found) || 'The picture';
}

// Some browsers change what a page reads of its pictures, to protect privacy: models would be asked about others.
function isExact() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 16 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const values = Uint8ClampedArray.from({ length: 1024 }, (_, at) => (at % 4 === 3 ? 255 : (37 * at) % 256));
  context.putImageData(new ImageData(values, 16), 0, 0);
  const found = context.getImageData(0, 0, 16, 16).data;
  return values.every((value, at) => value === found[at]);
}

export class Album {
  constructor(taken) {
    this.taken = taken;
    this.kinds = taken.kinds.map(([begin, words]) => [new RegExp(begin, 's'), words]);
    this.pictures = [];
    this.last = 0;
    this.chosen = 0;
  }
  get large() {
    return this.pictures.find(({ token }) => token === this.chosen) ?? this.pictures.at(-1);
  }
  // A picture from a file of so many bytes; what is wrong with it is an Error with one sentence.
  async read(file, given, size) {
    const { fit, largest, most, kept } = this.taken;
    const name = fileName(given);
    if (!size) throw new Error(`${name} is empty, and ${fit} can be read.`);
    if (size > largest) throw new Error(`${name} has ${Math.round(size / 1e6)} MB, and ${fit} can be read.`);
    const start = new Uint8Array(await file.slice(0, 1024).arrayBuffer());
    const begin = String.fromCharCode(...start);
    const kind = this.kinds.find(([pattern]) => pattern.test(begin));
    if (kind) throw new Error(`${name} is ${kind[1]}, and ${fit} can be read.`);
    let image;
    try {
      image = await createImageBitmap(file);
    } catch {
      throw new Error(`${name} cannot be read as an image: it is damaged, or of another kind. ${fit} can be read.`);
    }
    const pixels = `${image.width.toLocaleString('en')} x ${image.height.toLocaleString('en')} pixels`;
    if (image.width * image.height > most) {
      throw new Error(`${name} has ${pixels}, and up to ${most / 1e6} million can be read.`);
    }
    if (!isExact()) {
      throw new Error(
        'This browser changes pictures as it reads them (protection of privacy, perhaps); try another one.',
      );
    }
    this.add(name, smaller(image, kept), image);
  }
  add(name, image, { width, height }) {
    const scale = Math.min(1, WHOLE / Math.max(image.width, image.height));
    const [across, down] = [image.width, image.height].map(side => Math.max(1, Math.round(scale * side)));
    const whole = drawnTo(across, down, image, everything(image)).toDataURL('image/png');
    this.chosen = ++this.last;
    this.pictures.push({
      token: this.chosen,
      name,
      image,
      width,
      height,
      whole,
      at: 50,
      crops: new Map(),
      answers: new Map(),
    });
    this.pictures = this.pictures.slice(-this.taken.pictures);
  }
  remove(token) {
    this.pictures = token ? this.pictures.filter(one => one.token !== token) : [];
  }
}

// The part that models see lies along the longer side; `span` is how much of that it is.
export function span({ image }, [height, width]) {
  const ratio = image.width / image.height / (width / height);
  return { span: ratio > 1 ? 1 / ratio : ratio, across: ratio > 1 };
}

// That part in the size of the models: RGBA as ImageData has it, and as height x width x RGB.
export function crop(picture, [height, width]) {
  const key = `crop ${height} ${width} ${picture.at}`;
  if (!picture.crops.has(key)) {
    const { image, at } = picture;
    const scale = Math.max(width / image.width, height / image.height);
    const [across, down] = [width / scale, height / scale];
    const [left, top] = [image.width - across, image.height - down].map(room => (room * at) / 100);
    const canvas = drawnTo(width, height, image, [left, top, across, down]);
    const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
    picture.crops.set(key, { pixels, values: colours(pixels) });
  }
  return picture.crops.get(key);
}

// RGBA without A.
export const colours = pixels => pixels.filter((_, at) => at % 4 !== 3);
