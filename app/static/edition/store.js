// The data of the edition: scripts that hand over compressed JSON, since a page of a disk may not fetch a file.
import { inflated } from '../blind/picture.js';

const known = new Map();
const loads = new Map();
window.plainsightData = (name, text) => known.set(name, text);

export const slug = name => name.replace(/[^A-Za-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');

async function unpackedValue(name) {
  const text = known.get(name);
  known.delete(name);
  return JSON.parse(new TextDecoder().decode(await inflated(text)));
}

export function load(name) {
  if (loads.has(name)) return loads.get(name);
  const loading = new Promise((done, failed) => {
    const script = document.createElement('script');
    const missing = () => {
      loads.delete(name); // it is tried again when it is needed again
      failed(new Error(`The file data/${name}.js of this edition cannot be read.`));
    };
    script.addEventListener('load', () => (known.has(name) ? done(unpackedValue(name)) : missing()));
    script.addEventListener('error', missing);
    script.src = `data/${name}.js`;
    document.head.append(script);
  });
  loads.set(name, loading);
  return loading;
}

// A text from the numbers of its pieces; negative ones are those of the strings that several files share.
export function joined(numbers, strings, common = []) {
  return [numbers]
    .flat()
    .map(number => (number < 0 ? common[-1 - number] : strings[number]))
    .join('');
}

export const escaped = text => new Option(text).innerHTML;

// A text with values in the place of @words@.
export const filled = (text, values) => text.replace(/@(\w+)@/g, (whole, name) => values[name] ?? whole);
