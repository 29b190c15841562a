"""The page: header, session, and one tab for each file in `app/tabs`."""

import asyncio
import functools
import importlib
import logging
import os
import pkgutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, TypeVar

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from app import service, tabs, theme
from app.components import html
from app.edition import talk
from app.markup.glossary import glossary
from app.session import Session
from app.tabs import events

Made = TypeVar("Made")
ENDPOINTS: dict[str, Callable[..., Any]] = {
    "models": service.list_models,
    "compare": service.compare_models,
    "robustness": service.robustness,
    "perturb": service.perturb,
    "predict": service.predict,
}
"""What the app answers to programs (docs/reference/endpoints.md), also as MCP tools; every other event is private."""


def build(runs: service.RunRegistry) -> gr.Blocks:
    """Make the app without launching it; its tabs share `runs`. Nothing is computed."""
    return in_a_loop(lambda: _built(runs))


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


def _built(runs: service.RunRegistry) -> gr.Blocks:
    with gr.Blocks(title="PlainSight", analytics_enabled=False, delete_cache=(600, 3600), fill_width=True) as page:
        gr.HTML(theme.header(service.device()), js_on_load=None, apply_default_css=False, elem_id="top")
        html(glossary(), elem_classes=["helps"])
        with gr.Tabs(elem_id="tabs") as switch:
            views = {}
            for tab in discovered():
                with gr.Tab(tab.TITLE, id=tab.SESSION.tab):
                    views[tab.SESSION.tab] = tab.TITLE, tab.build(runs)
        events.open_tabs(page, switch, views)
        for name, answer in ENDPOINTS.items():
            endpoint = spoken(answer)
            endpoint.__name__ = name  # of the MCP tool
            gr.api(endpoint, api_name=name)
    # how many may wait, `app.guard.places` decides
    return page.queue(default_concurrency_limit=4)


def warm_up() -> None:
    """Make the first view of each tab once, then read what runs need, so that nobody waits for either."""
    try:
        sessions = [(tab, service.settled(functools.partial(_warmed, tab))) for tab in discovered()]
        for tab, session in sessions:
            getattr(tab, "prepare", _nothing)(session)
        talk.document()
    except Exception as error:  # the page itself says so to whoever opens it
        logging.getLogger(__name__).warning("Nothing to prepare: %s", service.told(error))


def _warmed(tab: ModuleType) -> Session:
    session = service.first(tab.SESSION)
    getattr(tab, "warm_up", _nothing)(session)
    return session


def _nothing(session: Session) -> None:
    """What a tab does that declares nothing."""


def spoken(work: Callable[..., Any]) -> Callable[..., Any]:
    """An endpoint whose errors are one sentence that Gradio would hide, without a traceback in the log."""

    @functools.wraps(work)
    def answered(*given: Any, **named: Any) -> Any:
        try:
            return service.settled(lambda: work(*given, **named))
        except Exception as error:
            raise gr.Error(service.told(error), print_exception=False) from error

    return answered


def discovered() -> list[ModuleType]:
    """All tabs in `app/tabs` in their order, without those that have nothing to show."""
    names = (info.name for info in pkgutil.iter_modules(tabs.__path__) if not info.name.startswith("_"))
    found = [importlib.import_module(f"{tabs.__name__}.{name}") for name in names]
    shown = (tab for tab in found if hasattr(tab, "TITLE") and getattr(tab, "ready", lambda: True)())
    return sorted(shown, key=lambda tab: tab.ORDER)
