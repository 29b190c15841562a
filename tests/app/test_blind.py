"""The blind test: its material, the pictures that the browser makes of it, the estimate, and what is said of it."""

import base64
import itertools
import json
import zlib
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
import torch
from scripts import ran

from app import service
from app.markup import blind
from app.page import in_a_loop
from app.service import BlindSession, pictures
from app.tabs import blind as tab
from core import datasets, rendering
from core.checkpoints import perturbations, store
from core.checkpoints.results import Results
from core.evaluation.perceptibility import Jod
from core.reports.visibility import noticed_from
from core.threat import Budget, quantise

SIDE = {"letter": "A", "noun": "standard model", "title": "Standard", "breaks": 4.25, "reaches": 4.25, "jod": []}
ANSWERED = {"threshold": 6.2, "low": 3.6, "high": 9.1, "slope": 3}


@pytest.fixture
def first():
    return service.opened({"tab": "blind", "data": "signs"}, BlindSession)[0]


def values(text, kind, size):
    """The values (H,W,3) of what is sent."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(*size, 3)


class TestMaterial:
    def test_patterns_are_sent_as_they_are_stored(self, first):
        page = service.blind_test(first)
        for side, name in ((page.a, first.a), (page.b, first.b)):
            stored = perturbations.load(store.default_root() / "signs" / name)
            assert [pattern.epsilon for pattern in side.patterns] == [4, 8, 16, 32]
            for pattern in side.patterns:
                units = (stored[f"spgd-e{pattern.epsilon}"][0] * 255).round().permute(1, 2, 0)
                assert (values(pattern.units, np.int8, page.size) == units.numpy()).all()

    def test_pictures_are_held_out_images_bit_by_bit(self, first):
        for data, few in (("signs", 8), ("streets", 4)):
            page = service.blind_test(service.opened({"tab": "blind", "data": data}, BlindSession)[0])
            images = datasets.get(data).split("test", few).batch(slice(few))[0]
            assert len(page.pictures) == few
            for sent, image in zip(page.pictures, images, strict=True):
                assert (values(sent, np.uint8, page.size) == np.asarray(rendering.picture(image))).all()

    def test_the_browser_makes_the_pictures_of_the_engine(self, first):
        """At every kind of strength: above, at and below those of the stored patterns, and clipped at both ends."""
        page = service.blind_test(first)
        image = datasets.get("signs").split("test", 2).batch(slice(1, 2))[0][0]
        stored = perturbations.load(store.default_root() / "signs" / first.b)
        strengths = (1, 3, 4, 7, 8, 13, 25, 32)
        made = ran(
            """
            const bytes = await unpacked(given.page);
            return given.strengths.map(strength => {
              const pattern = nearest(bytes.b, strength);
              return [pattern.epsilon, [...changed(bytes.pictures[1], pattern, strength)]];
            });
            """,
            {"page": json.loads(blind.material(page)), "strengths": strengths},
        )
        assert [epsilon for epsilon, _ in made] == [4, 4, 4, 8, 8, 16, 32, 32]
        for strength, (epsilon, rgba) in zip(strengths, made, strict=True):
            delta = quantise(Budget.from_255(strength).rescale(stored[f"spgd-e{epsilon}"])) / 255
            picture = np.asarray(rendering.attacked(image, delta))
            found = np.array(rgba).reshape(96, 96, 4)
            assert (found[..., :3] == picture).all()
            assert (found[..., 3] == 255).all()
            assert float(delta.abs().max()) * 255 == pytest.approx(strength)

    def test_breaking_points_and_jod_come_from_the_results(self, first, monkeypatch):
        found = Results.load(store.default_root() / "signs" / first.a)
        side = service.blind_test(first).a
        searched = found.robustness
        assert side.breaks == (None if searched.epsilon is None else round(searched.epsilon, 2))
        assert (side.reaches, side.level) == (round(searched.curve[-1].epsilon, 2), searched.level)
        assert (side.jod, side.noticed) == ((), None)  # four strengths are too few
        jods = (9.6, 9.2, 8.8, 7, 6)
        told = [replace(found.curve()[0], epsilon=4 * (n + 1), jod=Jod(v, v, v, 16)) for n, v in enumerate(jods)]
        known = replace(found, measurements=tuple(told))
        monkeypatch.setattr(service.catalogue, "results", lambda of: known)
        side = service.blind_test(first).a
        assert side.jod == ((0, 10), (4, 9.6), (8, 9.2), (12, 8.8), (16, 7), (20, 6))
        assert side.noticed == pytest.approx(10)

    def test_where_a_jod_falls_to_9(self, first):
        found = Results.load(store.default_root() / "signs" / first.a)

        def noticed(*jods):
            told = [replace(found.curve()[0], epsilon=2 * (n + 1), jod=Jod(v, v, v, 16)) for n, v in enumerate(jods)]
            return noticed_from(replace(found, measurements=tuple(told)))

        assert noticed(8, 7, 6, 5, 4) == pytest.approx(1)  # half of the way from 10 to 8
        assert noticed(9.9, 9.5, 9, 8, 7) == pytest.approx(6)
        assert noticed(9.9, 9.8, 9.7, 9.6, 9.5) is None
        assert noticed(9.5, 8.5, 8, 7) is None

    def test_absent_images_or_patterns_are_one_sentence(self, first, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(pictures, "missing", lambda data: pictures.ABSENT)
            absent = service.blind_test(first)
        assert (absent.missing, absent.pictures) == (pictures.ABSENT, ())
        file = store.default_root() / "signs" / first.b / perturbations.FILE
        kept = file.read_bytes()
        try:
            perturbations.save(file.parent, {"breaking": torch.zeros(1, 3, 96, 96)})
            assert service.blind_test(first).missing == "No pattern is stored of B; choose another model."
            file.unlink()
            assert first.b not in [model.name for model in service.fitting(BlindSession)]
        finally:
            file.write_bytes(kept)


class TestEstimate:
    def test_simulated_observers_are_found_within_their_interval(self):
        """200 observers with thresholds from 1.5 to 24 and slopes that the estimate does not know."""
        found = ran(
            """
            const draw = random(7);
            const runs = [];
            for (const threshold of [1.5, 3, 6, 12, 24]) for (let n = 0; n < 40; n++) {
              let belief = unknown();
              for (let pair = 0; pair < PAIRS; pair++) {
                const strength = next(belief);
                const right = draw() < chance(strength, threshold, [1.5, 2, 3, 4, 6][n % 5]);
                belief = updated(belief, strength, right);
              }
              const found = estimate(belief);
              runs.push([threshold, found.threshold, found.low, found.high, found.below(threshold)]);
            }
            return runs;
            """
        )
        covered = [low <= truth <= high for truth, _, low, high, _ in found]
        assert np.mean(covered) >= 0.92
        octaves = np.array([np.log2(median / truth) for truth, median, *_ in found])
        assert np.median(np.abs(octaves)) < 0.6
        assert abs(np.median(octaves)) < 0.3
        for _, median, low, high, below in found:
            assert low < median < high
            assert (below > 0.5) == (_ > median)
            assert (0.025 < below < 0.975) == (low < _ < high)

    def test_the_curve_is_half_at_nothing_75_at_the_threshold_and_never_sure(self):
        ends, at = ran("return [[chance(1e-9, 6, 3), chance(1e9, 6, 3)], chance(6, 6, 1.5)];")
        assert ends == pytest.approx([0.5, 0.98])
        assert at == pytest.approx(0.75)

    def test_who_sees_everything_or_nothing_is_beyond_what_is_shown(self):
        all_right, all_wrong, guessed = ran(
            """
            const finish = answers => {
              let belief = unknown();
              for (let pair = 0; pair < PAIRS; pair++) belief = updated(belief, next(belief), answers(pair));
              return estimate(belief);
            };
            const draw = random(3);
            const guessers = Array.from({ length: 60 }, () => finish(() => draw() < 0.5));
            return [finish(() => true), finish(() => false), guessers.map(one => [one.threshold, one.high])];
            """
        )
        assert all_right["threshold"] < 1
        assert all_wrong["threshold"] > 32
        assert np.mean([high > 32 for _, high in guessed]) > 0.85
        assert np.mean([threshold > 32 for threshold, _ in guessed]) > 0.65

    def test_a_series_is_repeated_by_its_seed_and_fair(self):
        once, again, other = ran("return [series(5, 8), series(5, 8), series(6, 8)];")
        assert once == again != other
        assert sorted(pair["side"] for pair in once) == ["a"] * 10 + ["b"] * 10
        assert all(one["picture"] != after["picture"] for one, after in itertools.pairwise(once))
        many = ran("return Array.from({ length: 300 }, (_, seed) => series(seed, 8)).flat();")
        assert 0.48 < np.mean([pair["first"] for pair in many]) < 0.52
        assert set(np.bincount([pair["picture"] for pair in many]) > 600) == {True}
        assert {pair["picture"] for pair in ran("return series(1, 1);")} == {0}


class TestWords:
    """Each case: what was answered, how likely the threshold is below the breaking point, the model, and the words."""

    @pytest.mark.parametrize(
        ("answered", "below", "side", "words"),
        [
            ({}, 0.99, {}, "You see A’s pattern from 6/255; the standard model falls at 4.25."),
            ({}, 0.5, {}, "You see A’s pattern from 6/255; the standard model falls at 4.25 (too close to tell)."),
            ({}, 0.01, {}, "You see A’s pattern from 6/255; the standard model falls at 4.25, before you see it."),
            (
                {"threshold": 0.7},
                1,
                {},
                "You see A’s pattern already at 1/255; the standard model falls at 4.25.",
            ),
            (
                {"threshold": 40},
                0,
                {},
                "You do not see A’s pattern even at 32/255; the standard model falls at 4.25, before you see it.",
            ),
            (
                {"threshold": 40},
                0.1,
                {"breaks": None, "reaches": 48},
                "You do not see A’s pattern even at 32/255; the standard model holds even at 48 (too close to tell).",
            ),
            (
                {},
                0.97,
                {"breaks": None, "reaches": 48, "noun": "model A"},
                "You see A’s pattern from 6/255; model A holds even at 48.",
            ),
            (
                {},
                0.01,
                {"breaks": None, "reaches": 2},
                "6/255; the standard model holds even at 2 (too close to tell).",
            ),
            (
                {},
                1,
                {"breaks": None, "reaches": None},
                "You see A’s pattern from 6/255; at what strength the standard model falls was not measured.",
            ),
            (
                {},
                0,
                {"breaks": 0, "reaches": 0},
                "You see A’s pattern from 6/255; the standard model is that wrong without any pattern.",
            ),
        ],
    )
    def test_the_sentence_is_true_in_every_case(self, answered, below, side, words):
        given = [SIDE | side, ANSWERED | answered, below]
        found = ran("return sentence(given[0], { ...given[1], below: () => given[2] });", given)
        assert found.endswith(words)

    def test_intervals_are_rounded_outwards_and_end_where_the_strengths_do(self):
        cases = [(3.6, 9.1), (0.6, 2.2), (20, 50), (0.6, 50)]
        given = [{"low": low, "high": high} for low, high in cases]
        assert ran("return given.map(interval);", given) == [
            "3 to 10",
            "below 1 to 3",
            "20 to over 32",
            "below 1 to over 32",
        ]

    def test_the_prediction_says_where_nothing_is_known(self):
        jod = [[0, 10], [32, 9.4]]
        given = [SIDE, SIDE | {"jod": jod, "noticed": None}, SIDE | {"jod": jod, "noticed": 6.06}]
        assert ran("return given.map(predicted);", given) == ["not stored", "not at 32/255", "from 6.1/255"]

    def test_one_jod_is_75_percent(self):
        assert ran("return [10, 9, 8.5, 6.5, 2].map(ofJod);") == pytest.approx([0.5, 0.75, 0.844, 0.991, 1], abs=1e-3)


class TestDrawing:
    @pytest.fixture
    def drawn(self, first):
        page = replace(service.blind_test(first), pictures=())
        evil = replace(page.b, title="<script>alert(1)</script>", patterns=())
        answers = [{"strength": 4 + n % 3, "right": n % 3 > 0} for n in range(10)]
        code = """
            const found = {};
            for (const key of ['a', 'b']) found[key] = { ...given.answered, answers: given.answers, below: () => 0.5 };
            found.b.threshold = 40;
            const told = ['a', 'b'].map(key => sentence(given.page[key], found[key]));
            return [figure(given.page, found), card(given.page, found, told, 'http://here/?a=1&seed=3')];
        """
        page = json.loads(blind.material(replace(page, a=replace(page.a, patterns=()), b=evil)))
        return ran(code, {"page": page, "answers": answers, "answered": ANSWERED})

    def test_the_figure_and_the_card_are_well_formed_and_escaped(self, drawn):
        from xml.etree import ElementTree

        for svg in drawn:
            ElementTree.fromstring(svg)
            assert "<script>" not in svg
            assert "NaN" not in svg
            assert "undefined" not in svg

    def test_the_card_has_result_names_and_address(self, drawn):
        card = drawn[1]
        assert 'width="1200" height="630"' in card
        for words in ("You see A’s pattern from 6/255;", "A ● Standard", "http://here/?a=1&#38;seed=3", "20 pairs"):
            assert words in card

    def test_answers_are_counted_at_their_strengths(self, drawn):
        figure = drawn[0]
        assert figure.count("✓") == 4  # two strengths of each model
        assert figure.count("✗") == 2
        assert figure.count("75%") == 2
        assert figure.count("<circle") == 1
        assert figure.count('fill="var(--b)"/>') == 0  # the threshold of B lies beyond the strengths


class TestTab:
    @pytest.fixture
    def view(self):
        def built():
            with gr.Blocks():
                return tab.build(service.RunRegistry())

        return in_a_loop(built)

    def test_everything_that_can_change_is_shown(self, first, view):
        shown = view.shown(first)
        assert set(view.outputs) - set(shown) <= {view.where}
        material = json.loads(shown[view.stage])
        assert (material["seed"], material["size"], len(material["pictures"])) == (0, [96, 96], 8)
        assert "(S-PGD at 4, 8, 16 or 32/255)" in shown[view.method]
        assert shown[view.to_compare]["interactive"] is True

    def test_the_address_opens_the_same_models_and_series(self, first, view):
        chosen = tab._reseeded(view)(first, 17)
        session = chosen[view.session]
        query = dict(part.split("=") for part in session.query().split("&"))
        assert query == {"tab": "blind", "data": "signs", "a": first.a, "b": first.b, "seed": "17"}
        assert chosen[view.address] == session.query()
        assert view.stage not in chosen  # what is shown goes on
        assert service.opened(query, BlindSession) == (session, "")
        assert json.loads(blind.material(service.blind_test(session)))["query"] == session.query()

    def test_models_and_data_can_be_chosen_and_a_bad_series_is_refused(self, first, view):
        other = tab._chosen(view, "b")(first, first.a)
        assert other[view.session].b == first.a
        assert tab._chosen(view, "data")(first, "streets")[view.session].data == "streets"
        with pytest.raises(ValueError, match="seed is a whole number from 0 to 9999, and -1 was given"):
            tab._reseeded(view)(first, -1)

    def test_every_text_is_escaped(self, first):
        page = service.blind_test(first)
        evil = "<img src=x onerror=alert(1)>"
        page = replace(page, b=replace(page.b, origin=evil, title=evil))
        assert "<img" not in blind.footer(page) + blind.method(page)
