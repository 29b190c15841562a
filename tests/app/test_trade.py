"""The Trade-off tab: what it reads from results, what its sliders step through, and what it draws."""

import json
import re
import shutil
from dataclasses import replace
from urllib.parse import parse_qsl

import gradio as gr
import pytest
import shows
import torch

from app import figures, service
from app.markup import tradeoff
from app.page import in_a_loop
from app.tabs import tradeoff as tab
from core.checkpoints import store
from core.checkpoints.results import Measurement, Results
from core.datasets import signs
from core.evaluation.report import Rate, Report
from core.models.registry import create
from core.robustness.result import Point, Robustness

SIGNS = [  # name, heap, sigma, epsilon, clean right of 1,000, breaking epsilon
    ("standard", 1, 0.0, 0, 980, 12.0),
    ("shared-s1-e4-w0.5", 1, 0.5, 4, 960, 16.0),
    ("shared-s1-e8-w0.5", 1, 0.5, 8, 930, 20.0),
    ("shared-s64-e8-w0.3", 64, 0.3, 8, 970, 20.0),
    ("shared-s64-e16-w0.7", 64, 0.7, 16, 940, 28.0),
    ("shared-s64-e24-w0.7", 64, 0.7, 24, 935, 26.0),  # beaten by the one before
    ("shared-s8-e24-w0.9", 8, 0.9, 24, 900, None),
]


def built():
    with gr.Blocks():
        return tab.build(service.RunRegistry())


def found(clean, breaks):
    top = 64.0 if breaks is None else breaks
    curve = [(0.0, clean), (top - 0.25, 300), (top, 300 if breaks is None else 240)]
    points = tuple(Point(e, Report(Rate(right, 1000), Rate(0, 1000)), 1, 40) for e, right in curve)
    return Robustness(0.75, 0.25, None if breaks is None else breaks, points, 2048, 0)


@pytest.fixture
def grid(models):
    """Seven models of signs with made-up results in place of the tiny ones."""
    root = models / "checkpoints" / "signs"
    kept = models / "kept"
    shutil.move(root, kept)
    torch.manual_seed(0)
    for name, heap, sigma, epsilon, clean, breaks in SIGNS:
        recipe = {"sigma": sigma, "heap": heap, "epsilon": epsilon, "seed": 0}
        config = {"architecture": "resnet8/8", "data": "signs", "classes": list(signs.CLASSES), "recipe": recipe}
        made = store.save(root / name, create("resnet8/8", len(signs.CLASSES)), config)
        report = Report(Rate(clean, 1000), Rate(0, 1000))
        Results(report, (), {"sha256": made.sha256}, found(clean, breaks)).save(made.folder)
    yield service.opened({"tab": "tradeoff", "data": "signs"}, service.TradeoffSession)[0]
    shutil.rmtree(root)
    shutil.move(kept, root)
    root.touch()


