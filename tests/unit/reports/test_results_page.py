"""The generated pages, from made-up results."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from core import datasets, rendering
from core.__main__ import app
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.results import Measurement, Results
from core.evaluation.pattern_score import PatternScore, ReadingRate
from core.evaluation.report import Rate, Report
from core.evaluation.resemblance import Resemblance
from core.evaluation.segmentation import SceneRate
from core.models.registry import create
from core.reports import charts
from core.reports.markdown import percent
from core.reports.records import csv_text, model_records
from core.reports.results_page import by_group, pattern_sheet
from core.reports.results_page import results_page as results_page_of
from core.reports.tradeoff import MAXIMUM_ROWS
from core.reports.training_page import command, measured_by, training_page, training_records
from core.robustness.result import Point, Robustness
from core.robustness.risks import RiskLevel, Risks
from core.training.recipe import Recipe
from core.workflows import train_model
from core.workflows.protocol import AttackSuite

RECIPE = {"sigma": 0.0, "seed": 0, "heap": 1}


def rate(value, n=2000):
    return Rate(round(value * n), n)


def scene_rate(value):
    return SceneRate(value, value - 0.02, value + 0.02, 200)


def measured(name, data, results):
    """A checkpoint as it would be read, and its results."""
    config = {"source": "here", "training_images": 7, "seconds": 60.0, "finished": "2026-01-01"}
    config |= {"history": [{"epoch": 1, "loss": 2.0, "seconds": 60.0, "images_per_second": 9.0}]}
    config |= {"versions": {"hardware": "CPU, 1 threads", "torch": "2.11"}}
    classes = datasets.get(data).classes
    return store.Checkpoint(name, "resnet8/8", data, classes, "0" * 64, RECIPE, config), results


def images():
    curve = [
        Measurement("spgd", epsilon, None, 100, 0, 2048, Report(rate(share), rate(1 - share)))
        for epsilon, share in ((8, 0.6), (16, 0.2))
    ]
    aimed = Measurement("spgd", 16, Target("class", 3), 100, 0, 2048, Report(rate(0.3), rate(0.7), rate(0.55)))
    return Results(Report(rate(0.98), rate(0)), (*curve, aimed), {"source": "here."})


def scenes():
    shown = Resemblance(0.31, 0.12, 1, 0.005, 200)
    hidden = Resemblance(0.11, 0.12, 93, 0.465, 200)
    found = [
        Measurement("spgd", 10, None, 150, 0, 360, Report(scene_rate(0.2), scene_rate(0.8), overlap=scene_rate(0.07)))
    ]
    for target, score in ((Target("scene", 5), shown), (Target("scene", 12), hidden)):
        shares = {"overlap": scene_rate(0.1), "baseline": scene_rate(0.5)}
        report = Report(scene_rate(0.3), scene_rate(0.7), scene_rate(0.66), **shares)
        found.append(Measurement("spgd", 10, target, 150, 0, 360, report, 1.5, score))
    gone = Report(
        scene_rate(0.8), scene_rate(0.1), scene_rate(0.9), scene_rate(0.5), scene_rate(0.77), scene_rate(0.95)
    )
    found.append(Measurement("spgd", 10, Target("remove", 8), 150, 0, 360, gone))
    return Results(Report(scene_rate(0.84), scene_rate(0), overlap=scene_rate(0.44)), tuple(found), {"source": "here."})


def results_page(own):
    return results_page_of(by_group(own))


def tables(page):
    """Head and rows of each table of a Markdown page."""
    found = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    rows = [[[cell.strip() for cell in line.split("|")[1:-1]] for line in one.splitlines()] for one in found]
    return [(head, body) for head, _, *body in rows]


def cells(page, first):
    """The cells of the rows that begin with these words."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith(f"| {first} ")]
    return [[cell.strip() for cell in row] for row in rows]


