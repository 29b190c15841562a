// Pictures and patterns as bytes, and one under the other exactly as the engine makes it (core/threat.py).

// The bytes of base64 of zlib.
export async function inflated(text) {
  const packed = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Pictures (uint8) and patterns (int8, with the largest value), all as height x width x RGB.
export async function unpacked(material) {
  const pattern = async ({ epsilon, units }) => {
    const values = new Int8Array((await inflated(units)).buffer);
    return { epsilon, values, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
  };
  const [pictures, a, b] = await Promise.all([
    Promise.all(material.pictures.map(inflated)),
    Promise.all(material.a.patterns.map(pattern)),
    Promise.all(material.b.patterns.map(pattern)),
  ]);
  return { pictures, a, b };
}

// The stored pattern whose strength is nearest, by ratio.
export function nearest(patterns, strength) {
  const far = ({ epsilon }) => Math.abs(Math.log(epsilon / strength));
  return patterns.reduce((best, other) => (far(other) < far(best) ? other : best));
}

// A picture under a pattern that is scaled so that its largest value is `strength`, as RGBA. The values are whole units of
// 1/255, rounded towards zero, and the sum is clipped.
export function changed(picture, pattern, strength) {
  const shown = plain(picture);
  for (let pixel = 0, at = 0; at < picture.length; pixel += 4, at += 3) {
    for (let channel = 0; channel < 3; channel++) {
      shown[pixel + channel] += Math.trunc((pattern.values[at + channel] * strength) / (pattern.largest || 1));
    }
  }
  return shown;
}

// A picture as RGBA.
export function plain(picture) {
  const shown = new Uint8ClampedArray((picture.length / 3) * 4).fill(255);
  for (let pixel = 0, at = 0; at < picture.length; pixel += 4, at += 3) {
    for (let channel = 0; channel < 3; channel++) shown[pixel + channel] = picture[at + channel];
  }
  return shown;
}

export function draw(canvas, rgba, [height, width]) {
  Object.assign(canvas, { width, height });
  canvas.getContext('2d').putImageData(new ImageData(rgba, width, height), 0, 0);
}