class TestPage:
    def test_each_model_has_a_mark_with_what_was_measured(self, grid):
        page = service.tradeoff(grid)
        marks = {mark.name: mark for mark in page.marks}
        assert set(marks) == {name for name, *_ in SIGNS}
        for name, heap, sigma, epsilon, clean, breaks in SIGNS:
            mark = marks[name]
            assert (mark.clean.value, mark.clean.n) == (clean / 1000, 1000)
            assert mark.breaks == breaks
            assert (mark.sigma, mark.epsilon) == (sigma, epsilon)
            assert mark.kind == ("standard" if name == "standard" else f"heap {heap}")
        assert marks["standard"].span == "11.75 to over 12"  # 24.0% of 1,000 may well be above a quarter

    def test_a_front_leaves_out_what_is_beaten_and_begins_with_the_standard_model(self, grid):
        fronts = {front.kind: front.points for front in service.tradeoff(grid).fronts}
        assert fronts["heap 64"] == ((0.98, 12.0), (0.97, 20.0), (0.94, 28.0))
        assert fronts["heap 1"] == ((0.98, 12.0), (0.96, 16.0), (0.93, 20.0))
        assert fronts["heap 8"] == ((0.98, 12.0), (0.9, 64.0))

    def test_fronts_of_two_heaps_are_compared_at_equal_accuracy(self, grid):
        chosen = replace(grid, a="shared-s1-e8-w0.5", b="shared-s64-e16-w0.7")
        # both reach 94.0% (28 against 16 + 4 * 2/3) to 96.0% (20 + 8 / 3 against 16)
        assert service.tradeoff(chosen).finding == (
            "At equal accuracy (94.0 to 96.0%) shared training (64 images) takes 1.42 to 1.50 times the ε of "
            "adversarial training."
        )
        apart = replace(grid, a="shared-s8-e24-w0.9", b="shared-s64-e16-w0.7")
        assert "nothing that was tried breaks one of the models" in service.tradeoff(apart).finding
        assert "Choose models of two kinds of training" in service.tradeoff(grid).finding

    def test_the_attack_as_published_stands_beside_the_full_search(self, grid):
        assert "published" not in service.tradeoff(grid).a.origin
        for name, *_, clean, breaks in SIGNS:
            folder = store.default_root() / "signs" / name
            weaker = None if name == "shared-s1-e8-w0.5" else 1.5 * (breaks or 64)
            replace(Results.load(folder), published=found(clean, weaker)).save(folder)
        page = service.tradeoff(replace(grid, a="shared-s1-e8-w0.5", b="shared-s64-e16-w0.7"))
        assert "(as published it takes over 64/255) · n = 1,000" in page.a.origin
        assert "(as published it takes 42/255) · n = 1,000" in page.b.origin
        assert "published" not in page.finding  # heap 1 has no front under it
        folder = store.default_root() / "signs" / "shared-s1-e8-w0.5"
        replace(Results.load(folder), published=found(930, 20)).save(folder)
        # at 96.0%, the only model of heap 1 that no other beats: 30 + 12 / 3 against 24
        assert service.tradeoff(replace(grid, a="shared-s1-e8-w0.5", b="shared-s64-e16-w0.7")).finding == (
            "At equal accuracy (94.0 to 96.0%) shared training (64 images) takes 1.42 to 1.50 times the ε of "
            "adversarial training. Under the attack as published: 1.42."
        )

    def test_the_lead_of_one_seed_comes_with_what_the_held_out_images_leave_open(self, grid):
        for name, *_, clean, _ in SIGNS:
            folder = store.default_root() / "signs" / name
            hits = (1.0,) * clean + (0.0,) * (1000 - clean)
            replace(Results.load(folder), hits=hits).save(folder)
        said = service.tradeoff(replace(grid, a="shared-s1-e8-w0.5", b="shared-s64-e16-w0.7")).finding
        assert re.fullmatch(
            r"At equal accuracy \(94\.0 to 96\.0%\) shared training \(64 images\) takes 1\.46 \[1\.\d\d, 1\.\d\d\] "
            r"\(1\.42 to 1\.50\) times the ε of adversarial training\. Brackets: 95%, over images\.",
            said,
        )

    def test_a_record_without_weights_stays_in_this_tab(self, grid):
        catalogue = service.catalogue
        name = "shared-s64-e16-w0.7"
        (store.default_root() / "signs" / name / store.WEIGHTS).unlink()
        chosen = replace(grid, a="shared-s1-e8-w0.5", b=name)
        page = service.tradeoff(chosen)
        assert (page.a.has_weights, page.b.has_weights) == (True, False)
        assert "(record only: numbers, no model)" in page.b.origin
        assert "(record only" not in page.a.origin
        assert name in [model.name for model in catalogue.fitting(service.TradeoffSession)]
        assert name not in [model.name for model in catalogue.fitting(service.CompareSession)]
        there, sentence = service.opened({**dict(parse_qsl(chosen.query())), "tab": "compare"}, service.CompareSession)
        assert there.a == chosen.a
        assert there.b != name
        assert "model B a value unknown here" in sentence
        view = in_a_loop(built)
        assert view.at_rest(chosen)[view.to_compare]["interactive"] is False
        assert view.at_rest(replace(chosen, b="shared-s64-e8-w0.3"))[view.to_compare]["interactive"] is True

    def test_the_first_view_shows_the_model_of_the_largest_heap_that_most_is_known_of(self, grid):
        def first():
            return service.opened({"tab": "tradeoff", "data": "signs"}, service.TradeoffSession)[0].b

        root = store.default_root() / "signs"
        assert (grid.a, grid.b) == ("standard", "shared-s64-e16-w0.7")  # none was attacked: the most robust
        (root / "shared-s64-e16-w0.7" / store.WEIGHTS).unlink()
        assert first() == "shared-s64-e24-w0.7"  # one with weights, if there is any
        folder = root / "shared-s64-e8-w0.3"
        report = Report(Rate(500, 1000), Rate(0, 1000))
        known = Results.load(folder)
        replace(known, measurements=(Measurement("spgd", 8, None, 100, 0, 2048, report),)).save(folder)
        assert first() == "shared-s64-e8-w0.3"

    def test_real_measurements_are_shown_whole(self):
        session, complaint = service.opened({"tab": "tradeoff", "data": "signs"}, service.TradeoffSession)
        assert not complaint
        page = service.tradeoff(session)
        stored = Results.load(store.default_root() / "signs" / session.a)
        epsilons = {round(point.epsilon, 4) for point in stored.robustness.curve}
        assert [epsilon for epsilon, _ in page.a.curve] == sorted(epsilons | {m.epsilon for m in stored.curve()})
        right = [accuracy.value for _, accuracy in page.a.curve]
        assert right == sorted(right, reverse=True)
        assert [risk.title for risk in page.a.risks.levels] == ["expected", "universal", "heap 8", "adversarial"]
        assert page.a.risks.levels[0].accuracy.value == stored.risks.levels[0].accuracy.value
        assert page.a.pattern.startswith("data:image/png")
        assert "n = 36 held out" in page.a.origin

    def test_scenes_have_a_page_too(self):
        session, _ = service.opened({"tab": "tradeoff", "data": "streets"}, service.TradeoffSession)
        page = service.tradeoff(session)
        assert page.things == "pixels"
        assert page.a.mark.clean.method == "bootstrap over scenes"

    def test_models_without_the_measure_are_not_offered(self):
        session, _ = service.opened({"tab": "tradeoff"}, service.TradeoffSession)
        assert [value for _, value in service.menu(session).data] == ["signs", "streets"]


