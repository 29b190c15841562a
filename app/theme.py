"""The looks of the page: Gradio's theme in the colours of `static/page/colours.css`, and the header."""

import json
import os
import re
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from app.markup.glossary import QUESTION

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]

STATIC = Path(__file__).parent / "static"


def static(name: str) -> str:
    """The text of a file in `app/static`."""
    return (STATIC / name).read_text("utf-8")


PAGE = (
    "colours", "frame", "compare", "segmentation", "tradeoff", "perceptibility", "pictures", "footer", "sizes", "blind",
    "replay",
)  # fmt: skip
"""The files of `static/page`, CSS of the app; where two have a rule for the same, the later one holds."""

SAVE = (
    '<details class="save"><summary>Save</summary><div class="kinds">'
    '<button type="button" data-copy-link>Copy link</button>'
    '<button type="button" data-save="report">Report of this tab (HTML)</button>'
    '<button type="button" data-save="print">Print it, or PDF</button>'
    '<button type="button" data-save="figures">Figures (SVG)</button>'
    '<button type="button" data-save="postcard">Postcard of the large image (animated WebP)</button>'
    '<p class="note" role="status"></p></div></details>'
)
"""The menu by which a person takes the open tab home (`static/save.js`)."""


def home() -> str:
    """The address that visitors see where it is not the app's own: that of a Space on the Hub; empty elsewhere."""
    name = os.environ.get("SPACE_ID", "")
    return f"https://huggingface.co/spaces/{name}" if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else ""


def colours() -> str:
    """The colours, light and dark, which pages that have no other rule of the app's have too."""
    return static("page/colours.css")


def page_css() -> str:
    """How the page looks."""
    return "\n".join(static(f"page/{name}.css") for name in PAGE)


def look() -> dict[str, Any]:
    """The options of `launch` that set the looks."""
    save = static("save.js").replace("'@style'", json.dumps(static("report.css")))
    scripts = f"<script>{static('page.js')}{save}</script>"
    return {"theme": theme(), "css": page_css(), "head": scripts}


def theme() -> gr.themes.Base:
    """Gradio's plainest theme in our colours, with system fonts so that nothing is fetched."""
    plain: dict[str, str] = {}
    pairs = {
        "body_background_fill": "paper", "background_fill_primary": "paper", "background_fill_secondary": "wash",
        "block_background_fill": "paper", "input_background_fill": "paper", "body_text_color": "ink",
        "body_text_color_subdued": "soft", "border_color_primary": "line", "input_border_color": "line",
        "block_label_text_color": "soft", "block_title_text_color": "soft", "block_info_text_color": "soft",
        "button_primary_background_fill": "ink", "button_primary_text_color": "paper",
        "button_primary_background_fill_hover": "ink", "button_secondary_background_fill": "paper",
        "button_secondary_background_fill_hover": "wash", "button_secondary_text_color": "ink",
        "button_secondary_border_color": "line", "slider_color": "ink", "color_accent": "ink",
        "input_border_color_focus": "ink", "checkbox_label_background_fill_selected": "ink",
    }  # fmt: skip
    for name, colour in pairs.items():
        plain[name] = f"var(--{colour})"
        if name != "color_accent":
            plain[f"{name}_dark"] = f"var(--{colour})"  # otherwise the dark page would keep the light colours
    flat = dict.fromkeys(("block_shadow", "button_primary_shadow", "input_shadow"), "none")
    sizes = {"block_border_width": "0px", "input_radius": "6px", "button_large_radius": "6px"}
    base = gr.themes.Base(font=FONT, font_mono=MONO, text_size=gr.themes.sizes.text_md)
    return base.set(**plain, **flat, **sizes)


def header(device: str, talk: str = "?talk=1") -> str:
    """The header: the name on the left; link, colours, API and device on the right.

    Without a `device` there is no server: what asks one for something is left out. `talk` is the address of the talk.
    """
    save = SAVE if device else re.sub(r'<button[^>]*data-save="postcard".*?</button>', "", SAVE)
    server = (
        f'<button type="button" class="wide" data-api>API</button><span class="wide">{escape(device)}</span>'
        if device
        else ""
    )
    return (
        '<header class="top"><b class="brand">PlainSight</b><span class="tools">'
        f"{QUESTION}"
        f'<a href="{escape(talk)}">Talk</a>'
        f'<button type="button" class="wide" data-copy-link data-home="{escape(home())}">Copy link</button>'
        f"{save}"
        '<button type="button" data-theme-toggle aria-label="Light or dark colours">Dark</button>'
        f"{server}</span></header>"
    )
