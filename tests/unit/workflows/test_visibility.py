"""How visible the perturbations of a model folder are: measured once, and again where one was replaced."""

import shutil
from dataclasses import replace

import known
import pytest
import torch
from stored import CONFIG

from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import Results
from core.checkpoints.store import ModelFolder
from core.evaluation.perceptibility import JUDGED, Jod, Perceptibility
from core.threat import UNIT
from core.workflows import visibility
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite
from core.workflows.visibility import judge_visibility, unjudged

SUITE = AttackSuite((8, 16), (8,), (Target("class", 1),), (8,), (8,), steps=1, crafting_images=32)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The measured folder, made once for all tests."""
    return tmp_path_factory.mktemp("kept") / "measured"


@pytest.fixture
def measured(folder, kept, tiny_dataset):
    """A folder with perturbations of two strengths and one that breaks the model."""
    if kept.exists():
        return shutil.copytree(kept, folder, dirs_exist_ok=True)
    store.save(folder, known.resnet(), CONFIG)
    results = precompute(ModelFolder(folder), SUITE)
    replace(results, visibility=Perceptibility(0.9, 30.0, 2.0, 96)).save(folder)
    perturbations.save(folder, perturbations.load(folder) | {BREAKING: known.towards(0, 12 * UNIT)})
    shutil.copytree(folder, kept)
    return folder


def judged(folder):
    return {m.key: m.jod for m in Results.load(folder).measurements if m.jod}


def test_attack_and_noise_are_judged_at_every_strength_and_what_breaks_the_model(measured):
    heard = []
    (measured / "model.safetensors").unlink()
    judge_visibility(ModelFolder(measured), heard.append)
    found, broken = judged(measured), Results.load(measured).visibility.jod
    assert set(found) == {"spgd-e8", "spgd-e16", "spgd-e8-t1", "random-signs-e8", "random-signs-e16"}
    for attack in ("spgd", "random-signs"):
        assert 10 > found[f"{attack}-e8"].value > found[f"{attack}-e16"].value
    assert {jod.n for jod in (*found.values(), broken)} == {JUDGED}
    assert heard == [f"Visibility of the perturbation that breaks the model: JOD {broken}"]
    # the stand-in of conftest.py falls by 50 for a mean difference of 1; no picture of the data is clipped by 12/255
    assert broken.value == pytest.approx(10 - 50 * 12 * UNIT, abs=0.01)


def test_what_is_judged_is_not_judged_again(measured, monkeypatch):
    judge_visibility(ModelFolder(measured))
    monkeypatch.setattr(visibility, "judge", lambda *given: pytest.fail("judged again"))
    judge_visibility(ModelFolder(measured))
    assert unjudged(ModelFolder(measured)) == []


def test_a_replaced_perturbation_and_other_viewing_conditions_are_judged_anew(measured):
    judge_visibility(ModelFolder(measured))
    before = judged(measured)
    precompute(ModelFolder(measured), replace(SUITE, only=(16,), steps=2))
    assert [m.key for m in unjudged(ModelFolder(measured))] == ["spgd-e16"]
    results = Results.load(measured)
    far = replace(results.find("spgd", 8), jod=Jod(9.0, 8.5, 9.5, 16, "a phone"))
    kept = [far if m.key == far.key else m for m in results.measurements]
    replace(results, measurements=tuple(kept)).save(measured)
    judge_visibility(ModelFolder(measured))
    assert judged(measured)["spgd-e8"] == before["spgd-e8"]


def test_without_the_library_nothing_changes_and_the_command_is_told(measured, monkeypatch):
    monkeypatch.setattr(visibility, "jod_available", lambda: False)
    before, heard = (measured / "results.json").read_bytes(), []
    judge_visibility(ModelFolder(measured), heard.append)
    assert heard == ["JOD is not measured, since ColorVideoVDP is not installed; run: make env-jod"]
    assert (measured / "results.json").read_bytes() == before


def test_grey_pictures_have_no_jod(measured, tiny_dataset, monkeypatch):
    monkeypatch.setattr(visibility, "spaced", lambda split, n: torch.zeros(n, 1, 12, 12))
    judge_visibility(ModelFolder(measured))
    assert judged(measured) == {}
