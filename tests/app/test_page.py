"""The built interface, without a browser."""

import asyncio
import html
import importlib.util
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
import warnings
from dataclasses import replace

import gradio as gr
import pytest
import shows
import torch
import typer
from typer.testing import CliRunner

import app
from app import figures, service, theme
from app.__main__ import main
from app.markup import common, compare, segmentation, tradeoff
from app.page import build, discovered
from app.service import catalogue, pictures
from app.service.compare import claim
from app.service.outcomes import Outcome
from app.service.types import Visibility
from app.session import Session
from app.tabs import events
from app.tabs.base import notice_line, sentence_line
from core.attacks.targets import Target
from core.datasets import Split


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return build(service.RunRegistry())


def test_the_page_is_built_without_a_warning(page: gr.Blocks) -> None:
    assert discovered()[0].TITLE == "Compare"
    assert page.config["components"]


def test_only_named_endpoints_are_public(page: gr.Blocks) -> None:
    named = {dep["api_name"] for dep in page.config["dependencies"] if dep["api_visibility"] == "public"}
    assert named == {"models", "compare", "robustness", "perturb", "predict"}


def test_every_file_of_the_pages_looks_is_on_it() -> None:
    assert sorted(theme.PAGE) == sorted(path.stem for path in (theme.STATIC / "page").iterdir())


def test_a_wheel_holds_every_static_file() -> None:
    settings = tomllib.loads((theme.STATIC.parents[1] / "pyproject.toml").read_text("utf-8"))
    held = {
        path
        for name in settings["tool"]["setuptools"]["package-data"]["app"]
        for path in theme.STATIC.parent.glob(name)
    }
    assert {path for path in theme.STATIC.rglob("*") if path.is_file()} <= held


def test_no_selector_holds_a_comma_in_brackets() -> None:
    """Gradio writes its own prefix behind every comma of a selector, and such a rule would then match nothing."""
    selectors = re.findall(r"([^{}]+)\{", theme.page_css())
    assert len(selectors) > 100
    assert [one for one in selectors if not one.strip().startswith("@") and re.search(r"\([^)]*,", one)] == []


def test_every_colour_can_be_read_on_paper_and_wash() -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of 4.5 for text."""

    def light(colour: str) -> float:
        shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        linear = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
        return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for rule in re.findall(r"(?:^:root|^\.dark) \{(.*?)\}", theme.page_css(), re.DOTALL | re.MULTILINE):
        colours = dict(re.findall(r"--(\w+): (#\w{6});", rule))
        for ink in ("ink", "soft", "a", "b", "ok", "bad"):
            for ground in ("paper", "wash"):
                low, high = sorted((light(colours[ink]), light(colours[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)


def test_heavy_events_share_one_queue(page: gr.Blocks) -> None:
    heavy = [fn for fn in page.fns.values() if fn.concurrency_id == "heavy"]
    assert heavy
    assert {fn.concurrency_limit for fn in heavy} == {1}


def test_the_session_needs_neither_gradio_nor_torch() -> None:
    code = "import sys, app.session; assert not {'gradio', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


AT_WORK = ("socket.bind", "socket.connect", "subprocess.Popen", "os.mkdir", "_thread.start_new_thread")
work: list[tuple[object, ...]] | None = None
"""What was done, while it is a list."""


def heard(event: str, args: tuple[object, ...]) -> None:
    if work is None or str(args[:1]).endswith("__pycache__',)"):  # where Python compiles a library that is new here
        return
    if event in AT_WORK or any(os.environ["PLAINSIGHT_CHECKPOINTS"] in str(arg) for arg in args):
        work.append((event, *args))


def test_importing_the_app_does_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module is executed anew: it reads no model folder, starts no thread, and talks to nobody."""
    names = [info.name for info in pkgutil.walk_packages(app.__path__, "app.")]
    assert {"app.__main__", "app.service.catalogue", "app.tabs.compare"} <= set(names)
    sys.addaudithook(heard)
    monkeypatch.setattr(sys.modules[__name__], "work", [])
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(spec))  # dataclasses look there
        spec.loader.exec_module(sys.modules[name])
    assert work == []


def test_the_page_is_built_inside_an_event_loop_too() -> None:
    """As in a notebook."""

    async def built() -> gr.Blocks:
        return build(service.RunRegistry())

    assert isinstance(asyncio.run(built()), gr.Blocks)


EVIL = ("<img src=x onerror=alert(1)>", "<b>[x]", "</title>&amp;")


