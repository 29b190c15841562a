"""The Perceptibility tab: what it reads from results, what it says where something is missing, and what it draws."""

import json
import re
import shutil
from dataclasses import replace

import gradio as gr
import pytest
import torch

from app import figures, service
from app.markup import perceptibility
from app.page import in_a_loop
from app.service import PerceptibilitySession
from app.tabs import perceptibility as tab
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.results import Measurement, Results
from core.datasets import signs
from core.evaluation.pattern_score import ALL, PatternScore, ReadingRate
from core.evaluation.perceptibility import VIEWING_IN_WORDS, Jod, Perceptibility
from core.evaluation.report import Rate, Report
from core.evaluation.resemblance import Resemblance
from core.models.registry import create
from core.robustness.result import Point, Robustness

JODS = (9.4, 8.4, 7.4, 6.4, 5.4)
"""The JOD at 4, 8, 12, 16 and 20/255."""
SIGNS = [  # name, heap, epsilon, of 1,000 right at these strengths, JOD of what breaks it
    ("standard", 1, 0, (800, 400, 100, 50, 20), 7.8),
    ("shared-s1-e8-w0.5", 1, 8, (940, 900, 800, 600, 400), 5.0),
    ("shared-s64-e16-w0.5", 64, 16, (950, 940, 900, 700, 450), 4.8),
    ("shared-s64-e24-w0.5", 64, 24, (), None),
]
STANDARD, ADVERSARIAL, SHARED, UNSEEN = (name for name, *_ in SIGNS)


def jod(value):
    return Jod(value, value - 0.2, value + 0.2, 16)


def report(right):
    return Report(Rate(right, 1000), Rate(0, 1000))


def results(right, broken, sha256):
    strengths = [*zip((4, 8, 12, 16, 20), right, JODS, strict=False)]
    measured = [Measurement("spgd", e, None, 100, 0, 2048, report(n), jod=jod(seen)) for e, n, seen in strengths]
    noise = [
        Measurement("random-signs", e, None, 0, 0, 0, report(955), jod=jod(seen - 0.3)) for e, _, seen in strengths
    ]
    curve = (Point(0.0, report(960)), Point(23.5, report(240)))
    visibility = broken and Perceptibility(0.8, 30.0, 5.0, 200, jod(broken))
    return Results(
        report(960),
        (*measured, *noise),
        {"sha256": sha256},
        Robustness(0.75, 0.25, 23.5, curve, 2048, 0),
        None,
        visibility or None,
    )


@pytest.fixture
def grid(models):
    """Four models of signs with made-up results in place of the tiny ones; the first three have stored patterns."""
    root = models / "checkpoints" / "signs"
    kept = models / "kept"
    shutil.move(root, kept)
    torch.manual_seed(0)
    for name, heap, epsilon, right, broken in SIGNS:
        recipe = {"sigma": 0.5 if epsilon else 0.0, "heap": heap, "epsilon": epsilon, "seed": 0}
        config = {"architecture": "resnet8/8", "data": "signs", "classes": list(signs.CLASSES), "recipe": recipe}
        made = store.save(root / name, create("resnet8/8", len(signs.CLASSES)), config)
        results(right, broken, made.sha256).save(made.folder)
        if broken:
            wave = torch.cos(2 * torch.pi * torch.arange(96) / (3 if name == STANDARD else 32))
            perturbations.save(made.folder, {perturbations.BREAKING: wave.expand(1, 3, 96, 96) * 20 / 255})
    yield replace(service.first(PerceptibilitySession, "signs"), a=STANDARD, b=SHARED)
    shutil.rmtree(root)
    shutil.move(kept, root)
    root.touch()


def changed(name, change):
    """Store other results of a model."""
    folder = store.default_root() / "signs" / name
    change(Results.load(folder)).save(folder)


def plain(html):
    return re.sub("<[^>]*>", "", html).replace("&nbsp;", " ")


def headline(session):
    return plain(perceptibility.headline(service.perceptibility(session)))


def drawn(draw, session):
    return json.loads(draw(service.perceptibility(session)))


