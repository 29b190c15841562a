"""Records, the CSV files and the searchable page: every model, every number, nothing else."""

import csv
import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from core import datasets
from core.checkpoints import store
from core.checkpoints.results import Assessment, Measurement, Results
from core.evaluation.perceptibility import Jod, Perceptibility
from core.evaluation.report import Rate, Report
from core.reports import records
from core.reports.searchable_page import RecordTable, searchable_page
from core.robustness.result import Point, Robustness
from core.robustness.risks import RiskLevel, Risks

ROOT = Path("checkpoints")


def model(name, heap=0, breaks=12.0):
    """A model that breaks at so many 255ths (None: not up to 64), with one stored attack."""
    top = breaks or 64.0
    curve = [(0.0, 900), (top - 0.25, 300), (top, 240 if breaks else 300), *([(top + 1, 150)] if breaks else [])]
    points = tuple(Point(e, Report(Rate(right, 1000), Rate(0, 1000)), 2, 40) for e, right in curve)
    found = Robustness(0.75, 0.25, breaks, points, 2048, 0)
    levels = (("expected", 0, 900), ("universal", 0, 800), ("heap", 8, 700), ("adversarial", 1, 100))
    risks = Risks(
        8, tuple(RiskLevel(kind, s, 1.0, (0.9, 1.1), Rate(right, 1000)) for kind, s, right in levels), 20, 1, 0
    )
    attack = Measurement("spgd", 8, None, 100, 3, 2048, Report(Rate(500, 1000), Rate(0, 1000)))
    recipe = {"sigma": 0.5 if heap else 0.0, "heap": heap or 1, "epsilon": 16, "seed": 2}
    checkpoint = store.Checkpoint(
        ROOT / "signs" / name, "resnet20", "signs", datasets.get("signs").classes, "0" * 64, recipe
    )
    assessed = Assessment({"standard": "0123456789ab"}, 5)
    seen = Perceptibility(0.7, 30.0, 5.04, 200, Jod(6.512, 6.2, 6.8, 16))
    clean = Report(Rate(900, 1000), Rate(0, 1000))
    return checkpoint, Results(clean, (attack,), {}, found, risks, seen, assessment=assessed)


def rows(found):
    return list(csv.DictReader(io.StringIO(records.csv_text(found))))


def test_a_model_is_one_row_with_every_number_and_its_interval():
    (row,) = rows(records.model_records({"signs": [model("shared-s64-e16-w0.5", 64)]}, ROOT))
    expected = {
        "folder": "signs/shared-s64-e16-w0.5", "heap": "64", "training_epsilon_255": "16", "sigma": "0.5", "seed": "2",
        "clean_accuracy": "90.0", "clean_accuracy_low": "88.0", "clean_accuracy_high": "91.7",
        "clean_accuracy_n": "1000",
        "minimum_breaking_epsilon_255": "12", "minimum_breaking_epsilon_255_low": "11.75",
        "minimum_breaking_epsilon_255_high": "13", "minimum_breaking_epsilon_255_broken": "yes",
        "largest_measured_epsilon_255": "13", "risk_epsilon_255": "8", "no_perturbation": "90.0",
        "one_for_all_images": "80.0", "one_for_8_images": "70.0", "one_for_each_image": "10.0", "ssim": "0.700",
        "jod": "6.51", "jod_low": "6.20", "jod_high": "6.80", "jod_n": "16",
        "colour_difference": "5.0", "perceptibility_n": "200", "searched_epsilons": "3",
        "tries": "8", "steps": "160", "donor_models": "1", "crafting_images": "2048", "search_n": "1000",
        "replaced_by_a_stronger_one": "5",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    names = list(row)
    assert names[names.index("clean_accuracy") :][:4] == [f"clean_accuracy{end}" for end in ("", "_low", "_high", "_n")]


def test_a_model_that_nothing_broke_has_no_upper_end():
    (row,) = rows(records.model_records({"signs": [model("standard", breaks=None)]}, ROOT))
    assert row["minimum_breaking_epsilon_255_broken"] == "no"
    assert (row["minimum_breaking_epsilon_255"], row["minimum_breaking_epsilon_255_high"]) == ("64", "")
    assert row["heap"] == row["sigma"] == row["training_epsilon_255"] == ""


def test_every_model_and_every_attack_has_a_row_however_many_there_are():
    group = [model(f"model-{number}") for number in range(40)]
    assert [row["folder"] for row in rows(records.model_records({"signs": group}, ROOT))] == [
        f"signs/model-{number}" for number in range(40)
    ]
    attacks = rows(records.attack_records({"signs": group}, ROOT))
    assert len(attacks) == 40
    assert {(row["attack"], row["epsilon_255"], row["accuracy"]) for row in attacks} == {("S-PGD", "8", "50.0")}


def test_what_was_not_measured_is_empty():
    checkpoint, results = model("standard")
    bare = replace(results, robustness=None, risks=None, visibility=None)
    first, second = rows(records.model_records({"signs": [(checkpoint, results), (checkpoint, bare)]}, ROOT))
    assert first.keys() == second.keys()
    assert {second[name] for name in ("minimum_breaking_epsilon_255", "one_for_each_image", "ssim", "tries")} == {""}


def test_a_rate_without_anything_to_count_has_only_its_n():
    (row, _) = rows([{"accuracy (%)": Rate(0, 0)}, {"accuracy (%)": Rate(1, 2)}])
    assert row == {"accuracy": "", "accuracy_low": "", "accuracy_high": "", "accuracy_n": "0"}


def test_the_curve_has_a_column_for_every_epsilon():
    (record,) = records.curve_records({"signs": [model("standard")]}, ROOT)
    assert [records.text(record[name]) for name in ("attack", "clean", "8/255")] == [
        "S-PGD", "90.0 [88.0, 91.7]", "50.0 [46.9, 53.1]",
    ]  # fmt: skip


def test_the_searchable_page_holds_every_record_and_nothing_from_elsewhere():
    found = [{"model": f"<m{number}>", "epsilon (/255)": number} for number in range(40)]
    page = searchable_page([RecordTable("Models", "All.", found), RecordTable("Nothing", "", [])])
    cells = re.findall(r"<td>(.*?)</td>", page)
    assert [unescape(cell) for cell in cells] == [text for n in range(40) for text in (f"<m{n}>", str(n))]
    assert page.count("<section") == page.count("<option") == 1
    assert not re.search("<script|http", page)
    html = page[page.index("<div id") :].strip()
    assert "\n\n" not in html, "a blank line would end the block of HTML in Markdown"


def test_the_searchable_page_shows_the_named_columns_that_hold_something():
    found = [{"model": "a", "empty": None, "hidden": 1, "n": 2}]
    page = searchable_page([RecordTable("Models", "", found, ["model", "empty", "n"])])
    assert re.findall(r"<button[^>]*>(.*?)</button>", page) == ["model", "n"]


@pytest.mark.parametrize(("cell", "text"), [(None, ""), (8, "8"), (8.0, "8"), ("a", "a")])
def test_cells_as_text(cell, text):
    assert records.text(cell) == text