def test_a_page_on_images_holds_the_curve_and_other_attacks(tmp_path):
    page = results_page([measured(tmp_path / "standard", "signs", images())])
    curve, other = cells(page, "Standard")
    assert curve[1].startswith("98.0 [")
    assert curve[2].startswith("60.0 [")
    assert curve[3].startswith("20.0 [")
    assert other[1] == "15.0/255"
    assert other[2].startswith(f"{datasets.get('signs').classes[3]} at 16/255: 55.0")
    assert "Architecture: `resnet8/8`." in page
    assert "random signs" not in page, "a column without a number drops out"
    results = images()
    control = Measurement("random-signs", 16, None, 0, 0, 0, Report(rate(0.9), rate(0.1)))
    results = replace(results, measurements=(*results.measurements, control))
    _, other = cells(results_page([measured(tmp_path / "standard", "signs", results)]), "Standard")
    assert other[2].startswith("90.0 [")


def test_a_page_on_images_holds_pattern_scores_where_they_were_measured(tmp_path):
    assert "pattern score (%)" not in results_page([measured(tmp_path / "standard", "signs", images())])
    own = {"all": ReadingRate(50, 60, 10), "standard": ReadingRate(10, 20, 10), "larger heaps": ReadingRate(40, 40, 10)}
    noise = {kind: ReadingRate(16, 320, 32) for kind in own}
    read = replace(images(), pattern_score=PatternScore(own, noise, 16, {}, {}))
    entries = [measured(tmp_path / "standard", "signs", read), measured(tmp_path / "other", "signs", images())]
    page = results_page(entries)
    ((head, (row,)),) = [found for found in tables(page) if "readings" in found[0]]
    assert dict(zip(head, row, strict=True)) == {
        "model": "Standard",
        "ε": "16/255",
        "patterns": "10",
        "pattern score (%)": "83.3 [52.4, 95.8]",
        "read by standard (%)": "50.0 [23.7, 76.3]",
        "read by heap 1 (%)": "",
        "read by larger heaps (%)": "100.0 [72.2, 100.0]",
        "random signs (%)": "5.0 [1.2, 18.4]",
        "readings": "60",
    }
    record, without = model_records(by_group(entries), tmp_path)
    assert (record["pattern score (%)"], record["patterns"]) == (own["all"], 10)
    assert "pattern score (%)" not in without
    flat = csv_text([record]).splitlines()
    assert dict(zip(*(line.split(",") for line in flat), strict=True))["pattern_score_low"] == "52.4"


def searched(folder, heap, sigma, epsilon, clean, breaks, seed=0):
    """A cell of the grid that breaks at so many 255ths; at 0 nothing up to 40/255 broke it."""
    curve = tuple(Point(e, Report(rate(share), rate(0)), 1, 40) for e, share in ((0, clean), (breaks or 40, 0.2)))
    found = Robustness(0.75, 0.25, breaks if breaks else None, curve, 2048, 0)
    name = f"shared-s{heap}-e{epsilon}-w{sigma:g}" + f"-r{seed}" * bool(seed)
    entry = measured(folder / name, "signs", replace(images(), clean=curve[0].report, robustness=found))
    recipe = {"sigma": sigma, "heap": heap, "epsilon": epsilon, "seed": seed}
    return replace(entry[0], recipe=recipe), entry[1]


