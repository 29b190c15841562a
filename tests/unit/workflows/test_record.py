"""Recording how a perturbation forms: which frames there are, and that they are what the attack gives."""

from itertools import pairwise

import pytest
import torch
from typer.testing import CliRunner

from core.__main__ import app
from core.attacks.spgd import SPGD
from core.checkpoints import replay, store
from core.checkpoints.store import ModelFolder
from core.evaluation.report import evaluate
from core.threat import Budget
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite
from core.workflows.replay import record, shown_steps

SUITE = AttackSuite((8, 16), (), (), (), (), steps=6, batch_size=16, crafting_images=32)


@pytest.mark.parametrize(("steps", "frames"), [(120, 40), (6, 6), (5, 1), (200, 199)])
def test_frames_begin_at_the_start_end_at_the_last_step_and_grow_apart(steps, frames):
    found = shown_steps(steps, frames)
    assert (found[0], found[-1], len(found)) == (0, steps, frames + 1)
    assert all(one < other for one, other in pairwise(found))


def test_every_frame_is_a_step_of_the_attack_measured_as_stored(folder, tiny_dataset):
    heard = []
    found = record(ModelFolder(folder), SUITE, epsilon=16, frames=3, report=lambda step, rate: heard.append(step))
    assert found.steps == tuple(heard) == shown_steps(6, 3)
    again, model = replay.load(folder), store.load(folder)
    assert torch.equal(again.deltas, found.deltas)
    assert again.sha256 == store.read(folder).sha256
    for delta, rate in zip(again.deltas, again.accuracy, strict=True):
        assert evaluate(model, tiny_dataset.split("test"), delta[None]).accuracy == rate
    attack = SPGD(Budget.from_255(16), steps=6, batch_size=16)
    start = Budget.from_255(16).random_start((1, 3, 12, 12), torch.Generator().manual_seed(0))
    last = attack.craft(model, tiny_dataset.split("train", 32), start)
    assert (255 * (again.deltas[-1:] - last)).abs().max() <= 1


def test_the_strength_is_the_one_that_the_first_screen_shows(folder, tiny_dataset, monkeypatch):
    with pytest.raises(ValueError, match="run plainsight precompute first, or give --epsilon"):
        record(ModelFolder(folder), SUITE, frames=2)
    weak, strong = precompute(ModelFolder(folder), SUITE).curve()
    assert weak.report.accuracy.value > strong.report.accuracy.value
    for found, fraction in ((weak, 0.0), (strong, 1 - strong.report.accuracy.value), (strong, 1.0)):
        monkeypatch.setattr("core.workflows.replay.WRONG", fraction)
        assert record(ModelFolder(folder), SUITE, frames=2).epsilon == found.epsilon


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--frames", "0"], "120 steps have 1 to 120 frames, and 0 were asked for"),
        (["--steps", "5"], "5 steps have 1 to 5 frames, and 40 were asked for"),
        (["--epsilon", "0"], "The epsilon of a replay is 1 to 127"),
        (["--epsilon", "0.03"], "which looks like a fraction"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(folder, tiny_dataset, options, words):
    result = CliRunner().invoke(app, ["replay", str(folder), "--device", "cpu", *options])
    assert result.exit_code
    assert words in f"{result.exception} {result.output}"
    assert not (folder / replay.FILE).exists()


def test_the_command_tells_what_it_stored(folder, tiny_dataset):
    words = ["--device", "cpu", "--epsilon", "16", "--steps", "3", "--frames", "2", "--images", "32"]
    result = CliRunner().invoke(app, ["replay", str(folder), *words])
    assert result.exit_code == 0, result.output
    assert "3 frames at 16/255: accuracy " in result.output
