"""Components that more than one tab uses."""

from pathlib import Path
from typing import Any

import gradio as gr
import plotly

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

_DRAW = """
const paint = text => text.replace(/@(a|b|ink|soft|line|paper)\\b/g,
  (_, name) => getComputedStyle(element).getPropertyValue('--' + name).trim() || '#888');
let bound = null;
function draw() {
  const node = element.querySelector('.plotly-figure');
  if (!node || !window.Plotly || !props.value) return;
  const figure = JSON.parse(paint(props.value));
  node.setAttribute('aria-label', figure.layout.meta || '');
  window.Plotly.react(node, figure.data, figure.layout, {responsive: true, displayModeBar: false});
  if (bound === node) return;
  bound = node;
  node.on('plotly_click', event => {
    const value = event.points[0].customdata;
    if (value !== undefined) trigger('select', {index: 0, value});
  });
}
(function wait() { window.Plotly ? draw() : setTimeout(wait, 30); })();
watch('value', draw);
window.addEventListener('plainsight-theme', draw);
"""

_PRESS = """
let last = null;
element.addEventListener('click', event => {
  const pressed = event.target.closest('[@]');
  if (!pressed) return;
  last = pressed.getAttribute('@');
  trigger('select', {index: 0, value: last});
});
watch('value', () => setTimeout(() => {  // what is pressed is drawn anew; the keyboard stays where it was
  if (last === null || document.activeElement !== document.body) return;
  element.querySelector(`[@="${CSS.escape(last)}"]`)?.focus({preventScroll: true});
}, 50));
"""

_OVERLAY = """
element.querySelector('input').addEventListener('input', event => {
  document.documentElement.style.setProperty('--overlay', event.target.value / 100);
});
"""

_ADDRESS = """
function write() {
  const panel = element.closest('[role=tabpanel]');
  if (!props.value || panel && getComputedStyle(panel).display === 'none') return false;
  history.replaceState(null, '', location.pathname + '?' + props.value + location.hash);
  return true;
}
let last = 0;
function soon(tries) { if (!write() && tries) last = setTimeout(() => soon(tries - 1), 200); }
watch('value', () => { clearTimeout(last); soon(15); setTimeout(write, 400); });
window.addEventListener('plainsight-tab', () => { clearTimeout(last); write(); });
"""

_TURNED = """
document.addEventListener('click', event => {
  const tab = event.target.closest('#tabs [role=tab], #tabs .overflow-dropdown button');
  if (!tab) return;
  trigger('select', {index: 0, value: tab.textContent.trim()});
  setTimeout(() => window.dispatchEvent(new Event('plainsight-tab')), 100);
});
"""


TURNED = "() => { setTimeout(() => window.dispatchEvent(new Event('plainsight-tab')), 150); }"
"""Tells the page's address that another tab is in view now."""


def plotly_figure(height: int = 100, **kwargs: Any) -> gr.HTML:
    """A figure that updates in place at a constant size, offline. Value: JSON from `app.figures`.

    Its `.select` event tells the `customdata` of a point that was clicked.

    `gr.Plot` would be remounted on every update and grow the page. No subclass of `gr.HTML`, because Gradio
    writes a `.pyi` file beside every module that defines one.
    """
    gr.set_static_paths([PLOTLY_JS])  # served by the app itself: nothing is fetched from outside
    return gr.HTML(
        "",
        html_template=f'<div class="plotly-figure" role="img" style="width:100%;height:{height}px"></div>',
        head=f'<script src="gradio_api/file={PLOTLY_JS}"></script>',
        js_on_load=_DRAW,
        **kwargs,
    )


def address() -> gr.HTML:
    """Keeps the session of the tab in view in the page's address. Value: the query, like `data=signs&epsilon=16`."""
    return gr.HTML("", html_template="", js_on_load=_ADDRESS, elem_classes=["nothing"])


def pressable(attribute: str, **kwargs: Any) -> gr.HTML:
    """HTML whose `.select` event tells the value of `attribute` of what was pressed inside it."""
    return gr.HTML("", js_on_load=_PRESS.replace("@", attribute), apply_default_css=False, **kwargs)


def overlay_slider() -> gr.HTML:
    """How strongly label maps cover their photographs; the browser does it alone."""
    slider = '<label class="overlay">Opacity <input type="range" min="0" max="100" value="65"></label>'
    return gr.HTML(slider, js_on_load=_OVERLAY, apply_default_css=False, elem_classes=["overlaybox"])


def turned() -> gr.HTML:
    """Its `.select` event tells the title of the tab that a person turns to. `gr.Tab.select` fires on loading too."""
    return gr.HTML("", html_template="", js_on_load=_TURNED, elem_classes=["nothing"])


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    """A piece of HTML of our own that only shows something."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, **kwargs)


def picker(label: str, **kwargs: Any) -> gr.Dropdown:
    """A choice of one; what it offers comes with the session."""
    return gr.Dropdown([], label=label, filterable=False, **kwargs)


def segments(choices: list[tuple[str, Any]], value: Any, label: str, **kwargs: Any) -> gr.Radio:
    """A few choices side by side, like buttons that belong together."""
    return gr.Radio(choices, value=value, label=label, show_label=False, container=False, **kwargs)