class TestPage:
    def test_a_model_has_its_points_and_how_visible_half_wrong_is(self, grid):
        page = service.perceptibility(grid)
        assert [model.name for model in page.models] == [STANDARD, ADVERSARIAL, SHARED]
        standard = page.a.model
        assert [(p.epsilon, p.jod.value, p.accuracy.value) for p in standard.attack][1] == (8, 8.4, 0.4)
        assert [p.jod.value for p in standard.noise] == pytest.approx([seen - 0.3 for seen in JODS])
        assert page.share == 0.5
        assert standard.needed.jod.value == pytest.approx(8.65)  # three quarters of the way from 80% to 40% right
        assert page.b.model.needed.jod.value == pytest.approx(5.6)
        assert (page.things, page.letters(standard), page.letters(page.models[1])) == ("images", "A", "")

    def test_the_headline_says_how_visible_in_words(self, grid):
        assert headline(grid) == (
            "To be wrong on half of all images, the standard model needs a pattern of JOD 8.7 (hard to see); "
            "the shared-trained model one of JOD 5.6 (in plain sight)."
        )
        both = headline(replace(grid, a=SHARED, b=SHARED))
        assert "model A needs a pattern of JOD 5.6 (in plain sight); model B one of" in both

    def test_the_headline_is_honest_where_nothing_is_enough_or_known(self, grid):
        weak = tuple(Measurement("spgd", e, None, 9, 0, 9, report(900), jod=jod(6)) for e in range(4, 24, 4))
        changed(SHARED, lambda known: replace(known, measurements=weak, visibility=None))
        assert headline(grid).endswith("the shared-trained model one more visible than JOD 6.0 (in plain sight).")
        changed(SHARED, lambda known: replace(known, measurements=weak[:1]))
        assert headline(grid).endswith("the shared-trained model needs a pattern whose visibility is not stored.")
        swapped = headline(replace(grid, a=SHARED, b=STANDARD))
        assert "the shared-trained model needs a pattern whose visibility is not stored; the standard" in swapped
        changed(SHARED, lambda known: replace(known, clean=report(100)))
        assert headline(grid).endswith("the shared-trained model needs no pattern at all.")
        swapped = headline(replace(grid, a=SHARED, b=STANDARD))
        assert "needs no pattern at all; the standard model needs a pattern of JOD 8.7" in swapped

    def test_what_breaks_the_models_is_compared_where_more_is_known_of_that(self, grid):
        for name in (STANDARD, ADVERSARIAL, SHARED):
            changed(name, lambda known: replace(known, measurements=known.measurements[:2]))
        page = service.perceptibility(grid)
        assert page.share == 0.75
        assert [model.needed.jod.value for model in page.models] == [7.8, 5.0, 4.8]
        assert headline(grid).startswith(
            "To be wrong on 75% of all images, the standard model needs a pattern of JOD 7.8"
        )

    def test_models_without_a_jod_are_left_out_with_the_command_that_measures_it(self, grid):
        assert UNSEEN not in [name for _, name in service.menu(grid).models]
        told = plain(perceptibility.conditions(service.perceptibility(grid)))
        command = f"plainsight precompute checkpoints/signs/{UNSEEN} --assess"
        assert f"Not stored for Shared-trained, 64 images, 24/255; {command} measures it." in told
        assert VIEWING_IN_WORDS in told
        shutil.rmtree(store.default_root() / "signs" / UNSEEN)
        assert "Not stored" not in perceptibility.conditions(service.perceptibility(grid))

    def test_data_sets_without_a_jod_are_not_offered(self, grid):
        assert [value for _, value in service.menu(grid).data] == ["signs", "streets"]
        opened, complaint = service.opened({"tab": "perceptibility", "data": "cifar10"}, PerceptibilitySession)
        assert opened.data == "signs"
        assert "the data set a value unknown here" in complaint

    def test_a_model_that_is_not_there_is_named(self, grid):
        with pytest.raises(ValueError, match=f"No JOD is stored of the model '{UNSEEN}'; known are standard, "):
            service.perceptibility(replace(grid, b=UNSEEN))

    def test_the_patterns_come_with_their_spectrum(self, grid):
        page = service.perceptibility(grid)
        assert page.a.pattern.picture.startswith("data:image/png")
        assert (page.a.pattern.epsilon, page.a.pattern.breaks) == (23.5, True)
        assert page.a.pattern.spectrum.long_waves < 0.05 < 0.95 < page.b.pattern.spectrum.long_waves
        assert page.noise.long_waves == pytest.approx(0.049, abs=0.01)
        told = plain(perceptibility.spectrum(page))
        assert told == (
            "Waves longer than 8 pixels (large shapes) hold 0% of the power of A ●, 100% of B ▲, 4% of random noise."
        )
        (store.default_root() / "signs" / SHARED / perturbations.FILE).unlink()
        page = service.perceptibility(grid)
        assert "an unknown part of B ▲" in plain(perceptibility.spectrum(page))
        assert "not stored" in perceptibility.patterns(page)
        assert len(json.loads(figures.spectrum(page))["data"]) == 2

    def test_real_measurements_are_shown_whole(self):
        for data, things in (("signs", "images"), ("streets", "pixels")):
            session, complaint = service.opened({"tab": "perceptibility", "data": data}, PerceptibilitySession)
            assert not complaint
            page = service.perceptibility(session)
            assert page.things == things
            stored = Results.load(store.default_root() / data / session.a)
            assert [point.epsilon for point in page.a.model.attack] == [m.epsilon for m in stored.curve()]
            assert f"n = {stored.clean.accuracy.n}" in perceptibility.footer(page)
            for draw in (figures.accuracy_by_visibility, figures.needed_visibility, figures.spectrum):
                assert json.loads(draw(page))["layout"]["meta"]


