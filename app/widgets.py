"""Components that more than one tab uses."""

from pathlib import Path
from typing import Any

import gradio as gr
import plotly

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

_DRAW = """
const paint = text => text.replace(/@(a|b|ink|soft|line|paper)\\b/g,
  (_, name) => getComputedStyle(element).getPropertyValue('--' + name).trim() || '#888');
function draw() {
  const node = element.querySelector('.plotly-figure');
  if (!node || !window.Plotly || !props.value) return;
  const figure = JSON.parse(paint(props.value));
  node.setAttribute('aria-label', figure.layout.meta || '');
  window.Plotly.react(node, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}
(function wait() { window.Plotly ? draw() : setTimeout(wait, 30); })();
watch('value', draw);
window.addEventListener('plainsight-theme', draw);
"""

_ADDRESS = """
watch('value', () => {
  if (props.value) history.replaceState(null, '', location.pathname + '?' + props.value + location.hash);
});
"""


def plotly_figure(height: int = 100, **kwargs: Any) -> gr.HTML:
    """A figure that updates in place at a constant size, offline. Value: JSON from `app.figures`.

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
    """Keeps the session in the page's address. Value: the query, like `data=signs&epsilon=16`."""
    return gr.HTML("", html_template="", js_on_load=_ADDRESS, elem_classes=["nothing"])


def html(**kwargs: Any) -> gr.HTML:
    """A piece of HTML of our own that only shows something."""
    return gr.HTML("", js_on_load=None, apply_default_css=False, **kwargs)


def picker(label: str, **kwargs: Any) -> gr.Dropdown:
    """A choice of one; what it offers comes with the session."""
    return gr.Dropdown([], label=label, filterable=False, **kwargs)


def segments(choices: list[tuple[str, Any]], value: Any, label: str, **kwargs: Any) -> gr.Radio:
    """A few choices side by side, like buttons that belong together."""
    return gr.Radio(choices, value=value, label=label, show_label=False, container=False, **kwargs)
