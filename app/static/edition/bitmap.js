// Pictures as addresses and files, made from their values (height x width x RGB) without a canvas: exact in every browser.
import { inflated } from '../blind/picture.js';

export const unpackedPicture = inflated;
export const unpackedPattern = async (text, factor) =>
  new Int8Array((await inflated(text)).buffer).map(value => factor * value);

// A picture under a pattern; the array clips at 0 and 255, as the attack does.
export function under(values, units) {
  const found = new Uint8ClampedArray(values.length);
  for (let at = 0; at < found.length; at++) found[at] = values[at] + units[at];
  return found;
}

export function amplified(units, factor) {
  const found = new Uint8ClampedArray(units.length);
  for (let at = 0; at < found.length; at++) found[at] = 128 + factor * units[at];
  return found;
}

function base64(bytes) {
  if (bytes.toBase64) return bytes.toBase64(); // newer browsers, and much faster
  const parts = [];
  for (let at = 0; at < bytes.length; at += 0x8000) parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(parts.join(''));
}

// The address of a bitmap file: rows from below, blue first, each filled up to four bytes.
export function bitmapAddress(values, [height, width]) {
  const row = Math.ceil((3 * width) / 4) * 4;
  const bytes = new Uint8Array(54 + row * height);
  const head = new DataView(bytes.buffer);
  head.setUint16(0, 0x424d);
  head.setUint32(2, bytes.length, true);
  head.setUint32(10, 54, true);
  head.setUint32(14, 40, true);
  head.setInt32(18, width, true);
  head.setInt32(22, height, true);
  head.setUint16(26, 1, true);
  head.setUint16(28, 24, true);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = 54 + row * (height - 1 - y); x < width; x++, from += 3, to += 3) {
      bytes[to] = values[from + 2];
      bytes[to + 1] = values[from + 1];
      bytes[to + 2] = values[from];
    }
  }
  return `data:image/bmp;base64,${base64(bytes)}`;
}

const table = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function chunk(kind, content) {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(kind), 4);
  bytes.set(content, 8);
  let sum = 0xffffffff;
  for (const byte of bytes.subarray(4, 8 + content.length)) sum = table[(sum ^ byte) & 255] ^ (sum >>> 8);
  view.setUint32(8 + content.length, ~sum >>> 0);
  return bytes;
}

// A PNG file of values with 3 channels, or 4 with opacity.
export async function pngFile(values, [height, width], channels = 3) {
  const row = channels * width;
  const rows = new Uint8Array((row + 1) * height); // a row begins with its filter: none
  for (let y = 0; y < height; y++) rows.set(values.subarray(row * y, row * (y + 1)), (row + 1) * y + 1);
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint16(8, channels === 3 ? 0x0802 : 0x0806); // 8 bits each
  const parts = [chunk('IHDR', new Uint8Array(head.buffer)), chunk('IDAT', packed), chunk('IEND', new Uint8Array())];
  return new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), ...parts], { type: 'image/png' });
}

export async function pngAddress(values, size, channels) {
  const file = await pngFile(values, size, channels);
  return `data:image/png;base64,${base64(new Uint8Array(await file.arrayBuffer()))}`;
}

// A safetensors file: the length of its header, the header, and the values, colour by colour.
export function tensorFile(header, units) {
  const text = new TextEncoder().encode(header);
  const length = new DataView(new ArrayBuffer(8));
  length.setUint32(0, text.length, true);
  const one = units.length / 3;
  const values = Int8Array.from(units, (_, at) => units[3 * (at % one) + Math.floor(at / one)]);
  return new Blob([length.buffer, text, values], { type: 'application/octet-stream' });
}