@pytest.mark.parametrize("evil", EVIL)
def test_every_text_is_escaped(session: Session, evil: str) -> None:
    found, checkpoint = shows.comparison(session), catalogue.checkpoint(session, "a")
    named = claim(Target("class", 0), replace(checkpoint, classes=(evil,)))
    card = replace(found.a, title=evil, explained=evil, noun=evil, target=evil, origin=evil, command=evil, claim=named)
    cell = replace(found.strip.cells[0], truth=evil)
    cell = replace(cell, a=replace(cell.a, before=evil, after=evil), b=replace(cell.b, before=evil, after=evil))
    strip = replace(found.strip, cells=(cell,))
    shot = service.Shot("picture", cell.a)
    large = replace(found.large, truth=evil, a=shot)
    traded = service.tradeoff(session.on(service.TradeoffSession))
    mark = replace(traded.b.mark, title=evil, plain=evil, explained=evil, kind=evil, training=evil, name=evil)
    side = replace(traded.b, mark=mark, origin=evil)
    both = replace(traded, b=side, marks=(mark,), settings=replace(traded.settings, kinds=(evil,)))
    risk = service.RiskLevel(evil, found.a.measured, 0.1)
    risks = service.Risks(8.0, (risk,))
    legend = (service.Legend(0, evil, "#000000"),)
    look = service.Look(None, "layer", None, (evil, evil), None, ((0.5, 0.25),))
    unseen = replace(card, visibility=Visibility(missing=evil))
    holding = [  # the text from outside stands in these, escaped
        common.headline(found.subject, card, found.b),
        common.head(card),
        compare.original(large),
        compare.original(replace(large, missing=evil)),
        compare.stage(card, large, shot),
        compare.stage(replace(card, measured=None), large, replace(shot, picture=None)),
        compare.visible(unseen, unseen),
        compare.patterns(card, found.b, "picture"),
        compare.strip(strip, 1),
        compare.strip(replace(strip, shown=None), 1),
        common.footer(card, found.b, found.numbers),
        segmentation.summary(card, look),
        segmentation.legend(legend, (look, look), None),
        tradeoff.headline(both),
        tradeoff.card(side),
        tradeoff.models(both),
        tradeoff.footer(both),
        tradeoff.risks(risks, risks),
        sentence_line(evil),
        notice_line(evil),
    ]
    others = [
        compare.stage(replace(card, forming=service.Forming("forming", 1, 2, (), ())), large, shot),
        compare.strip(replace(strip, missing=evil), 1),
        compare.breaks(card, card),
        segmentation.row(card, look, flips=False),
        tradeoff.pattern(side),
    ]
    for place, piece in enumerate([*holding, *others]):
        assert evil not in piece, (place, piece)
    for place, piece in enumerate(holding):
        assert html.escape(evil) in piece, (place, piece)
    figure = json.loads(figures.tradeoff(both))
    words = [trace.get("hovertemplate", "") for trace in figure["data"]]
    words += [note["text"] for note in figure["layout"]["annotations"]]
    assert not any(evil in one for one in words)
    assert any(html.escape(evil) in one for one in words)


def test_a_warning_at_the_edge_of_the_page_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: said.append(message))
    events.warned(ValueError("no class <b>[x]"))
    assert said == ["no class &lt;b&gt;[x]"]


def test_visibility_of_small_images_is_not_measurable(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Split(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    monkeypatch.setattr(pictures, "split", lambda *_: small)
    found = pictures.visibility(session, Outcome(torch.zeros(1, 3, 8, 8), None, True, 0.0, 1, 0, 0, ""))
    card = replace(shows.card(session, "a"), visibility=found)
    assert "not measurable on images of 8x8 pixels" in compare.visible(card, card)


def test_the_headline_speaks_of_both_numbers(session: Session) -> None:
    found = shows.comparison(session)
    text = common.headline(found.subject, found.a, found.b)
    for card in (found.a, found.b):
        assert card.measured is not None
        assert common.percent(card.measured.value) in text
        assert card.noun in text
    assert "36 images" in text


def test_a_targeted_headline_speaks_of_the_target(session: Session) -> None:
    aimed = service.changed(service.changed(session, "epsilon", 16), "target", 0)
    found = shows.comparison(aimed)
    assert "sees “stop” in" in common.headline(found.subject, found.a, found.b)


def test_figures_mark_the_epsilon_of_the_page(session: Session) -> None:
    a, b = (shows.card(session, side) for side in "ab")
    figure = json.loads(figures.both(a, replace(b, epsilon=20)))
    marks = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    assert [(mark["x"], mark["marker"]["symbol"]) for mark in marks] == [
        ([session.epsilon], "circle"),
        ([20], "triangle-up"),
    ]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "0"], "65535"),
        (["--port", "70000"], "65535"),
        (["--auth", "name"], "NAME:PASSWORD"),
        (["--models", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_bad_options_get_one_sentence(options: list[str], named: str) -> None:
    application = typer.Typer()
    application.command()(main)
    result = CliRunner().invoke(application, options, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert named in result.output
    assert "Traceback" not in result.output


def test_settings_that_fit_nothing_and_a_machine_without_a_folder_get_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    application, before = typer.Typer(), signal.getsignal(signal.SIGTERM)
    application.command()(main)
    environment = {"COLUMNS": "300", "PLAINSIGHT_RUN_SECONDS": "soon"}
    result = CliRunner().invoke(application, ["--port", "8999"], env=environment)
    assert (result.exit_code, "PLAINSIGHT_RUN_SECONDS is a whole number" in result.output) == (2, True)
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    result = CliRunner().invoke(application, ["--port", "8999"], env={"COLUMNS": "300"})
    assert (result.exit_code, "no folder of this machine can be written" in result.output) == (2, True)
    assert signal.getsignal(signal.SIGTERM) is before
