"""Numbers, names and files that do not fit are refused in one sentence, and none that is not finite comes in or out."""

import json
import math
import pkgutil
import sys
import typing
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from linear import Linear, grey_pictures
from rich.console import Console
from rich.table import Table
from stored import class_folders
from tiny_training import ON_CPU, SHARED, tiny_split
from torch import nn

from core import files
from core.__main__ import COMMANDS, main
from core.attacks.deepfool import DeepFool
from core.attacks.objectives import Untargeted
from core.attacks.pgd import PGD
from core.attacks.spgd import SPGD
from core.attacks.targets import Target
from core.checkpoints import store
from core.cli import console, options, output
from core.datasets import Dataset, Split
from core.datasets.labels import IGNORE
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate, Report
from core.evaluation.segmentation import SceneRate, fraction
from core.files import FileError
from core.models.normalised import Normalised
from core.models.registry import create
from core.numbers import units_of_255
from core.reports.markdown import percent
from core.robustness.risks import measure_risks
from core.robustness.search import Search
from core.threat import Budget
from core.training import loop
from core.training.recipe import Recipe
from core.workflows import assess, train_model
from core.workflows.protocol import AttackSuite

ODD = "[x] :car: [/y]"
"""A folder's name that rich would take for a style, a picture, and the end of a style that never began."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model folder with an odd name, of random weights, for 8x8 pictures of classes with odd names."""
    folder = tmp_path_factory.mktemp("odd") / ODD
    images = class_folders(folder / "images", 4, 4, ("[bold]", "dark"), side=8)
    config = {"architecture": "resnet8/8", "data": f"folder:{images}", "classes": ["[bold]", "dark"]}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        store.save(folder / "m", create("resnet8/8", 2), config)
    return folder / "m"