class TestSnapping:
    @pytest.mark.parametrize(
        ("now", "name", "value", "then", "missed"),
        [
            ("shared-s64-e16-w0.7", "epsilon", 8, "shared-s64-e8-w0.3", True),
            ("shared-s64-e16-w0.7", "epsilon", 24, "shared-s64-e24-w0.7", False),
            ("shared-s64-e16-w0.7", "epsilon", 13, "shared-s64-e16-w0.7", True),
            ("shared-s64-e16-w0.7", "sigma", 0.3, "shared-s64-e8-w0.3", True),
            ("shared-s64-e16-w0.7", "kind", "heap 1", "shared-s1-e8-w0.5", True),
            ("shared-s64-e16-w0.7", "kind", "heap 8", "shared-s8-e24-w0.9", True),
            ("shared-s64-e16-w0.7", "kind", "standard", "standard", False),
            ("shared-s64-e16-w0.7", "sigma", 0, "standard", False),
            ("standard", "epsilon", 4, "shared-s1-e4-w0.5", False),
            ("standard", "kind", "heap 64", "shared-s64-e8-w0.3", False),
        ],
    )
    def test_a_slider_goes_to_the_nearest_model_and_says_so(self, grid, now, name, value, then, missed):
        after, sentence = service.snapped(replace(grid, side="b", b=now), name, value)
        assert after.b == then
        assert after.a == grid.a
        assert bool(sentence) == missed
        if missed:
            assert sentence.startswith("No model is ")
            assert "heap" not in sentence
            assert "the nearest is " in sentence

    @pytest.mark.parametrize("name", ["sigma", "epsilon"])
    @pytest.mark.parametrize("model", ["standard", "shared-s1-e4-w0.5", "shared-s64-e16-w0.7", "shared-s8-e24-w0.9"])
    def test_every_step_of_a_slider_is_a_model_that_has_this_value(self, grid, model, name):
        session = replace(grid, side="b", b=model)
        steps = getattr(service.tradeoff(session).settings, f"{name}s")
        assert steps[0] == 0
        for step, value in enumerate(steps):
            after, _ = service.stepped(session, name, step)
            page = service.tradeoff(after)
            assert getattr(page.b.mark, name) == value
            assert value in getattr(page.settings, f"{name}s")

    def test_a_slider_steps_through_the_values_of_one_kind(self, grid):
        settings = service.tradeoff(replace(grid, side="b", b="shared-s64-e16-w0.7")).settings
        assert (settings.sigmas, settings.epsilons) == ((0, 0.3, 0.7), (0, 8, 16, 24))
        assert service.tradeoff(replace(grid, side="a", a="standard")).settings.epsilons == (0, 4, 8, 16, 24)
        again = replace(grid, side="b", b="shared-s64-e24-w0.7")
        assert service.stepped(again, "sigma", 2) == (again, "")  # not to the first model of this sigma

    def test_the_side_decides_which_model_moves(self, grid):
        after, _ = service.snapped(replace(grid, side="a"), "epsilon", 24)
        assert after.b == grid.b
        assert after.a != grid.a
        assert service.chosen(replace(grid, side="a"), "shared-s8-e24-w0.9").a == "shared-s8-e24-w0.9"
        with pytest.raises(ValueError, match="'nobody' was not measured; known are standard, "):
            service.chosen(grid, "nobody")