def test_what_a_training_costs_stands_beside_what_it_gives(tmp_path):
    (plain, results), shared = searched(tmp_path, 0, 0, 0, 0.98, 6), searched(tmp_path, 64, 0.5, 16, 0.95, 24)
    levels = tuple(
        RiskLevel(kind, 0, 1.0, (0.9, 1.1), rate(share)) for kind, share in (("universal", 0.5), ("adversarial", 0.1))
    )
    risky = replace(results, risks=Risks(8.0, levels, 40, 1, 0))
    weaker = replace(shared[1].robustness, curve=shared[1].robustness.curve[:1], epsilon=None)
    published = replace(shared[1], published=weaker)
    unknown = measured(tmp_path / "own", "signs", results)
    own = [
        (replace(plain, recipe=RECIPE), risky),
        (replace(shared[0], recipe=shared[0].recipe | {"steps": 1, "epochs": 3}), published),
        (replace(unknown[0], recipe={}), results),
    ]
    ((head, rows),) = [found for found in tables(results_page(own)) if "passes" in found[0]]
    known = ["model", "passes", "epochs", "clean (%)", "minimum breaking epsilon", "as published", "each image (%)"]
    assert head == known  # no heap 1 to compare with
    assert [row[1:3] for row in rows] == [["1", "30"], ["3", "3"]]  # nothing is known of what the third one cost
    assert rows[0][4:] == ["6/255 [0, 6]", "", f"{percent(rate(0.1))} at 8/255"]
    assert rows[1][4].startswith("24/255")
    assert rows[1][5] == "above 0/255"
    assert rows[1][3] == percent(rate(0.95))
    assert not [found for found in tables(results_page(own[2:])) if "passes" in found[0]]
    ((head, _),) = [found for found in tables(results_page(own[:1])) if "passes" in found[0]]
    assert "as published" not in head
    ones = [searched(tmp_path, 1, 0.5, 4, 0.97, 10), searched(tmp_path, 1, 0.5, 8, 0.93, 14)]
    ((head, rows),) = [found for found in tables(results_page([*own, *ones])) if "passes" in found[0]]
    times = [row[head.index("times heap 1")] for row in rows]
    assert times[1].startswith("2.00")  # heap 1 takes 12 at 95% clean, between its two models
    assert (times[0], times[2:]) == ("", ["", ""])
    page = results_page([*own, *ones])
    assert "no more passes in all epochs together than heap 1 (180), heap 64 (9) takes the most" in page
    assert f"clean accuracy: {times[1]} times the epsilon of heap 1." in page
    dear = (replace(shared[0], recipe=shared[0].recipe | {"epochs": 31}), published)
    assert "no more passes" not in results_page([own[0], dear, *ones]), "it costs more than heap 1"


def test_trainings_of_one_heap_have_marks_of_their_own(tmp_path):
    plain, *others = (searched(tmp_path, 128, 0.5, 8, 0.95, 20)[0] for _ in range(4))
    schedules = ("6 epochs", "class-wise deltas", "persistent deltas")
    own = [(plain, None), *((replace(c, schedule=s), None) for c, s in zip(others, schedules, strict=True))]
    looks = [charts._looks(checkpoint, own) for checkpoint, _ in own]
    assert len({look["marker"] for look in looks}) == len(own)
    assert ["ls" in look for look in looks] == [False, True, True, True]


def test_a_grid_of_several_sigmas_is_one_table_of_clean_accuracies_and_breaking_epsilons(tmp_path):
    own = [
        measured(tmp_path / "standard", "signs", images()),
        searched(tmp_path, 1, 0.5, 2, 0.97, 21.5),
        searched(tmp_path, 64, 0.3, 8, 0.96, 24),
        searched(tmp_path, 64, 0.3, 8, 0.95, 23, seed=1),
        searched(tmp_path, 64, 0.9, 8, 0.93, 0),
    ]
    page = results_page(own)
    grids = [(head, rows) for head, rows in tables(page) if head[0].startswith("heap")]
    assert grids == [
        (["heap 1", "ε 2/255", "ε 8/255"], [["σ 0.5", "97.0 · 21.5", ""]]),
        (["heap 64", "ε 2/255", "ε 8/255"], [["σ 0.3", "", "96.0 · 24"], ["σ 0.9", "", "93.0 · over 40"]]),
    ]
    fixed = results_page(own[:4:2])  # one sigma only
    assert not [head for head, _ in tables(fixed) if head[0].startswith("heap")]