@pytest.fixture
def say(monkeypatch, capsys, tmp_path):
    """What a command says on both streams, and its exit status; no traceback gets out of `main`."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["core", *map(str, words)])
        monkeypatch.chdir(tmp_path)
        status = 0
        try:
            main()
        except SystemExit as stopped:
            status = stopped.code
        return status, *capsys.readouterr()

    return run


def words(command, model):
    """A command that would run, were nothing wrong with what is added."""
    data = ["--data", store.read(model).data, "--arch", "resnet8/8"]
    few = ["--steps", "1", "--device", "cpu"]
    return {
        "train": ["train", *data, "--sigma", "0.5", "--heap", "1"],
        "sweep": ["sweep", *data, "--no-measure"],
        "evaluate": ["evaluate", model],
        "convert": ["convert", *data, "--weights", f"{model}/model.safetensors"],
        "campaign": ["campaign", str(store.default_root().parent / "campaign.toml")],
        "risks": ["risks", model, "--heap", "2", "--universal-steps", "1", *few],
    }.get(command, [command, model, *few])


# ---------------------------------------------------------------------------------------------------------------------
# Numbers


def numbers():
    """(command, option, value that cannot be meant) for every option that takes a number, read off the commands."""
    for command in COMMANDS:
        function = pkgutil.resolve_name(f"core.cli.{command}:{command}")
        for name, hint in typing.get_type_hints(function, include_extras=True).items():
            if name == "return" or not hasattr(hint, "__metadata__"):
                continue
            kind, declared = str(typing.get_args(hint)[0]), getattr(hint.__metadata__[0], "param_decls", None) or ()
            option = next((word for word in declared if word.startswith("--")), f"--{name.replace('_', '-')}")
            if "float" in kind:
                yield from ((command, option, value) for value in ("nan", "inf", "-1"))
            elif "int" in kind:
                yield command, option, "-1"


@pytest.mark.parametrize(("command", "option", "value"), list(numbers()))
def test_no_option_takes_a_number_that_cannot_be_meant(command, option, value, model, say):
    status, _, said = say(*words(command, model), option, value)
    assert status == 2
    assert said.count("Error") == 1, said
    assert "nan" in said if value == "nan" else value in said or "greater than or equal to" in said or "x>=" in said


def test_there_are_options_that_take_numbers():
    assert {command for command, _, _ in numbers()} >= {
        "train",
        "sweep",
        "attack",
        "robustness",
        "risks",
        "precompute",
    }
    assert ("risks", "--epsilon", "nan") in numbers()
    assert ("attack", "--held-out", "-1") in numbers()


@pytest.mark.parametrize(
    ("command", "option", "fits"),
    [
        ("train", "--epsilon", "numbers from 0 to 255"),
        ("sweep", "--epsilon", "numbers from 0 to 255"),
        ("risks", "--epsilon", "numbers from 0 to 255"),
        ("robustness", "--first", "numbers from 0 to 255"),
        ("robustness", "--highest", "numbers from 0 to 255"),
        ("attack", "--epsilon", "whole numbers from 0 to 127"),
        ("precompute", "--epsilon", "whole numbers from 0 to 127"),
    ],
)
def test_a_fraction_in_place_of_units_is_refused(command, option, fits, model, say):
    _, _, said = say(*words(command, model), option, "0.03")
    told = f"{option} takes {fits} (n/255), and 0.03 was given, which looks like a fraction: 8/255 is {option} 8."
    assert said.strip() == f"Error: {told}"
    _, _, said = say(*words(command, model), option, "256")
    assert said.strip() == f"Error: {option} takes {fits} (n/255), and 256 was given."


def test_a_fraction_in_the_name_of_a_run_is_refused(model, say):
    _, _, said = say(*words("sweep", model), "--run", "s64-e0.03-w0.5")
    assert "s64-e0.03-w0.5: e takes numbers from 0 to 255 (n/255), and 0.03 was given, which looks like" in said


@pytest.mark.parametrize("value", [0, 1, 1.5, 127, 255])
def test_units_of_255_are_taken(value):
    units_of_255(value)


NAN = [
    *(
        lambda name=name: Recipe("tiny", **{name: math.nan})
        for name in typing.get_type_hints(Recipe)
        if typing.get_type_hints(Recipe)[name] is float
    ),
    *(lambda name=name: Search(**{name: math.nan}) for name in ("level", "first", "highest", "tolerance")),
    lambda: Budget(math.nan),
    lambda: Budget(math.inf),
    lambda: PGD(Budget(0.1), step_size=math.nan),
    lambda: PGD(Budget(0.1), steps=math.nan),
    lambda: SPGD(Budget(0.1), steps=math.nan),
    lambda: SPGD(Budget(0.1), step_size=math.nan),
    lambda: SPGD(Budget(0.1), momentum=math.nan),
    lambda: SPGD(Budget(0.1), batch_size=math.nan),
    lambda: DeepFool(Budget(0.1), overshoot=math.nan),
    lambda: DeepFool(Budget(0.1), rounds=math.nan),
    lambda: Untargeted(math.nan),
    lambda: units_of_255(math.nan),
]


@pytest.mark.parametrize("make", NAN)
def test_the_python_interface_takes_no_nan(make):
    with pytest.raises(ValueError, match=r"nan|inf"):
        make()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"step_size": 0.0}, "step_size must be above 0, and 0.0"),
        ({"loss_cap": math.inf}, "loss_cap must be above 0, and inf"),
        ({"learning_rate": math.inf}, "learning_rate must be above 0, and inf"),
        ({"shrink": 1.1}, "shrink must lie between 0 and 1, and 1.1"),
        ({"step_spread": -1}, "step_spread must lie between 0 and 8 octaves, and -1"),
        ({"step_spread": math.nan}, "step_spread must lie between 0 and 8 octaves, and nan"),
        ({"jacobian": math.nan}, "The weight of the Jacobian is at least 0 and finite, and nan"),
        (
            {"classwise": True, "sigma": 0.5, "epsilon": 8.0, "heap": 64},
            "mini-batch of 128 images, and a heap of 64",
        ),
        ({"norm": "joint"}, "norm is one of separate, frozen, and 'joint'"),
        ({"norm": "frozen"}, "Frozen batch norms need trained weights"),
        ({"images": 0}, "images must be at least 1, and 0"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": 2**32}, "and 4294967296 was given"),
    ],
)
def test_recipes_that_no_training_can_follow_are_named(settings, says):
    with pytest.raises(ValueError, match=says):
        Recipe("tiny", **settings)


def test_a_search_is_not_asked_for_more_than_numbers_can_tell():
    with pytest.raises(ValueError, match=r"rise from 0.001/255 to 255/255"):
        Search(tolerance=5e-324)


@pytest.mark.parametrize(
    ("classes", "targets", "aims"),
    [("abcd", 0, ()), ("abcd", 4, (0, 1, 2, 3)), ("abcd", None, (0, 1, 2)), ("ab", None, (0, 1))],
)
def test_classes_are_aimed_at_as_far_as_there_are_any(classes, targets, aims):
    data = Dataset("few", "Few", "classification", tuple(classes), (8, 8), "", _pictures)
    assert AttackSuite.standard(data, targets).targets == tuple(Target("class", aim) for aim in aims)
    for bad in (-1, len(classes) + 1):
        with pytest.raises(ValueError, match=f"few has 0 to {len(classes)} targets to aim at, and {bad} were given"):
            AttackSuite.standard(data, bad)


@pytest.mark.parametrize(
    ("sizes", "restarts", "says"), [((5, 0), 1, "5, 0 were given"), ((2,), -1, "restarts must be at least 0, and -1")]
)
def test_risks_have_heaps_and_tries(sizes, restarts, says):
    with pytest.raises(ValueError, match=says):
        measure_risks(
            Evaluator(Linear(), grey_pictures(0, 8)),
            torch.zeros(1, 3, 4, 4),
            epsilon=8,
            sizes=sizes,
            steps=1,
            restarts=restarts,
        )


# ---------------------------------------------------------------------------------------------------------------------
# Names


@pytest.mark.parametrize("name", ["../up", "a/b", "..", ".", "", ".hidden", "a b", "[x]"])
def test_a_model_folder_stays_where_it_belongs(name, tmp_path):
    with pytest.raises(ValueError, match=r"made of letters, digits, dots, - and _, and '.*' was given"):
        train_model.run(Recipe("signs"), tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("command", "more", "says"),
    [
        ("train", ["--root", "FILE"], "FILE/folder"),
        ("attack", ["--save", "FILE"], "FILE: File exists"),
        ("attack", ["--save", "FILE/deeper"], "FILE/deeper: Not a directory"),
        ("train", ["--device", "meta"], "'meta' is not available here"),
        ("sweep", ["--device", "abacus"], "'abacus' is not available here"),
        ("train", ["--data", "nope"], "no data set named 'nope'"),
        ("sweep", ["--data", "nope"], "no data set named 'nope'"),
    ],
)
def test_what_is_not_there_is_told_before_the_work(command, more, says, model, say, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(train_model, "train", None)
    monkeypatch.setattr(SPGD, "stream", None)
    more = [word.replace("FILE", str(tmp_path / "file")) for word in more]
    status, _, said = say(*words(command, model), *more)
    assert status == 2
    assert says.replace("FILE", str(tmp_path / "file")) in said
    assert said.count("Error:") == 1


def test_brackets_and_colons_are_printed_as_they_are(model, say):
    status, told, _ = say("evaluate", model, "--device", "cpu")
    assert status == 0
    folder = model.parent
    _, _, said = say("evaluate", folder)
    assert f"{folder}/config.json is missing" in said
    _, _, said = say("attack", model, "--target", "[green]", "--device", "cpu")
    assert "[bold], dark, and '[green]' was given" in said
    _, told, _ = say("models", "--root", folder / "[nothing]")
    assert told == f"There are no model folders under {folder / '[nothing]'}.\n", (
        "in one line, so that it can be copied"
    )
    _, _, said = say("evaluate", model, "too", "[/many]")
    assert "[/many]" in said


def test_tables_and_bars_print_names_as_they_are():
    stream = StringIO()
    printer = Console(**console.PLAIN, file=stream, width=200)
    table = Table(f"head {ODD}", box=None)
    table.add_row(f"cell {ODD}")
    printer.print(table)
    with console.progress_bar("{task.fields[last]}") as bar:
        bar.add_task(f"task {ODD}", total=1, last=f"field {ODD}")
        printer.print(bar.get_renderable())
    assert all(f"{part} {ODD}" in stream.getvalue() for part in ("head", "cell", "task", "field"))
    assert not any(stream._markup or stream._emoji for stream in (console.out, console.err))


# ---------------------------------------------------------------------------------------------------------------------
# Nothing to count


def strict(text):
    """JSON as a strict parser reads it."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