class TestDrawing:
    def test_every_point_tells_its_model_and_the_chosen_ones_their_letter(self, grid):
        figure = json.loads(figures.tradeoff(service.tradeoff(replace(grid, a="standard", b="shared-s64-e16-w0.7"))))
        points = [trace for trace in figure["data"] if "customdata" in trace]
        assert {trace["customdata"][0] for trace in points} == {name for name, *_ in SIGNS}
        assert {trace["customdata"][0]: trace["text"] for trace in points if "text" in trace} == {
            "standard": ["A"],
            "shared-s64-e16-w0.7": ["B"],
        }
        unbroken = next(trace for trace in points if trace["customdata"] == ["shared-s8-e24-w0.9"])
        assert unbroken["marker"]["symbol"].endswith("-open")
        assert "not broken up to 64/255" in unbroken["hovertemplate"]
        assert "n = 1,000" in unbroken["hovertemplate"]
        assert "shared" not in figure["layout"]["meta"].split(":")[0]

    def test_the_key_says_which_shape_and_colour_is_which_kind(self, grid):
        page = service.tradeoff(replace(grid, a="standard", b="shared-s64-e16-w0.7"))
        drawn = json.loads(figures.tradeoff(page))
        written = dict(figures.SYMBOLS)
        kinds = {mark.name: mark.training for mark in page.marks}
        marks = [trace for trace in drawn["data"] if "customdata" in trace]
        shown = {
            (f"{written[trace['marker']['symbol'].removesuffix('-open')]} {kinds[trace['customdata'][0]]}", colour)
            for trace in marks
            for colour in [trace["marker"]["color"]]
        }
        key = drawn["layout"]["annotations"]
        assert {(line["text"], line["font"]["color"]) for line in key} == shown
        assert len({line["yshift"] for line in key}) == len(key) == 4

    def test_the_key_of_many_kinds_has_short_names_and_as_many_shapes(self, grid):
        page = service.tradeoff(grid)
        kinds = [f"heap {number}" for number in range(2, 2 + len(figures.SYMBOLS) - 1)]
        long = "Shared by 2, persistent deltas, step sizes spread over 2 octaves"
        choices = [long, *(f"Shared by {number}" for number in range(3, 2 + len(kinds)))]
        more = [replace(page.marks[-1], kind=kind, choice=words) for kind, words in zip(kinds, choices, strict=True)]
        settings = replace(page.settings, kinds=("standard", *kinds))
        drawn = json.loads(figures.tradeoff(replace(page, marks=(page.a.mark, *more), settings=settings)))
        key = [line["text"] for line in drawn["layout"]["annotations"]]
        assert len({text[0] for text in key}) == len(key) == len(figures.SYMBOLS)
        assert key[-2][2:] == "Shared by 2, persistent deltas, step sizes …"
        assert key[0][2:] == f"Shared by {1 + len(kinds)}"

    def test_models_off_the_fronts_are_small_and_say_so_unless_chosen(self, grid):
        page = service.tradeoff(replace(grid, a="standard", b="shared-s64-e16-w0.7"))
        beaten = replace(page.marks[-1], name="beaten", clean=page.marks[1].clean, breaks=0.5)
        drawn = json.loads(figures.tradeoff(replace(page, marks=(*page.marks, beaten))))
        marks = {trace["customdata"][0]: trace for trace in drawn["data"] if "customdata" in trace}
        sizes = {name: trace["marker"]["size"] for name, trace in marks.items()}
        best = {mark.name for mark in page.marks if (mark.clean.value, mark.reached) in page.fronts[-1].points}
        assert sizes["beaten"] < min(sizes[name] for name in best)
        assert "not on the Pareto front of" in marks["beaten"]["hovertemplate"]
        assert "not on the Pareto front" not in marks["standard"]["hovertemplate"]
        drawn = json.loads(figures.tradeoff(replace(page, marks=(*page.marks, beaten), b=replace(page.b, mark=beaten))))
        chosen = next(trace for trace in drawn["data"] if trace.get("customdata") == ["beaten"])
        assert chosen["marker"]["size"] == sizes["standard"]

    def test_halving_the_errors_is_everywhere_the_same_way_along_the_axis(self, grid):
        page = service.tradeoff(replace(grid, a="standard", b="shared-s64-e16-w0.7"))
        drawn = json.loads(figures.tradeoff(page))
        at = {trace["customdata"][0]: trace["x"][0] for trace in drawn["data"] if "customdata" in trace}
        errors = {mark.name: 1 - mark.clean.value for mark in page.marks}
        for name, x in at.items():
            assert 2 ** (at["standard"] - x) == pytest.approx(errors[name] / errors["standard"])
        axis = drawn["layout"]["xaxis"]
        for x, words in zip(axis["tickvals"], axis["ticktext"], strict=True):
            error = errors["standard"] * 2 ** (at["standard"] - x)
            assert float(words.removesuffix("%")) == pytest.approx(100 * (1 - error))
        assert len(axis["tickvals"]) >= 3
        assert axis["range"][0] < min(at.values()) < max(at.values()) < axis["range"][1]

    def test_the_headline_names_both_strengths_and_the_price(self, grid):
        page = service.tradeoff(replace(grid, a="standard", b="shared-s64-e16-w0.7"))
        told = tradeoff.headline(page)
        assert ">12/255<" in told
        assert ">28/255<" in told
        assert "4.0 points less clean accuracy" in told
        unbroken = tradeoff.headline(service.tradeoff(replace(grid, a="standard", b="shared-s8-e24-w0.9")))
        assert "no pattern up to 64/255 breaks" in unbroken

    def test_the_risks_are_one_table_or_a_sentence_that_they_are_absent(self):
        assert "were not measured" in tradeoff.risks(None, None)
        session, _ = service.opened({"tab": "tradeoff", "data": "signs"}, service.TradeoffSession)
        page = service.tradeoff(session)
        table = tradeoff.risks(page.a.risks, page.b.risks)
        assert table.count("<tr") == 5
        assert "n = 32" in table  # whole heaps of 8 among 36 images

    def test_the_list_offers_every_model_to_the_keyboard(self, grid):
        told = tradeoff.models(service.tradeoff(grid))
        assert told.count('<button type="button" data-model=') == len(SIGNS)
        keys = re.findall(r'<tr[^>]*><td data-key="([^"]+)">.*?data-key="([^"]+)">.*?data-key="([^"]+)">', told)
        assert [int(number) for number, _, _ in keys] == list(range(len(SIGNS)))
        marks = service.tradeoff(grid).marks
        assert [float(clean) for _, clean, _ in keys] == [mark.clean.value for mark in marks]
        assert max(keys, key=lambda key: float(key[2])) == keys[[mark.breaks for mark in marks].index(None)]
        assert 'data-model="shared-s8-e24-w0.9"' in told

    def test_every_text_is_escaped(self, grid):
        page = service.tradeoff(grid)
        evil = "<img src=x onerror=alert(1)>"
        mark = replace(page.b.mark, title=evil, plain=evil, explained=evil, name=evil, kind=evil, training=evil)
        side = replace(page.b, mark=mark, origin=evil)
        whole = replace(page, b=side, marks=(mark,))
        drawn = [tradeoff.headline(whole), tradeoff.card(side), tradeoff.pattern(side)]
        drawn += [tradeoff.models(whole), tradeoff.footer(whole)]
        assert not any("<img src=x" in piece for piece in drawn)