def test_a_table_holds_at_most_ten_models_of_a_data_set_and_says_how_many_there_are(tmp_path):
    own = [measured(tmp_path / f"model-{number}", "signs", images()) for number in range(21)]
    page = results_page(own)
    assert [len(rows) for head, rows in tables(page) if head[0] == "model"] == [MAXIMUM_ROWS] * 2
    assert "Models shown: 10 of 21." in page
    own = [searched(tmp_path, heap, 0.5, e, 0.97 - e / 1000, 20 + e) for heap in (1, 4, 8, 64) for e in (2, 4, 8, 16)]
    page = results_page([measured(tmp_path / "standard", "signs", images()), *own])
    lengths = [len(rows) for head, rows in tables(page) if head[0] == "model"]
    assert lengths == [MAXIMUM_ROWS, MAXIMUM_ROWS, MAXIMUM_ROWS - 1]  # the standard model was not searched
    assert all(cells(page, f"{kind}, heap {heap},") for heap in (4, 8, 64) for kind in ["Shared"])
    assert "Models shown: 10 of 17." in page


def test_models_of_an_unusual_architecture_have_a_section_of_their_own(tmp_path):
    narrow, wide = (measured(tmp_path / name / "standard", "signs", images()) for name in ("signs", "wide"))
    wide = replace(wide[0], architecture="resnet20/64", variant="resnet20/64"), wide[1]
    page = results_page([narrow, wide])
    title = datasets.get("signs").title
    first, second = page.split(f"## {title}")[1:]
    assert "Architecture: `resnet8/8`." in first
    assert second.startswith(", resnet20/64\n")
    assert "Architecture: `resnet20/64`." in second


def test_the_command_of_a_model_names_the_folder_that_its_kind_lies_in(tmp_path):
    found = measured(tmp_path / "wide" / "signs" / "standard", "signs", images())[0]
    found = replace(found, recipe=vars(Recipe("signs")))
    assert command(found, tmp_path).endswith(" --root checkpoints/wide")
    (record,) = training_records([found], tmp_path)
    assert (record["folder"], record["command"]) == ("wide/signs/standard", command(found, tmp_path))


def test_the_training_page_is_a_template_and_one_table_with_a_row_for_each_kind_of_training(tmp_path):
    recipes = [Recipe("signs")]
    recipes += [Recipe("signs", sigma=0.5, heap=heap, epsilon=e) for heap in (1, 64) for e in (8, 16)]
    found = [replace(measured(tmp_path / recipe.name, "signs", images())[0], recipe=vars(recipe)) for recipe in recipes]
    ((head, rows),) = tables(training_page(found))
    picked = [head.index(name) for name in ("training", "models", "σ", "ε (/255)", "starts from", "minutes")]
    assert [[row[place] for place in picked] for row in rows] == [
        ["standard", "1", "", "", "scratch", "1"],
        ["heap 1", "2", "0.5", "8, 16", "scratch", "1"],
        ["heap 64", "2", "0.5", "8, 16", "scratch", "1"],
    ]


def test_a_page_on_scenes_holds_overlaps_targets_and_what_patterns_resemble(tmp_path):
    page = results_page([measured(tmp_path / "standard", "streets", scenes())])
    right, overlap, _, *targets = cells(page, "Standard")
    assert right[1] == "84.0 [82.0, 86.0]"
    assert overlap[1] == "44.0 [42.0, 46.0]"
    assert "7.0 [5.0, 9.0]" in overlap
    by_name = {row[1]: row for row in targets}
    rates = ["66.0 [64.0, 68.0]", "50.0 [48.0, 52.0]"]
    assert by_name["scene 5"][2:] == [*rates, "199 of 199 other scenes", "31.0", "12.0"]
    assert by_name["scene 12"][4] == "107 of 199 other scenes"
    assert by_name["no car"][2:] == ["77.0 [75.0, 79.0]"]
    assert "200 held-out scenes" in page