class TestRecognition:
    def score(self, named, noise=40):
        own = {ALL: ReadingRate(named, 60, 20)}
        return PatternScore(own, {ALL: ReadingRate(noise, 960, 32)}, 16, {}, {})

    def test_pattern_scores_stand_beside_random_signs(self, grid):
        changed(STANDARD, lambda known: replace(known, pattern_score=self.score(30)))
        changed(SHARED, lambda known: replace(known, pattern_score=self.score(54)))
        page = service.perceptibility(grid)
        assert [(one.letter, one.title, one.told) for one in page.recognition] == [
            ("A", "", "50%"),
            ("B", "", "90%"),
            ("", "Random noise", "4%"),
        ]
        assert (page.recognition[0].low, page.recognition[0].high) == ReadingRate(30, 60, 20).interval
        told = plain(perceptibility.recognition(page))
        assert "50% 95% interval over patterns (30 to 70%)" in told
        assert "of 60 readings of 20 patterns of 16/255 (95% interval over patterns)" in told
        changed(SHARED, lambda known: replace(known, pattern_score=self.score(54, noise=80)))
        others = [one.title for one in service.perceptibility(grid).recognition]
        assert others == ["", "", "Random, for A", "Random, for B"]

    def test_one_sentence_where_nothing_is_stored(self, grid):
        told = plain(perceptibility.recognition(service.perceptibility(grid)))
        assert "Not stored for A and B; plainsight patterns measures it." in told
        changed(SHARED, lambda known: replace(known, pattern_score=self.score(54)))
        assert "Not stored for A; plainsight" in plain(perceptibility.recognition(service.perceptibility(grid)))

    def test_scenes_are_ranked_among_the_others(self):
        session = service.opened({"tab": "perceptibility", "data": "streets"}, PerceptibilitySession)[0]
        folder = store.default_root() / "streets" / session.b
        known = Results.load(folder)
        aimed = [
            Measurement(
                "spgd", 4 + n, Target("scene", 2), 9, 0, 9, report(900), pattern=Resemblance(0.3, 0.1, rank, 0, 200)
            )
            for n, rank in enumerate((1, 41, 2, 1))
        ]
        try:
            replace(known, measurements=(*known.curve(), *aimed)).save(folder)
            page = service.perceptibility(session)
            found = next(one for one in page.recognition if one.letter == "B")
        finally:
            known.save(folder)
        assert (found.told, found.between, found.n) == ("198 of 199", "159 to 199", "4 attacks")
        assert (found.low, found.value, found.high) == (159 / 199, 198 / 199, 1)
        assert "More than so many other scenes: the median of" in plain(perceptibility.recognition(page))


