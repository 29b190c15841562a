"""Components that more than one tab uses, and those that are scripts."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
import plotly
from starlette.responses import FileResponse

from app.theme import static

Made = TypeVar("Made")

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

BLIND = ("threshold", "picture", "words", "drawing", "trial")
"""The modules of the blind test in `static/blind`, each after those that it imports."""

TURNED = "() => { setTimeout(() => window.dispatchEvent(new Event('plainsight-tab')), 150); }"
"""Updates the address of the page after another tab was opened."""


def plotly_figure(height: int = 100, **kwargs: Any) -> gr.HTML:
    """A figure that updates in place at a constant size, offline. Value: JSON from `app.figures`.

    Its `.select` event gives the `customdata` of a point that was clicked.

    `gr.Plot` would be remounted on every update and grow the page. No subclass of `gr.HTML`, because Gradio
    writes a `.pyi` file beside every module that defines one.
    """
    style = f"width:100%;height:{height}px"
    return gr.HTML(
        "",
        html_template=f'<div class="plotly-figure" role="img" aria-label="A figure" style="{style}"></div>',
        js_on_load=static("figure.js").replace("@library", f"plotly.min.js?v={plotly.__version__}"),
        **kwargs,
    )


def plotly_js() -> FileResponse:
    """The library of the figures, served by the app, so that nothing is fetched from other machines."""
    return FileResponse(PLOTLY_JS, headers={"cache-control": "public, max-age=86400"})


def address() -> gr.HTML:
    """Keeps the session of the open tab in the address of the page. Value: the query, like `data=signs&epsilon=16`."""
    return gr.HTML("", html_template="", js_on_load=static("address.js"), elem_classes=["invisible"])


def strength_views() -> gr.HTML:
    """What parts of the page show at each stored strength, for a drag that is answered in the browser.

    Value: JSON of the session's `query` and its `views`, a list of values by strength. Its `.input` event asks for
    that; its `.select` event says that the slider has come to rest.
    """
    return gr.HTML(
        "", html_template="", js_on_load=static("strength.js"), elem_id="strengths", elem_classes=["invisible"]
    )


def pressable(attribute: str, **kwargs: Any) -> gr.HTML:
    """HTML whose `.select` event gives the value of `attribute` of the element that was pressed in it."""
    return gr.HTML("", js_on_load=static("pressable.js").replace("@", attribute), apply_default_css=False, **kwargs)


def model_list() -> gr.HTML:
    """A table of models that can be filtered and sorted. Its `.select` event gives the name of a model."""
    words = '<label class="filter">Filter <input type="search" placeholder="heap 64 σ 0.7"></label>'
    template = f'{words}<div class="models"></div>'
    return gr.HTML("", html_template=template, js_on_load=static("models.js"), apply_default_css=False)


def tools(**kwargs: Any) -> gr.HTML:
    """Ways to compare the large pictures with the original; they act in the browser only."""
    buttons = (
        '<div class="tools-row" role="group" aria-label="Ways to compare">'
        '<button type="button" data-hold title="Show the original while it is held (also: the space bar)">'
        "Hold to compare</button>"
        '<button type="button" data-mode="flicker" aria-pressed="false">Flicker</button>'
        '<button type="button" data-mode="divider" aria-pressed="false">Divider</button>'
        '<input type="range" class="cut" min="0" max="100" value="50" aria-label="Where the divider stands">'
        '<button type="button" data-mode="loupe" aria-pressed="false">Loupe</button></div>'
    )
    return gr.HTML(buttons, js_on_load=static("tools.js"), apply_default_css=False, **kwargs)


def blind_test(**kwargs: Any) -> gr.HTML:
    """The blind test. Value: its material, JSON from `app.markup.blind`.

    Its `.select` event gives the number of another series that a person has begun.
    """
    script = f"{bundled(*(f'blind/{name}.js' for name in BLIND))}\n{static('blind.js')}"
    return gr.HTML("", html_template='<div class="blind"></div>', js_on_load=script, apply_default_css=False, **kwargs)


def bundled(*names: str) -> str:
    """Modules of `app/static` as one script without imports, so that it needs no server: also for a page of a disk."""
    whole = "\n".join(static(name) for name in names)
    return re.sub(r"^import\b[^;]*;\n|^export ", "", whole, flags=re.MULTILINE)


def player(button: str, **kwargs: Any) -> gr.HTML:
    """Plays a replay in the browser (`app.markup.replay`); the button with the id `button` opens it again."""
    script = f"{static('replay.js')}\n{static('played.js')}".replace("@button", button)
    return gr.HTML("", js_on_load=script, apply_default_css=False, **kwargs)


def overlay_slider() -> gr.HTML:
    """The opacity of label maps over their photographs; it is changed in the browser only."""
    slider = '<label class="overlay">Opacity <input type="range" min="0" max="100" value="65"></label>'
    return gr.HTML(slider, js_on_load=static("overlay.js"), apply_default_css=False, elem_classes=["overlaybox"])


def picture_intake(**kwargs: Any) -> gr.HTML:
    """Where pictures come in: files, drops, pastes and the camera. Value: JSON (`app.markup.pictures.intake`).

    Its `.select` event tells what has been sent to `app.intake`, or what went wrong.
    """
    buttons = (
        '<div class="ways"><button type="button" data-choose>Add pictures</button>'
        '<button type="button" data-camera aria-pressed="false">Camera</button>'
        '<button type="button" data-keep hidden>Keep this picture</button></div>'
        '<input type="file" accept="image/*" multiple hidden aria-label="Pictures"><div class="film" hidden>'
        '<video playsinline muted></video></div><p class="note pace"></p>'
    )
    return gr.HTML("", html_template=buttons, js_on_load=static("pictures.js"), apply_default_css=False, **kwargs)


def crop_frame(**kwargs: Any) -> gr.HTML:
    """A picture in which a frame can be moved; its `.select` event gives the place of the frame in percent."""
    return gr.HTML(
        "",
        html_template='<div class="whole"></div>',
        js_on_load=static("crop.js"),
        apply_default_css=False,
        **kwargs,
    )


def turned() -> gr.HTML:
    """Its `.select` event gives the title of the tab that a person opens, or after Back the query of the address.

    `gr.Tab.select` also fires on loading.
    """
    return gr.HTML("", html_template="", js_on_load=static("turned.js"), elem_classes=["invisible"])


def html(value: str = "", **kwargs: Any) -> gr.HTML:
    """HTML without events."""
    return gr.HTML(value, js_on_load=None, apply_default_css=False, **kwargs)


def picker(label: str, **kwargs: Any) -> gr.Dropdown:
    """A dropdown; its choices come with the session."""
    return gr.Dropdown([], label=label, filterable=False, **kwargs)


def segments(choices: list[tuple[str, Any]], value: Any, label: str, **kwargs: Any) -> gr.Radio:
    """A few choices side by side, as a group of buttons."""
    return gr.Radio(choices, value=value, label=label, show_label=False, container=False, **kwargs)


def in_a_loop(make: Callable[[], Made]) -> Made:
    """What `make` returns. It runs inside an event loop; otherwise Gradio opens one for each lock and closes none.

    Where the caller is inside a loop, as in a notebook, `make` runs in another thread.
    """

    async def made() -> Made:
        return make()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(made())
    with ThreadPoolExecutor(1) as other:
        return other.submit(lambda: asyncio.run(made())).result()
