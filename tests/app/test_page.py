"""The built interface, without a browser."""

import re
import subprocess
import sys
import warnings

import gradio as gr
import pytest
from typer.testing import CliRunner

from app import figures, pieces, service, theme
from app.layout import build, discovered
from app.session import Session


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return build()


def test_the_page_is_built_without_a_warning(page: gr.Blocks) -> None:
    assert discovered()[0].TITLE == "Compare"
    assert page.config["components"]


def test_only_named_endpoints_are_public(page: gr.Blocks) -> None:
    named = {dep["api_name"] for dep in page.config["dependencies"] if dep["api_visibility"] == "public"}
    assert named == {"models", "compare"}


def test_no_selector_holds_a_comma_in_brackets() -> None:
    """Gradio writes its own prefix behind every comma of a selector, and such a rule would then match nothing."""
    selectors = re.findall(r"([^{}]+)\{", theme.css())
    assert len(selectors) > 100
    assert [one for one in selectors if not one.strip().startswith("@") and re.search(r"\([^)]*,", one)] == []


def test_heavy_events_share_one_queue(page: gr.Blocks) -> None:
    heavy = [fn for fn in page.fns.values() if fn.concurrency_id == "heavy"]
    assert heavy
    assert {fn.concurrency_limit for fn in heavy} == {1}


def test_importing_the_app_does_no_work() -> None:
    code = "import sys, app.session; assert not {'gradio', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_text_is_escaped(session: Session) -> None:
    from dataclasses import replace

    found = service.comparison(session)
    evil = "<img src=x onerror=alert(1)>"
    card = replace(found.a, title=evil, noun=evil, target=evil, origin=evil, command=evil)
    strip = replace(found.strip, cells=(replace(found.strip.cells[0], truth=evil),))
    page = replace(found, a=card, strip=strip)
    pieces_of_page = [
        pieces.headline(page.subject, card, found.b),
        pieces.head(card),
        pieces.pattern(card),
        pieces.number(card),
        pieces.note(card),
        pieces.strip(strip),
        pieces.strip(replace(strip, missing=evil)),
        pieces.footer(card, found.b, found.numbers),
    ]
    assert "<img src=x" not in "".join(pieces_of_page)


def test_the_headline_speaks_of_both_numbers(session: Session) -> None:
    found = service.comparison(session)
    text = pieces.headline(found.subject, found.a, found.b)
    for card in (found.a, found.b):
        assert card.measured is not None
        assert pieces.percent(card.measured.value) in text
        assert card.noun in text
    assert "36 images" in text


def test_a_targeted_headline_speaks_of_the_target(session: Session) -> None:
    aimed = service.changed(service.changed(session, "epsilon", 16), "target", 0)
    found = service.comparison(aimed)
    assert "sees “stop” in" in pieces.headline(found.subject, found.a, found.b)


def test_figures_mark_the_epsilon_of_the_page(session: Session) -> None:
    import json

    figure = json.loads(figures.accuracy(service.card(session, "b")))
    assert figure["data"][-1]["x"] == [session.epsilon]
    assert figure["data"][-1]["marker"]["symbol"] == "triangle-up"


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--port", "0"], "65535"), (["--port", "70000"], "65535"), (["--auth", "name"], "NAME:PASSWORD")],
)
def test_bad_options_get_one_sentence(options: list[str], named: str) -> None:
    import typer

    from app.__main__ import main

    application = typer.Typer()
    application.command()(main)
    result = CliRunner().invoke(application, options, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert named in result.output
    assert "Traceback" not in result.output
