"""The page of the static edition: its HTML, styles and scripts, and the data that its tabs show."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from app import preview, service, tabs, theme
from app.components import bundled, in_a_loop
from app.edition.export import compare, own, pairs, scenes
from app.edition.export.layout import Layout
from app.figures import still
from app.markup import common
from app.markup.glossary import glossary
from app.service import (
    BlindSession,
    CompareSession,
    PerceptibilitySession,
    PicturesSession,
    SegmentationSession,
    TradeoffSession,
)
from app.session import IMAGES, STEPS, Session
from app.tabs.base import NO_TARGET, TabView, sentence_line

KINDS = (
    CompareSession,
    PerceptibilitySession,
    SegmentationSession,
    TradeoffSession,
    PicturesSession,
    BlindSession,
)
"""The tabs that need no server; that of own pictures needs what attacks in the browser take."""
OWN = (
    "store",
    "bitmap",
    "address",
    "parts",
    "attacked",
    "forming",
    "compare",
    "album",
    "yours",
    "scenes",
    "pairs",
    "page",
)
MODULES = ("blind/picture", "live/client", *(f"edition/{name}" for name in OWN))
"""The scripts of the page, each after those that it imports."""
ELSEWHERE = "Not in this edition"
WORDS = "Measured beforehand: nothing here asks a server."


def write(folder: Path, address: str, live: dict[str, Any]) -> None:
    """Write the page and its data; `live` is the manifest of attacks in the browser, empty where there are none.

    Raises NoModels where there is nothing to compare.
    """
    runs = service.RunRegistry()
    views = in_a_loop(lambda: _built(runs))
    data: dict[str, Any] = {}
    layout, panels = Layout(), ""
    for kind in KINDS:
        if kind.tab not in views:
            continue
        tab, made, view = views[kind.tab]
        found = _exported(folder, kind, view, data, live)
        if not found:
            continue
        panels += layout.panel(kind.tab, tab.TITLE, made, view)
        usual = service.first(kind)
        labels = {group: words for words, group in service.menu(usual).data if group in found}
        data[kind.tab] = {
            "title": tab.TITLE,
            "groups": found,
            "labels": labels,
            "usual": usual.data if usual.data in found else next(iter(found)),
        }
    if CompareSession.tab not in data:
        raise service.NoModels("There are no models whose images may be shown, so there is nothing to export.")
    _scripts(folder, layout, data, live)
    _styles(folder)
    first = service.first(CompareSession, data[CompareSession.tab]["usual"])
    (folder / "index.html").write_text(_page(panels, address, data, first), "utf-8")


def _exported(
    folder: Path, kind: type[Session], view: TabView[Any], data: dict[str, Any], live: dict[str, Any]
) -> dict[str, Any]:
    """Write the data of a tab; returns what the page has to know of each group, nothing where the tab is left out."""
    if kind is CompareSession:
        return compare.export(folder, live)
    if kind is SegmentationSession:
        return scenes.export(folder)
    if kind is PicturesSession:
        shown = data.get(CompareSession.tab, {}).get("groups", {})
        return own.export(folder, shown, live) if live else {}
    return pairs.export(folder, kind, view)


def _built(runs: service.RunRegistry) -> dict[str, tuple[ModuleType, Any, TabView[Any]]]:
    """The app's tabs by name: the module, the components, and the view that knows what they show."""
    found = {}
    with gr.Blocks(analytics_enabled=False):
        for tab in tabs.discovered():
            with gr.Tab(tab.TITLE) as made:
                found[tab.SESSION.tab] = tab, made, tab.build(runs)
    return found


def _scripts(folder: Path, layout: Layout, data: dict[str, Any], live: dict[str, Any]) -> None:
    config = {
        "tabs": data,
        "usual": CompareSession.tab,
        "none": NO_TARGET,
        "status": sentence_line("@words@"),
        "quiet": sentence_line("@words@", aloud=False),
        "unknown": service.UNKNOWN,
        "names": service.FIELD_NAMES,
        "stored": WORDS,
        "elsewhere": ELSEWHERE,
        "bad": sentence_line("@words@", bad=True),
        "taken": own.taken(),
        "live": live or None,
        "steps": [str(count) for count in STEPS],
        "images": [str(count) for count in IMAGES],
    }
    parts = ",\n".join(f"function (element, props, trigger, watch) {{\n{script}\n}}" for script in layout.scripts)
    save = theme.static("save.js").replace("'@style'", json.dumps(theme.static("report.css")))
    text = "\n".join(
        (
            f"window.plainsightEdition = {json.dumps(config, ensure_ascii=False)};",
            f"window.plainsightScripts = [{parts}];",
            f"(() => {{\n{bundled(*(f'{name}.js' for name in MODULES))}\n}})();",
            theme.static("page.js"),
            save,
        )
    )
    (folder / "plainsight.js").write_text(text, "utf-8")


def _styles(folder: Path) -> None:
    (folder / "plainsight.css").write_text(f"{theme.static('edition.css')}\n{theme.page_css()}", "utf-8")


def _page(panels: str, address: str, data: dict[str, Any], first: CompareSession) -> str:
    buttons = "".join(
        f'<button type="button" role="tab" aria-selected="false" aria-controls="panel-{name}" data-tab-id="{name}">'
        f"{tab['title']}</button>"
        for name, tab in data.items()
    )
    found = service.outcomes(first)
    cards = service.cards(first, found)
    for mark, inside in (
        ('data-part="compare.headline">', common.headline(service.subject(first, found), *cards)),
        ('class="plotly-figure" role="img" aria-label="A figure" style="width:100%;height:80px">', still.both(*cards)),
    ):
        panels = panels.replace(mark, mark + inside, 1)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>PlainSight</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{preview.tags(address.rstrip("/") or ".", "favicon.png")}<link rel="stylesheet" href="plainsight.css">'
        '</head><body><div class="gradio-container"><main class="contain">'
        '<div class="block hide-container" id="top"><div class="html-container">'
        f"{theme.header('', 'talk.html')}</div></div>"
        f'<div class="block hide-container helps"><div class="html-container">{glossary()}</div></div>'
        '<div class="tabs" id="tabs"><div class="tab-wrapper"><div class="tab-container" role="tablist">'
        f"{buttons}</div></div>{panels}</div>"
        '<noscript><p class="missing">This page takes scripts: what it shows is chosen by them.</p></noscript>'
        '</main></div><script src="plainsight.js"></script></body></html>'
    )