@pytest.mark.slow
def test_perturbations_towards_scenes_stand_below_their_drawn_targets(tmp_path):
    found = measured(tmp_path / "standard", "streets", scenes())
    delta = torch.randint(-10, 11, (1, 3, 192, 256), generator=torch.Generator().manual_seed(0)) / 255
    (tmp_path / "standard").mkdir()
    perturbations.save(found[0].folder, {"spgd-e10-scene-5": delta, "spgd-e10-scene-12": -delta})
    streets = datasets.get("streets")
    sheet = np.asarray(pattern_sheet([found], streets))
    flat = sheet.reshape(-1, 3)
    below = np.asarray(rendering.perturbation(delta, 12.7))
    above = np.asarray(rendering.label_map(streets.split("test", 5).labels[4], streets.palette))
    left, top = 6, 32
    assert np.array_equal(sheet[top : top + 192, left : left + 256], above)
    assert np.array_equal(sheet[top + 214 : top + 214 + 192, left : left + 256], below)
    assert (flat == 255).all(1).mean() > 0.05
    others = pattern_sheet([found], replace(streets, drawn=False))
    assert others.height == sheet.shape[0] - 214
    assert pattern_sheet([measured(tmp_path, "signs", images())], datasets.get("signs")) is None


def test_results_survive_their_file(tmp_path):
    for found in (images(), scenes()):
        found.save(tmp_path)
        assert Results.load(tmp_path) == found


@pytest.mark.parametrize(
    ("epsilons", "words"),
    [((8, 16), "--epsilon 8 --epsilon 16"), (AttackSuite().epsilons, None)],
)
def test_the_command_that_measured_names_the_epsilons_of_a_part(tmp_path, epsilons, words):
    folder = tmp_path / "signs" / "standard"
    store.save(folder, create("resnet8/8", 12), {
        "architecture": "resnet8/8", "data": "signs", "classes": list(datasets.get("signs").classes),
        "recipe": vars(Recipe(data="signs")), "source": "here", "training_images": 7, "seconds": 1.0, "finished": "",
        "history": [{"epoch": 1, "loss": 2.0, "seconds": 60.0, "images_per_second": 9.0}],
    })  # fmt: skip
    found = [Measurement("spgd", e, None, 100, 4, 2048, Report(rate(0.5), rate(0.5))) for e in epsilons]
    Results(Report(rate(0.98), rate(0)), tuple(found)).save(folder)
    said, later = measured_by(store.read(folder), tmp_path)
    assert "--steps 100 --images 2048 --targets 0 --seed 4" in said
    assert later is None
    assert re.findall(r"--epsilon.*\d", said) == ([words] if words else [])
    (record,) = training_records([store.read(folder)], tmp_path)
    assert (record["measured by"], record["later steps"]) == (said, None)
    continued = (replace(found[0], steps=140), *found[1:])  # by a later run: not the steps that were asked for
    Results(Report(rate(0.98), rate(0)), continued).save(folder)
    assert measured_by(store.read(folder), tmp_path) == (said, 140)


SHARED = Recipe("signs", "resnet20/32", sigma=0.7, heap=64, epsilon=16, steps=3, epochs=4, learning_rate=0.08)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("signs", epochs=12, label_smoothing=0.1, start="checkpoints/signs/standard"),
        SHARED,
        replace(SHARED, loss_cap=3.0, step_size=0.25, images=200, seed=7, batch_size=64),
        replace(SHARED, heap=SHARED.batch_size, classwise=True),
        replace(SHARED, persist=True, shrink=0.75, step_spread=1.5, norm="frozen", start="checkpoints/signs/standard"),
    ],
    ids=["standard", "shared", "rare settings", "class-wise", "settings beyond the paper"],
)
def test_the_command_of_a_model_gives_its_recipe_and_name_again(recipe, monkeypatch, tmp_path):
    made, run = [], measured(tmp_path / "standard", "signs", images())[0]
    monkeypatch.setattr(train_model, "run", lambda found, root, name, **rest: made.append((found, name)) or run)
    line = command(replace(run, recipe=vars(recipe), folder=tmp_path / "signs" / "standard"), tmp_path)
    program, *words = line.split()
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (program, result.exit_code) == ("plainsight", 0)
    assert made == [(recipe, None if recipe.name == "standard" else "standard")], "a name only where it is another"
