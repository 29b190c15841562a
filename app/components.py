"""Components that more than one tab uses."""

from pathlib import Path
from typing import Any

import gradio as gr
import plotly

from app.theme import static

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

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
        js_on_load=static("figure.js"),
        **kwargs,
    )


def address() -> gr.HTML:
    """Keeps the session of the tab in view in the page's address. Value: the query, like `data=signs&epsilon=16`."""
    return gr.HTML("", html_template="", js_on_load=static("address.js"), elem_classes=["nothing"])


def pressable(attribute: str, **kwargs: Any) -> gr.HTML:
    """HTML whose `.select` event tells the value of `attribute` of what was pressed inside it."""
    return gr.HTML("", js_on_load=static("pressable.js").replace("@", attribute), apply_default_css=False, **kwargs)


def overlay_slider() -> gr.HTML:
    """How strongly label maps cover their photographs; the browser does it alone."""
    slider = '<label class="overlay">Opacity <input type="range" min="0" max="100" value="65"></label>'
    return gr.HTML(slider, js_on_load=static("overlay.js"), apply_default_css=False, elem_classes=["overlaybox"])


def turned() -> gr.HTML:
    """Its `.select` event tells the title of the tab that a person turns to. `gr.Tab.select` fires on loading too."""
    return gr.HTML("", html_template="", js_on_load=static("turned.js"), elem_classes=["nothing"])


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    """A piece of HTML of our own that only shows something."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, **kwargs)


def picker(label: str, **kwargs: Any) -> gr.Dropdown:
    """A choice of one; what it offers comes with the session."""
    return gr.Dropdown([], label=label, filterable=False, **kwargs)


def segments(choices: list[tuple[str, Any]], value: Any, label: str, **kwargs: Any) -> gr.Radio:
    """A few choices side by side, like buttons that belong together."""
    return gr.Radio(choices, value=value, label=label, show_label=False, container=False, **kwargs)