NOTHING = Report(Rate(0, 0), fraction(*torch.zeros(2, 2, 3, 3, dtype=torch.bool)))


def test_a_rate_of_nothing_is_null_and_comes_back(capsys):
    assert [rate["value"] for rate in NOTHING.to_json().values()] == [None, None]
    output.print_json({"report": NOTHING.to_json(), "loss": math.nan, "list": [(math.inf,), 1.5]})
    found = strict(capsys.readouterr().out)
    assert (found["loss"], found["list"]) == (None, [[None], 1.5])
    assert [found["report"][name]["value"] for name in ("accuracy", "fooling")] == [None, None]
    again = Report.from_json(found["report"])
    assert isinstance(again.accuracy, Rate)
    assert isinstance(again.fooling, SceneRate)
    assert all(math.isnan(rate.value) and rate.n == 0 for rate in (again.accuracy, again.fooling))


def test_a_rate_of_nothing_is_told_in_words():
    stream = StringIO()
    Console(file=stream, width=200).print(output.rates(NOTHING))
    assert stream.getvalue().count("nothing to count") == 2
    assert "nan" not in stream.getvalue()
    assert percent(NOTHING.accuracy) == "nothing to count"


def test_files_hold_no_number_that_is_not_finite(tmp_path):
    files.write_json(tmp_path / "x.json", {"a": [math.nan, 1.0], "b": {"c": -math.inf}})
    assert strict((tmp_path / "x.json").read_text()) == {"a": [None, 1.0], "b": {"c": None}}
    assert files.read_json(tmp_path / "x.json") == {"a": [None, 1.0], "b": {"c": None}}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_that_is_not_finite_is_read(value, tmp_path):
    (tmp_path / "x.json").write_text(f'{{"a": [{value}]}}')
    with pytest.raises(FileError, match=rf"x\.json is not JSON: the number {value} is not finite"):
        files.read_json(tmp_path / "x.json")