class TestDrawing:
    def test_both_models_have_colour_shape_and_noise_and_the_others_are_grey(self, grid):
        figure = drawn(figures.accuracy_by_visibility, grid)
        lines = {(t["customdata"][0], t["line"].get("dash", "")): t for t in figure["data"] if "line" in t}
        for name, colour, shape in ((STANDARD, "@a", "circle"), (SHARED, "@b", "triangle-up")):
            line, noise = lines[name, ""], lines[name, "dot"]
            assert (line["line"]["color"], line["marker"]["symbol"], noise["line"]["color"]) == (colour, shape, colour)
            assert line["x"] == [10, *JODS]
        assert lines[ADVERSARIAL, ""]["line"]["color"] == "@soft"
        assert lines[STANDARD, ""]["hovertext"][2] == (
            "Standard<br>ε 8/255: JOD 8.4 [8.2, 8.6], 16 pictures<br>40.0% right (37.0 to 43.1, n = 1,000)"
        )
        left, right = figure["layout"]["xaxis"]["range"]
        assert left > 10 > right  # what is seen plainly is on the right
        assert "A, Standard: JOD 9.4 80%; JOD 8.4 40%" in figure["layout"]["meta"]

    def test_the_others_can_be_left_out(self, grid):
        alone = drawn(figures.accuracy_by_visibility, replace(grid, shown="pair"))
        assert {trace["customdata"][0] for trace in alone["data"]} == {STANDARD, SHARED}
        words = [one["text"] for one in alone["layout"]["annotations"]]
        assert "— all other models" not in words
        assert words[:3] == ["hard to see", "visible", "in plain sight"]

    def test_few_points_are_not_joined(self, grid):
        changed(SHARED, lambda known: replace(known, measurements=known.measurements[:4]))
        traces = drawn(figures.accuracy_by_visibility, grid)["data"]
        (few,) = (t for t in traces if t["customdata"][0] == SHARED and len(t["x"]) > 1)
        assert (few["mode"], few["x"]) == ("markers", [*JODS[:4]])

    def test_noise_that_is_not_stored_is_said_to_be(self, grid):
        for name in (STANDARD, SHARED):
            changed(name, lambda known: replace(known, measurements=tuple(known.curve())))
        words = [one["text"] for one in drawn(figures.accuracy_by_visibility, grid)["layout"]["annotations"]]
        assert "random noise: not stored" in words

    def test_models_are_sorted_with_what_is_hardly_seen_on_top(self, grid):
        figure = drawn(figures.needed_visibility, grid)
        rows = {trace["customdata"][0]: trace for trace in figure["data"]}
        assert sorted(rows, key=lambda name: -rows[name]["y"][0]) == [STANDARD, ADVERSARIAL, SHARED]
        assert rows[STANDARD]["x"] == pytest.approx([8.65])
        assert rows[STANDARD]["error_x"]["array"] == pytest.approx([0.2])
        names = dict(zip(*(figure["layout"]["yaxis"][key] for key in ("tickvals", "ticktext")), strict=True))
        assert names[rows[SHARED]["y"][0]] == "B ▲ Shared by 64, 16/255"
        assert "wrong on half of images between ε 4/255 and 8/255" in rows[STANDARD]["hovertemplate"]
        axes = [drawn(draw, grid)["layout"] for draw in (figures.accuracy_by_visibility, figures.needed_visibility)]
        assert axes[0]["xaxis"]["range"] == axes[1]["xaxis"]["range"]
        assert axes[0]["margin"]["l"] == axes[1]["margin"]["l"]

    def test_a_model_that_nothing_makes_so_wrong_comes_last_and_is_open(self, grid):
        weak = tuple(Measurement("spgd", e, None, 9, 0, 9, report(900), jod=jod(9)) for e in range(4, 24, 4))
        changed(ADVERSARIAL, lambda known: replace(known, measurements=weak, visibility=None))
        rows = {t["customdata"][0]: t for t in drawn(figures.needed_visibility, grid)["data"]}
        assert min(rows, key=lambda name: rows[name]["y"][0]) == ADVERSARIAL
        assert rows[ADVERSARIAL]["marker"]["symbol"] == "circle-open"
        assert "is not enough" in rows[ADVERSARIAL]["hovertemplate"]
        marks = [t for t in drawn(figures.accuracy_by_visibility, grid)["data"] if len(t["x"]) == 1]
        assert {mark["customdata"][0] for mark in marks} == {STANDARD, SHARED}  # no point of the plane

    def test_what_was_rounded_to_be_stored_says_so(self, grid):
        for name in (STANDARD, SHARED):
            changed(name, lambda known: replace(known, measurements=known.measurements[:2]))
        rows = drawn(figures.needed_visibility, grid)["data"]
        assert all(
            "judged as it is stored, rounded to 23/255" in row["hovertemplate"] for row in rows if row["x"] != []
        )

    def test_the_tables_hold_what_the_figures_show(self, grid):
        page = service.perceptibility(grid)
        told = perceptibility.models(page)
        assert told.count('<button type="button" data-model=') == 3
        (row,) = (row for row in told.split("<tr") if f'data-model="{STANDARD}"' in row)
        assert re.findall(r'data-key="([^"]+)">', row) == ["0", "8.65", "8.45", "8", "0.96"]
        assert "8.4 to 8.8" in row
        points = perceptibility.points(page)
        assert points.count("<tr>") == 1 + 4 * 5
        assert "<td>8/255</td><td>8.4</td><td>8.2 to 8.6</td><td>40.0%</td><td>37.0% to 43.1%</td>" in points

    def test_every_text_is_escaped(self, grid):
        page = service.perceptibility(grid)
        evil = "<img src=x onerror=alert(1)>"
        model = replace(page.b.model, name=evil, title=evil, short=evil)
        recognition = replace(service.Recognition("", evil, 0.5, 0.4, 0.6, "50%", "40 to 60%", evil))
        page = replace(
            page,
            b=replace(page.b, model=model, noun=evil, origin=evil),
            models=(model,),
            recognition=(recognition,),
            unread=evil,
            unmeasured=evil,
            measure=evil,
        )
        pieces = [getattr(perceptibility, name)(page) for name in HTML]
        assert not any("<img src=x" in piece for piece in pieces)
        for draw in (figures.accuracy_by_visibility, figures.needed_visibility):
            content = json.loads(draw(page))
            del content["layout"]["meta"]  # an attribute of the page, set as such
            for trace in content["data"]:
                del trace["customdata"]  # told, never drawn
            assert "<img" not in json.dumps(content)