def test_an_address_with_a_model_that_was_not_measured_gets_a_sentence_and_the_usual_view(grid, models):
    bare = models / "checkpoints" / "signs" / "shared-s1-e4-w0.5" / "results.json"
    bare.unlink()
    query = {"tab": "tradeoff", "data": "signs", "b": "shared-s1-e4-w0.5"}
    opened, complaint = service.opened(query, service.TradeoffSession)
    assert "model B" in complaint
    assert service.tradeoff(opened).b.mark.name == opened.b != "shared-s1-e4-w0.5"


def test_compare_names_the_same_breaking_point(grid):
    opened = service.opened({"data": "signs", "a": "standard", "b": "shared-s8-e24-w0.9"}, service.CompareSession)[0]
    a, b = (shows.card(opened, side).curve for side in "ab")
    assert (a.breaks, b.breaks) == (12.0, None)
    assert b.reaches == 64


def test_the_address_holds_the_choice_and_nothing_of_attacks(grid):
    chosen = replace(grid, a="shared-s1-e8-w0.5", b="shared-s64-e16-w0.7", side="a")
    query = dict(part.split("=") for part in chosen.query().split("&"))
    assert query == {"tab": "tradeoff", "data": "signs", "a": chosen.a, "b": chosen.b, "side": "a"}
    assert service.opened(query, service.TradeoffSession) == (chosen, "")
