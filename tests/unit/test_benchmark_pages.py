"""Pages that benchmarks write: what they say follows from the JSON files."""

import json
import re
from pathlib import Path

from benchmarks import certificates, hardening_cost, hardening_recipe
from core.evaluation.report import Rate, Report
from core.robustness.result import Point, Robustness
from core.training.recipe import Recipe

ROOT = Path(__file__).parents[2]


def searched(epsilon):
    """A search that found the model holding up to one unit below `epsilon` and broken there."""
    points = ((0.0, 977), (epsilon - 1, 300), (epsilon, 240), (epsilon + 1, 150))
    curve = tuple(Point(at, Report(Rate(right, 1000), Rate(0, 1000)), 1, 40) for at, right in points)
    return Robustness(0.75, 0.5, epsilon, curve, 1024, 0).to_json()


def cell(way, heap, epsilon, judged):
    about = {"data": "signs", "start": "checkpoints/signs/standard", "images": 4000, "epochs": 3, "batch_size": 64}
    about |= {"learning_rate": 0.05, "seed": 0, "noise": {"8": 0.002, "16": 0.0034}, "tried": 5}
    about |= {"clean": {"value": 0.977, "n": 1000}, "random": searched(30.0), "judged": searched(judged)}
    return about | {"way": way, "heap": heap, "epsilon": epsilon}


def test_the_page_on_cheaper_training_is_what_its_file_gives():
    record = json.loads((ROOT / "benchmarks" / "results" / "hardening_cost.json").read_text(encoding="utf-8"))
    written = (ROOT / "docs" / "explanation" / "cheaper-training.md").read_text(encoding="utf-8")
    assert hardening_cost.page(record) == written


def test_the_page_on_certificates_is_what_its_file_gives():
    record = json.loads((ROOT / "benchmarks" / "results" / "certificates.json").read_text(encoding="utf-8"))
    written = (ROOT / "docs" / "explanation" / "certificate.md").read_text(encoding="utf-8")
    assert certificates.document(record) == written
    for entry in record["models"]:
        floor, each, attacked = (entry[name]["value"] for name in ("floor", "each", "attacked"))
        assert each <= floor <= attacked


def test_the_page_on_the_recipe_has_a_row_for_every_run():
    cells = [cell("the paper's", 64, 16.0, 28.0), cell("random sizes", 1, 4.0, 24.5)]
    page = hardening_recipe.document({"cells": cells})
    rows = re.findall(r"^\| heap .*", page, re.MULTILINE)
    assert rows[0].startswith("| heap 64, epsilon 16/255 | the paper's | 97.7 | 0.2 | 0.3 | 30 | 28 [")
    assert rows[1].startswith("| heap 1, epsilon 4/255 | random sizes | 97.7 | 0.2 | 0.3 | 30 | 24.5 [")
    assert len(rows) == 2
    assert "what broke up to 5 other models" in page
    assert "1,000 held-out images" in page


def test_by_default_every_change_is_tried_alone_on_every_run():
    base = Recipe("signs", sigma=0.5, epsilon=8, start="somewhere", batch_size=64)
    runs = hardening_recipe.plan(base, [*hardening_recipe.WAYS], hardening_recipe.RUNS)
    assert len({run.file(Path(), "trained.json") for run in runs}) == len(runs) == 8 * 6
    assert [run.recipe.heap for run in runs[:9]] == [64] * 8 + [1]
