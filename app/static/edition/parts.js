// The parts of the page by name (`layout.py`): HTML with the script that the app gives it, and native controls. Each has
// `set(value)` and `on(act)`, which tells what a person has chosen or pressed.
export const parts = {};

// Figures wait until the first view is complete: the library that draws them is larger than all the rest.
const waiting = [];
let drawing = false;
export function drawFigures() {
  drawing = true;
  for (const draw of waiting.splice(0)) draw();
}

class Html {
  constructor(element) {
    this.element = element;
    this.fixed = 'fixed' in element.dataset;
    this.figure = element.querySelector('.plotly-figure') !== null;
    this.props = { value: '' };
    this.watchers = [];
    this.acts = [];
    const script = window.plainsightScripts[element.dataset.script];
    const trigger = (kind, event) => kind === 'select' && this.acts.forEach(act => void act(event.value));
    script?.(element, this.props, trigger, (_, act) => this.watchers.push(act));
  }
  set(value) {
    if (this.figure && !drawing) {
      if (this.later === undefined) waiting.push(() => this.set(this.later));
      this.later = value;
      return;
    }
    if (value === this.props.value) return;
    this.props.value = value;
    if (!this.fixed) this.element.innerHTML = value;
    for (const act of this.watchers) act();
  }
  on(act) {
    this.acts.push(act);
  }
}

class Select {
  constructor(element) {
    this.element = element;
  }
  // `choices` are pairs of words and value; those in `without` cannot be chosen.
  set({ choices, value, without = [], interactive = true }) {
    if (choices && choices !== this.choices && String(choices) !== String(this.choices)) {
      this.choices = choices;
      const options = choices.map(([words, name]) => Object.assign(new Option(words, name), { disabled: false }));
      this.element.replaceChildren(...options);
    }
    for (const option of this.element.options) option.disabled = without.includes(option.value);
    this.element.disabled = !interactive;
    if (value !== undefined) this.element.value = value;
    this.element.title = this.element.selectedOptions[0]?.textContent ?? '';
  }
  on(act) {
    this.element.addEventListener('change', () => act(this.element.value));
  }
}

class Segments {
  constructor(element) {
    this.element = element;
    this.mark();
    element.addEventListener('change', () => this.mark());
  }
  mark() {
    for (const label of this.element.querySelectorAll('label')) {
      label.classList.toggle('selected', label.querySelector('input').checked);
    }
  }
  set({ value, visible = true, without = [] }) {
    this.element.hidden = !visible;
    for (const input of this.element.querySelectorAll('input')) {
      input.checked = input.value === String(value);
      input.disabled = without.includes(input.value);
    }
    this.mark();
  }
  on(act) {
    this.element.addEventListener('change', event => act(event.target.value));
  }
}

class Slider {
  constructor(element) {
    this.element = element;
    this.words = element.closest('.block').querySelector('[data-testid=block-info]');
    element.addEventListener('input', () => this.fill());
  }
  fill() {
    const { min, max, value } = this.element;
    this.element.style.setProperty('--range_progress', `${(100 * (value - min)) / (max - min || 1)}%`);
  }
  set({ value, maximum, label, visible = true, interactive = true }) {
    if (maximum !== undefined) this.element.max = maximum;
    if (value !== undefined) this.element.value = value;
    if (label !== undefined) {
      this.words.textContent = label;
      this.element.ariaValueText = label.split(/[=:] /)[1] ?? null;
    }
    this.element.disabled = !interactive;
    this.element.closest('.block').hidden = !visible;
    this.fill();
  }
  on(act) {
    this.element.addEventListener('input', () => act(Number(this.element.value)));
  }
}

class Button {
  constructor(element) {
    this.element = element;
  }
  set({ value, interactive = true, visible = true, title = '' }) {
    if (value !== undefined) this.element.textContent = value;
    this.element.disabled = !interactive;
    this.element.hidden = !visible;
    this.element.title = title;
  }
  on(act) {
    this.element.addEventListener('click', () => act());
  }
}

class Field {
  constructor(element) {
    this.element = element;
  }
  set({ value }) {
    this.element.value = value;
  }
  on(act) {
    this.element.addEventListener('change', () => act(this.element.value));
  }
}

const KINDS = { SELECT: Select, FIELDSET: Segments, INPUT: Slider, BUTTON: Button, DIV: Html };

export function mount() {
  for (const element of document.querySelectorAll('[data-part], [data-script]')) {
    const Kind = element.type === 'number' ? Field : KINDS[element.tagName];
    const part = new Kind(element);
    if (element.dataset.part) parts[element.dataset.part] = part;
  }
}