HTML = (
    *("headline", "needed_title", "conditions", "patterns", "spectrum", "recognition", "points", "models", "footer"),
)


class TestTab:
    @pytest.fixture
    def view(self):
        def built():
            with gr.Blocks():
                return tab.build(service.RunRegistry())

        return in_a_loop(built)

    def test_everything_that_can_change_is_shown(self, grid, view):
        shown = view.shown(grid)
        assert set(view.outputs) - set(shown) <= {view.where}
        assert shown[view.to_compare]["interactive"] is True
        assert shown[view.controls["shown"]]["value"] == "all"
        (store.default_root() / "signs" / SHARED / store.WEIGHTS).unlink()
        assert view.at_rest(grid)[view.to_compare]["interactive"] is False

    def test_a_press_chooses_a_model_for_the_side_that_is_being_chosen(self, grid, view):
        pressed, moved = tab._pressed(view), tab._moved
        assert pressed(grid, ADVERSARIAL)[view.session].b == ADVERSARIAL
        other = moved(view, "side")(grid, "a")[view.session]
        chosen = pressed(other, ADVERSARIAL)[view.session]
        assert (chosen.a, chosen.b) == (ADVERSARIAL, SHARED)
        with pytest.raises(ValueError, match="model B is one of standard, "):
            pressed(grid, "nobody")
        assert moved(view, "shown")(grid, "pair")[view.session].shown == "pair"
        assert moved(view, "a")(grid, SHARED)[view.session].a == SHARED
        assert moved(view, "data")(grid, "streets")[view.session].data == "streets"

    def test_the_address_holds_the_choices_of_the_tab_alone(self, grid):
        chosen = replace(grid, side="a", shown="pair")
        query = dict(part.split("=") for part in chosen.query().split("&"))
        sides = {"a": STANDARD, "b": SHARED, "side": "a"}
        assert query == {"tab": "perceptibility", "data": "signs", **sides, "shown": "pair"}
        assert service.opened(query, PerceptibilitySession) == (chosen, "")
