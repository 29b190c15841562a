"""The page: header, session, and one tab for each file in `app/tabs`."""

import functools
import logging
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from app import service, theme
from app.components import html
from app.components import in_a_loop as in_a_loop
from app.edition import talk
from app.markup.glossary import glossary
from app.session import Session
from app.tabs import discovered as discovered
from app.tabs import events

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