def test_json_is_read_with_the_mark_that_windows_puts_before_it_and_is_not_bottomless(tmp_path):
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert files.read_json(tmp_path / "x.json") == {"a": 1}
    (tmp_path / "x.json").write_text('{"a":' + "[" * 200_000)
    with pytest.raises(FileError, match="is not JSON"):
        files.read_json(tmp_path / "x.json")


def test_scenes_without_a_label_have_no_risk():
    void = Split(_scenes(4).images, torch.full((4, 8, 8), IGNORE, dtype=torch.uint8))
    with pytest.raises(ValueError, match="There is nothing to count: no pixel of the held-out scenes has a class"):
        measure_risks(Evaluator(nn.Conv2d(3, 2, 1), void), torch.zeros(1, 3, 8, 8), epsilon=8, sizes=(2,), steps=1)


def test_shipped_results_hold_finite_numbers_only():
    root = Path(__file__).parents[3] / "checkpoints"
    read = [files.read_json(path) for path in root.rglob("*.json")]
    assert len(read) >= 2 * len(store.find(root)) > 0


# ---------------------------------------------------------------------------------------------------------------------
# What was crafted is kept


def test_small_pictures_are_attacked_and_their_visibility_is_told_apart(model, say, tmp_path):
    words = ["attack", model, "--steps", "1", "--device", "cpu", "--save", tmp_path / "out"]
    status, told, _ = say(*words, "--json")
    assert status == 0
    assert strict(told)["perceptibility"] is None
    assert strict((tmp_path / "out" / "report.json").read_text()) == strict(told)
    assert "Visibility cannot be measured on images of 8x8" in say(*words)[1]
    stored = np.load(tmp_path / "out" / "delta.npy")
    assert (stored.shape, stored.dtype) == ((3, 8, 8), np.float32)
    assert np.abs(stored).max() == pytest.approx(10 / 255)
    for name in ("delta.npy", "delta.safetensors"):
        status, told, said = say("evaluate", model, "--delta", tmp_path / "out" / name, "--device", "cpu", "--json")
        assert (status, strict(told)["largest"]) == (0, 10)
        assert "largest value was read as 10/255" in said


def test_what_was_crafted_is_there_though_measuring_it_fails(model, say, tmp_path, monkeypatch):
    def fail(*args, **more):
        raise ValueError("the power went")

    monkeypatch.setattr(Evaluator, "__call__", fail)
    status, _, said = say("attack", model, "--steps", "1", "--device", "cpu", "--save", tmp_path / "out")
    assert (status, "the power went" in said) == (2, True)
    for name in ("delta.npy", "delta.safetensors"):
        assert options.largest(options.read_delta(tmp_path / "out" / name, _pictures(1), None)) == 10


def test_what_broke_a_small_model_is_kept_without_its_visibility():
    assert assess._visibility(_pictures(2), torch.zeros(1, 3, 8, 8)) is None


def test_a_search_goes_on_from_perturbations_of_other_tools(model, say, tmp_path, monkeypatch):
    given = []

    def search(self, *data, starts, **options):
        given.extend(starts)
        raise ValueError("that was enough")

    monkeypatch.setattr(Search, "__call__", search)
    np.save(tmp_path / "units.npy", np.full((8, 8, 3), 6, np.float32))
    np.save(tmp_path / "shares.npy", np.full((3, 8, 8), 0.02, np.float32))
    np.save(tmp_path / "other.npy", np.full((3, 9, 9), 0.02, np.float32))
    words = ["robustness", model, "--device", "cpu", "--start"]
    _, _, said = say(*words, tmp_path / "units.npy", "--start", tmp_path / "shares.npy")
    assert "units.npy: the largest value was read as 6/255" in said
    assert "shares.npy: the largest value was read as 5.1/255" in said
    assert [round(start.max().item(), 6) for start in given] == [round(6 / 255, 6), 0.02]
    assert {tuple(start.shape) for start in given} == {(1, 3, 8, 8)}
    _, _, said = say(*words, tmp_path / "other.npy")
    assert "a perturbation of shape (3, 9, 9), and the images have (3, 8, 8)" in said


def _pictures(n):
    return Split(torch.zeros(n, 3, 8, 8, dtype=torch.uint8), torch.zeros(n, dtype=torch.long))


def _scenes(n):
    """The upper half of each is labelled 0, the lower 1."""
    labels = (torch.arange(8) // 4).to(torch.uint8)[None, :, None].repeat(n, 1, 8)
    return Split(torch.arange(n * 192).reshape(n, 3, 8, 8).remainder(251).to(torch.uint8), labels)


# ---------------------------------------------------------------------------------------------------------------------
# What is left in the last mini-batch


@pytest.mark.parametrize(
    ("images", "size", "processes", "sizes"),
    [
        (10, 4, 1, [4, 4, 2]),
        (9, 4, 1, [4, 4]),  # a single one waits for another epoch
        (8, 4, 1, [4, 4]),
        (1, 4, 1, [1]),  # unless there is no more
        (3, 1, 1, [1, 1, 1]),
        (10, 10**30, 1, [10]),
        (11, 8, 2, [8]),  # one for each process and one that cannot be divided
        (12, 8, 2, [8, 4]),
        (13, 8, 2, [8, 4]),
        (4, 2, 2, [2, 2]),
        (10_000, 128, 1, [128] * 78 + [16]),
    ],
)
def test_mini_batches(images, size, processes, sizes):
    found = loop._batches(torch.arange(images), size, processes)
    assert [len(index) for index in found] == sizes
    assert torch.equal(torch.cat(found), torch.arange(images)[: sum(sizes)])


def pooled():
    """A network that norms pooled pictures: from one image it gets one value a channel, which torch refuses."""
    layers = nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Normalised(nn.Sequential(*layers), (0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_no_training_fails_since_one_image_is_left_over(sigma, tmp_path):
    recipe = Recipe("tiny", sigma=sigma, heap=4, epsilon=2.5, steps=1, epochs=1, batch_size=8, learning_rate=0.01)
    history = loop.train(pooled(), tiny_split(17), recipe, resume=tmp_path / "resume", **ON_CPU)
    assert math.isfinite(history[0]["loss"])


def test_a_single_image_is_too_few_for_batch_norms(tmp_path):
    with pytest.raises(ValueError, match=r"need at least 2 images .* 1 images in mini-batches of 8 give it 1"):
        loop.train(pooled(), tiny_split(1), Recipe("tiny", batch_size=8), resume=tmp_path / "r", **ON_CPU)


def test_scenes_without_a_label_are_not_trained_on(tmp_path):
    images, labels = _scenes(6).images, _scenes(6).labels
    labels[[1, 4]] = IGNORE
    recipe = replace(SHARED, heap=1, batch_size=1, epochs=1)

    def run(split, name):
        model = nn.Conv2d(3, 4, 3, padding=1)
        with torch.no_grad():
            model.weight.fill_(0.1)
            model.bias.zero_()
        loop.train(model, split, recipe, resume=tmp_path / name, **ON_CPU)
        return model.weight

    seen = [0, 2, 3, 5]
    assert torch.equal(run(Split(images, labels), "all"), run(Split(images[seen], labels[seen]), "seen"))
    with pytest.raises(ValueError, match="None of the 6 training scenes has a labelled pixel"):
        run(Split(images, torch.full_like(labels, IGNORE)), "none")
