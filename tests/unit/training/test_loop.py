"""The training loop: what it minimises, that it repeats itself, and that a kill costs nothing."""

import copy
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_training import ON_CPU, SHARED, tiny_network, tiny_split
from torch import nn
from torch.nn.functional import cross_entropy

from core import files
from core.attacks.pgd import PGD
from core.checkpoints import store
from core.datasets import Split
from core.runtime import default_precision
from core.threat import apply
from core.training import resume
from core.training.ascent import Ascent
from core.training.augment import augment
from core.training.loop import Diverged, jump, learning_rate, train
from core.training.recipe import Recipe
from core.training.step import jacobian_norm, update_loss
from core.workflows import train_model


def run(recipe, resume, report=lambda progress: None, split=None, mirror=True):
    model = tiny_network()
    history = train(model, split or tiny_split(), recipe, resume=resume, mirror=mirror, **ON_CPU, report=report)
    return model, history


def same_weights(first, second):
    one, other = first.state_dict(), second.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


def written_out(recipe, split):
    """Training as the paper and the documentation have it, step by step; the weights and the loss of each epoch."""
    model, epsilon = tiny_network().train(recipe.norm != "frozen"), recipe.epsilon / 255
    drawn, n = torch.Generator(), len(split)
    parameters, losses, done = list(model.parameters()), [], 0
    velocities, total = [torch.zeros_like(p) for p in parameters], recipe.epochs * math.ceil(n / recipe.batch_size)
    for epoch in range(recipe.epochs):
        drawn.manual_seed(100_003 * recipe.seed + epoch)
        losses.append([])
        for index in torch.randperm(n, generator=drawn).split(recipe.batch_size):
            images, labels = augment(split.images[index], split.labels[index], True, drawn)
            images, objective = images / 255, partial(cross_entropy, label_smoothing=recipe.label_smoothing)
            if recipe.sigma:
                heaps = 4 if recipe.classwise else len(index) // recipe.heap
                owners = labels if recipe.classwise else torch.arange(len(index)) // recipe.heap
                delta = (2 * torch.rand((heaps, *images.shape[1:]), generator=drawn) - 1) * epsilon
                size, magnitude = recipe.step_size, 1.0
                if recipe.step_spread:
                    between = 2 * torch.rand((heaps, 1, 1, 1), generator=drawn) - 1
                    size = recipe.step_size * 2 ** (recipe.step_spread * between)
                if recipe.shrink:
                    magnitude = 1 - recipe.shrink * (1 - torch.rand((heaps, 1, 1, 1), generator=drawn))
                model.eval()
                for _ in range(recipe.steps):
                    delta.requires_grad_()
                    loss = cross_entropy(model(apply(images, delta[owners])), labels, reduction="none").clamp(
                        max=recipe.loss_cap
                    )
                    (slope,) = torch.autograd.grad(loss.sum(), delta)
                    delta = (delta.detach() + size * epsilon * slope.sign()).clamp(-epsilon, epsilon)
                attacked = apply(images, (magnitude * delta)[owners])
                if recipe.norm is None:
                    attacked, clean = model.train()(torch.cat([attacked, images])).chunk(2)
                elif recipe.norm == "separate":
                    model.train()
                    attacked, clean = model(attacked), model(images)
                else:
                    attacked, clean = model(attacked), model(images)
                loss = recipe.sigma * objective(attacked, labels) + (1 - recipe.sigma) * objective(clean, labels)
            else:
                loss = objective(model(images), labels)
            if recipe.jacobian:
                towards = torch.randn((len(index), 4), generator=drawn)
                towards = towards / towards.norm(dim=1, keepdim=True)
                images.requires_grad_()
                (slope,) = torch.autograd.grad((model(images) * towards).sum(), images, create_graph=True)
                loss = loss + recipe.jacobian / 2 * 4 * slope.square().sum(dim=(1, 2, 3)).mean()
            losses[-1].append(loss.item())
            share = (done + 0.5) / total
            rate = recipe.learning_rate * min(share / recipe.warmup, (1 - share) / (1 - recipe.warmup))
            done += 1
            for p, slope, velocity in zip(parameters, torch.autograd.grad(loss, parameters), velocities, strict=True):
                slope = slope + recipe.weight_decay * p.detach() if p.ndim > 1 else slope
                velocity.mul_(recipe.momentum).add_(slope)
                p.data -= rate * (slope + recipe.momentum * velocity)  # Nesterov
    return model, [sum(each) / len(each) for each in losses]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"label_smoothing": 0.1, "weight_decay": 0.1, "seed": 5, "heap": 2},
        {"shrink": 1.0},
        {"step_spread": 2.0, "shrink": 0.7, "heap": 2},
        {"norm": "separate"},
        {"norm": "frozen", "start": "elsewhere"},
        {"jacobian": 0.3},
        {"classwise": True, "heap": 8, "shrink": 0.5, "step_spread": 1.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("sigma", [0.0, 0.7], ids=["standard", "shared"])
def test_a_run_does_what_is_written(sigma, more, tmp_path):
    """Few steps: what rounds otherwise must not grow into another training."""
    recipe, split, seen = replace(SHARED, sigma=sigma, epochs=3, **more), tiny_split(16), []
    model, history = run(recipe, tmp_path / "resume", seen.append, split)
    expected, losses = written_out(recipe, split)
    assert [epoch["loss"] for epoch in history] == pytest.approx(losses, rel=1e-3)
    assert all(torch.allclose(p, q, atol=1e-3) for p, q in zip(model.parameters(), expected.parameters(), strict=True))
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3]
    assert [(progress.epoch, progress.done, progress.total) for progress in seen] == [
        (1, 2, 6),
        (2, 4, 6),
        (3, 6, 6),
    ]
    assert all(progress.images_per_second > 0 for progress in seen)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_half_precision_trains_on_the_same_loss(sigma, tmp_path):
    """The loss of one update, before trajectories part; it multiplies in 16 bits, and the weights stay in 32."""
    recipe, model, seen = replace(SHARED, sigma=sigma, epochs=1), tiny_network(), set()
    model.register_forward_hook(lambda module, given, logits: seen.add(logits.dtype))
    history = train(
        model, tiny_split(8), recipe, resume=tmp_path / "resume", mirror=True, device="cpu", precision="bf16-mixed"
    )
    _, exact = run(recipe, tmp_path / "other", split=tiny_split(8))
    assert [epoch["loss"] for epoch in history] == pytest.approx([epoch["loss"] for epoch in exact], rel=0.05)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert seen == {torch.bfloat16}


def test_the_norm_of_a_jacobian_is_that_of_its_matrix_on_average():
    """Of a linear model the Jacobian is its matrix; over the pixels of scenes it is counted pixel by pixel."""
    matrix = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    towards = torch.randn(20_000, 5, generator=torch.Generator().manual_seed(1))
    towards = towards / towards.norm(dim=1, keepdim=True)
    layer = nn.Linear(12, 5)
    layer.weight.data.copy_(matrix)
    found = jacobian_norm(layer, torch.rand(20_000, 12), towards)
    assert found.item() == pytest.approx(matrix.square().sum().item(), rel=0.03)
    (slope,) = torch.autograd.grad(found, layer.weight)
    assert torch.allclose(slope, 2 * matrix, rtol=0.2, atol=0.2)


def test_the_seed_decides(tmp_path):
    first, again, other = (run(replace(SHARED, seed=s), tmp_path / f"{i}")[0] for i, s in enumerate((0, 0, 1)))
    assert same_weights(first, again)
    assert not same_weights(first, other)


# ---------------------------------------------------------------------------------------------------------------------
# Kill and resume

LONG = replace(SHARED, batch_size=2, heap=2, steps=1)
LONG_SPLIT = tiny_split(44)  # 22 batches an epoch, told after 20 and 22 of them
run_long = partial(run, LONG, split=LONG_SPLIT)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def never_killed(tmp_path_factory):
    return run_long(tmp_path_factory.mktemp("whole") / "resume")


@pytest.mark.parametrize("deaths", [[1], [3], [4], [6], [2, 1, 1, 2]], ids=str)
def test_a_run_that_died_and_goes_on_ends_with_the_same_weights(deaths, never_killed, tmp_path):
    """Each number is how many reports a life lasts; reports come mid-epoch, and at its end before it is saved."""
    for reports in deaths:
        seen = []

        def die(progress, seen=seen, reports=reports):
            seen.append(progress)
            if len(seen) == reports:
                raise Killed

        with pytest.raises(Killed):
            run_long(tmp_path / "resume", die)
    model, history = run_long(tmp_path / "resume")
    assert same_weights(model, never_killed[0])
    assert [epoch["loss"] for epoch in history] == [epoch["loss"] for epoch in never_killed[1]]


PROGRAM = """
import sys, time, torch
sys.path[:0] = {folders!r}
torch.set_num_threads({threads})
import test_loop as t
seen = []
def report(progress):
    seen.append(progress)
    print(len(seen), flush=True)
    if len(seen) == 5:
        time.sleep(600)
t.run_long(t.Path({resume!r}), report)
"""


@pytest.mark.slow
def test_a_run_killed_by_the_system_goes_on_and_ends_with_the_same_weights(never_killed, tmp_path):
    here, resume = Path(__file__).parent, tmp_path / "resume"
    program = PROGRAM.format(
        folders=[str(here), *map(str, here.parents[:3])], threads=torch.get_num_threads(), resume=str(resume)
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ}) as process:
        for line in process.stdout:
            if line.strip() == b"3":  # in the second of three epochs
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    assert resume.is_file()
    reports = []
    model, _ = run_long(resume, reports.append)
    assert reports[0].epoch == 2
    assert same_weights(model, never_killed[0])


@pytest.mark.parametrize(
    ("losses", "says"),
    [
        ([0.64, 0.49, 0.46, 1.82, 0.99, 2.5], "the loss jumped from 0.460 to 1.820 in epoch 4"),
        ([0.54, 0.42, 0.5, 0.83, 0.4], ""),
        ([0.4, 0.7, 0.9, 0.5], "the loss jumped from 0.400 to 0.900 in epoch 3"),
        ([2.0], ""),
        ([], ""),
    ],
)
def test_a_training_that_lost_what_it_had_is_told_from_one_that_wavers(losses, says):
    assert jump([{"epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses, 1)]) == says


def test_a_finished_run_is_not_trained_again(tmp_path):
    first, history = run(SHARED, tmp_path / "resume")
    again, same_history = run(SHARED, tmp_path / "resume", lambda progress: pytest.fail("it trained"))
    assert same_weights(first, again)
    assert same_history == history
    assert not again.training


def test_another_recipe_does_not_go_on_from_this_state(tmp_path):
    run(SHARED, tmp_path / "resume")
    with pytest.raises(files.FileError, match="other settings; delete it or choose another folder"):
        run(replace(SHARED, sigma=0.7), tmp_path / "resume")
    with pytest.raises(files.FileError, match="other settings"):  # the weights of A are not B
        train(
            tiny_network(),
            tiny_split(),
            SHARED,
            resume=tmp_path / "resume",
            mirror=True,
            **ON_CPU,
            started_from="b" * 64,
        )


def test_a_state_from_before_a_setting_existed_goes_on(tmp_path):
    first, _ = run(SHARED, tmp_path / "resume")
    tensors, about = files.read_tensors(tmp_path / "resume"), files.read_metadata(tmp_path / "resume")
    settings = json.loads(about["config"])
    for config, fits in [
        ({key: value for key, value in settings.items() if key != "classwise"}, True),
        ({key: value for key, value in settings.items() if key != "data"}, False),
        (None, False),
    ]:
        files.write_tensors(tmp_path / "resume", tensors, files.sealed(tensors, about | {"config": json.dumps(config)}))
        if not fits:
            with pytest.raises(files.FileError, match="other settings"):
                run(SHARED, tmp_path / "resume")
            continue
        again, _ = run(SHARED, tmp_path / "resume", lambda progress: pytest.fail("it trained"))
        assert same_weights(first, again)


# ---------------------------------------------------------------------------------------------------------------------
# What is minimised


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_sigma_times_attacked_plus_the_rest_times_clean(sigma, smoothing):
    recipe = replace(SHARED, sigma=sigma, label_smoothing=smoothing)
    model, (images, labels) = tiny_network(norm=False), tiny_split().batch(slice(8))
    ascent, delta = Ascent(recipe), None
    if sigma:
        _, delta = ascent(model, images, labels, **ascent.draw(images, torch.Generator().manual_seed(3)))
    found = update_loss(model, images, labels, delta, recipe)
    expected = (1 - sigma) * cross_entropy(model(images), labels, label_smoothing=smoothing)
    if sigma:
        delta = recipe.attack(model, images, labels, generator=torch.Generator().manual_seed(3))
        attacked = model(apply(images, delta))
        expected = expected + sigma * cross_entropy(attacked, labels, label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    found.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(("heap", "deltas"), [(1, 8), (4, 2), (8, 1)])
def test_the_heap_decides_how_many_deltas_a_batch_gets(heap, deltas, monkeypatch):
    shapes, call = [], PGD.__call__

    def spy(self, *args, **kwargs):
        delta = call(self, *args, **kwargs)
        shapes.append(tuple(delta.shape))
        assert 0 < delta.abs().max() <= SHARED.epsilon / 255 + 1e-7
        return delta

    monkeypatch.setattr(PGD, "__call__", spy)
    images, labels = tiny_split().batch(slice(8))
    ascent = Ascent(replace(SHARED, heap=heap))
    ascent(tiny_network(), images, labels, **ascent.draw(images, torch.Generator()))
    assert shapes == [(deltas, 3, 8, 8)]


def test_carried_deltas_go_on_where_the_last_mini_batch_left_them(monkeypatch, tmp_path):
    starts, ends, call = [], [], PGD.__call__

    def spy(self, model, images, labels, delta, **how):
        starts.append(delta)
        ends.append(call(self, model, images, labels, delta, **how))
        return ends[-1]

    monkeypatch.setattr(PGD, "__call__", spy)
    persistent, split = replace(SHARED, persist=True, steps=1, epochs=2), tiny_split(20)  # 8, 8 and 4 images
    run(persistent, tmp_path / "persistent", split=split)
    goes_on = [torch.equal(now, before[: len(now)]) for now, before in zip(starts[1:], ends, strict=False)]
    assert goes_on == [True, True, False, True, True]  # an epoch stands by itself: it can resume
    starts.clear(), ends.clear()
    run(replace(persistent, persist=False), tmp_path / "fresh", split=split)
    goes_on = [torch.equal(now, before[: len(now)]) for now, before in zip(starts[1:], ends, strict=False)]
    assert goes_on == [False] * 5


def test_class_wise_deltas_belong_to_classes_and_go_on_whatever_the_mini_batch_holds(monkeypatch, tmp_path):
    ends, call = [], PGD.__call__

    def spy(self, model, images, labels, delta, **how):
        found = call(self, model, images, labels, delta, **how)
        absent = [number for number in range(4) if number not in labels]
        assert torch.equal(found[absent], delta[absent])
        assert not ends or torch.equal(delta, ends[-1])
        ends.append(found)
        return found

    monkeypatch.setattr(PGD, "__call__", spy)
    recipe = replace(SHARED, classwise=True, heap=8, persist=True, steps=1, epochs=1)
    run(recipe, tmp_path / "resume", split=tiny_split(18))  # the last mini-batch has 2 images of at most 2 classes
    assert [tuple(delta.shape) for delta in ends] == [(4, 3, 8, 8)] * 3


def test_class_wise_deltas_want_labels_of_images(tmp_path):
    scenes = Split(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="one label for each image, and scenes"):
        run(replace(SHARED, classwise=True, heap=8), tmp_path / "resume", split=scenes)


def test_persistent_deltas_go_on_at_full_size_where_smaller_ones_are_learnt_from():
    ascent, (images, labels) = Ascent(replace(SHARED, persist=True, shrink=1.0)), tiny_split().batch(slice(8))
    drawn = ascent.draw(images, torch.Generator().manual_seed(3))
    delta, applied = ascent(tiny_network(), images, labels, **drawn)
    factors = drawn["magnitude"].flatten()
    assert delta.abs().amax((1, 2, 3)) == pytest.approx(SHARED.epsilon / 255)
    assert torch.equal(applied, delta * drawn["magnitude"])
    assert len(set(factors.tolist())) == len(delta)
    assert factors.ge(0).all()
    assert factors.lt(1).all()


def test_what_the_paper_does_not_vary_is_drawn_only_if_asked():
    images = torch.rand(8, 3, 8, 8)
    names = [set(Ascent(replace(SHARED, **more)).draw(images, torch.Generator())) for more in ({}, {"shrink": 0.5})]
    assert names == [{"start"}, {"start", "magnitude"}]
    ascent = Ascent(replace(SHARED, heap=1, step_spread=1.5))
    sizes = torch.cat([ascent.draw(images, torch.Generator().manual_seed(n))["step_size"] for n in range(50)])
    octaves = (sizes / SHARED.step_size).log2()
    assert -1.5 <= octaves.min() < -1.3
    assert 1.5 >= octaves.max() > 1.3
    assert abs(octaves.mean()) < 4 * 1.5 / math.sqrt(3 * len(sizes))


def test_frozen_batch_norms_keep_their_statistics_and_learn_the_rest(tmp_path):
    before = tiny_network()
    after, _ = run(replace(SHARED, norm="frozen", start="elsewhere"), tmp_path / "resume")
    moved, kept = dict(after.named_parameters()), dict(after.named_buffers())
    assert kept
    assert all(torch.equal(tensor, kept[name]) for name, tensor in before.named_buffers())
    assert not any(torch.equal(tensor, moved[name]) for name, tensor in before.named_parameters())


def test_carried_deltas_have_a_folder_and_a_title_of_their_own():
    persistent = replace(SHARED, persist=True)
    assert persistent.name == f"{SHARED.name}-persistent2"
    assert replace(persistent, sigma=0.0).name == "standard"
    made = store.Checkpoint(Path(persistent.name), "resnet8/8", "tiny", ("a", "b"), "0" * 64, asdict(persistent))
    assert made.title == "Shared, heap 4, ε 8/255, σ 0.5, persistent deltas"
    assert replace(persistent, heap=8, classwise=True).name == "shared-s8-e8-w0.5-classwise-persistent2"


def test_a_recipe_matches_a_file_that_is_older_than_a_setting():
    stored = asdict(SHARED)
    del stored["persist"]
    assert SHARED.matches(stored)
    assert not replace(SHARED, persist=True).matches(stored)
    assert not SHARED.matches(stored | {"seed": 1})
    assert not SHARED.matches(stored | {"momentum_decay": 1})


def test_standard_training_never_calls_the_attack(monkeypatch, tmp_path):
    monkeypatch.setattr(PGD, "__call__", lambda *args, **kwargs: pytest.fail("it attacked"))
    run(replace(SHARED, sigma=0.0), tmp_path / "resume")


def test_the_inner_attack_is_that_of_the_recipe():
    attack = replace(SHARED, loss_cap=1.25, step_size=0.3).attack
    assert (attack.budget.epsilon, attack.objective.cap, attack.steps, attack.step_size, attack.heap) == (
        *(8 / 255, 1.25, 2),
        *(0.3, 4),
    )


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_a_loss_that_is_not_finite_stops_the_run_and_the_last_good_state_stays(sigma, tmp_path):
    def poison(progress):
        if progress.done == 22 + 20:
            with torch.no_grad():
                model.network[0].weight.fill_(math.inf)

    model, resume = tiny_network(), tmp_path / "resume"
    with pytest.raises(Diverged, match="The loss became nan in epoch 2; use a lower learning rate"):
        train(model, LONG_SPLIT, replace(LONG, sigma=sigma), resume=resume, **ON_CPU, report=poison)
    assert files.read_metadata(resume)["epochs"] == "1"
    assert all(tensor.isfinite().all() for tensor in files.read_tensors(resume).values())


def test_labels_of_pixels_are_trained_on_too(tiny_segmenter, tmp_path):
    model = copy.deepcopy(tiny_segmenter.model)
    history = train(model, tiny_segmenter.train.first(16), SHARED, resume=tmp_path / "resume", mirror=True, **ON_CPU)
    assert all(math.isfinite(epoch["loss"]) for epoch in history)
    assert not same_weights(model, tiny_segmenter.model)


@pytest.mark.parametrize(
    ("done", "warmup", "expected"),
    [(0, 0.5, 0.002), (49, 0.5, 0.198), (50, 0.5, 0.198), (99, 0.5, 0.002), (0, 0.0, 0.199), (99, 0.0, 0.001)],
)
def test_the_learning_rate_rises_and_falls_along_lines(done, warmup, expected):
    assert learning_rate(Recipe("tiny", learning_rate=0.2, warmup=warmup), done, 100) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.0, 0.15, 1.0])
def test_the_learning_rate_is_never_above_its_peak_nor_below_zero(warmup):
    rates = [learning_rate(Recipe("tiny", warmup=warmup), done, 40) for done in range(40)]
    assert 0 <= min(rates) <= max(rates) <= 0.2
    assert max(rates) > 0.17


# ---------------------------------------------------------------------------------------------------------------------
# Augmentation


def numbered(n=64, side=8):
    """Every pixel of an image holds its place, 1 to 64; channels differ by 64."""
    place = torch.arange(1, side * side + 1).reshape(1, side, side)
    image = torch.cat([place, place + 64, place + 128]).to(torch.uint8)
    return image.expand(n, 3, side, side).clone(), place.long().expand(n, side, side).clone()


def shifts(images):
    """(downwards, to the left, mirrored) of each augmented numbered image, read off its pixels at (3, 3) and (3, 4)."""
    place = images[:, 0].long() - 1
    rows, columns = place[:, 3, 3] // 8, place[:, 3, 3] % 8
    mirrored = place[:, 3, 4] < place[:, 3, 3]
    return {(int(r) - 3, bool(m)) for r, m in zip(rows, mirrored, strict=True)}, columns


@pytest.mark.parametrize("mirror", [False, True])
def test_images_are_shifted_by_up_to_an_eighth_and_mirrored_only_when_asked(mirror):
    images, _ = numbered()
    moved, labels = augment(images, torch.arange(64), mirror, torch.Generator().manual_seed(0))
    assert (moved.shape, moved.dtype) == (images.shape, torch.uint8)
    assert torch.equal(labels, torch.arange(64))
    found, columns = shifts(moved)
    assert found == {(row, flipped) for row in (-1, 0, 1) for flipped in ({False, True} if mirror else {False})}
    assert set(columns.tolist()) == ({2, 3, 4, 5} if mirror else {2, 3, 4})
    inside = moved[:, 0] > 0
    assert torch.equal(moved[:, 1][inside], moved[:, 0][inside] + 64)  # all channels move together
    assert not moved[:, 1][~inside].any()


@pytest.mark.parametrize("mirror", [False, True])
def test_pixel_labels_move_along_and_the_rim_is_ignored(mirror):
    images, places = numbered()
    moved, labels = augment(images, places, mirror, torch.Generator().manual_seed(0))
    assert (labels.shape, labels.dtype) == (places.shape, torch.int64)
    came_in = moved[:, 0] == 0
    assert came_in.any()
    assert (labels[came_in] == 255).all()
    assert torch.equal(labels[~came_in], moved[:, 0][~came_in].long())


def test_images_that_are_not_square_are_moved_whole():
    images = torch.randint(1, 255, (4, 3, 8, 20), dtype=torch.uint8)
    moved, _ = augment(images, torch.zeros(4, dtype=torch.long), True, torch.Generator())
    assert moved.shape == images.shape


# ---------------------------------------------------------------------------------------------------------------------
# Recipes and whole experiments


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs must be at least 1, and 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, and 0"),
        ({"steps": 0}, "steps must be at least 1, and 0"),
        ({"heap": -1}, "heap must be at least 1, and -1"),
        ({"sigma": 1.5}, "sigma must lie between 0 and 1, and 1.5"),
        ({"sigma": math.nan}, "sigma must lie between 0 and 1, and nan"),
        ({"label_smoothing": -0.1}, "label_smoothing must lie between 0 and 1, and -0.1"),
        ({"warmup": 2}, "warmup must lie between 0 and 1, and 2"),
        ({"epsilon": 8 / 255}, "and 0.0313725 was given, which looks like a fraction: 8/255 is epsilon 8"),
        ({"epsilon": 256}, r"epsilon takes numbers from 0 to 255 \(n/255\), and 256 was given"),
        ({"epsilon": -1}, "and -1 was given"),
        ({"epsilon": 0.0}, "needs an epsilon above 0"),
        ({"heap": 9}, "heap of 9 does not fit in a mini-batch of 8"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, and 0.0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0, and nan"),
        ({"momentum": 0.0}, "momentum must lie between 0 and 1"),
        ({"weight_decay": -1.0}, "weight_decay must lie between 0 and 1, and -1.0"),
    ],
)
def test_bad_recipes_are_named(settings, says):
    with pytest.raises(ValueError, match=says):
        replace(SHARED, **settings)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        (Recipe("tiny"), "standard"),
        (Recipe("tiny", sigma=0.5, heap=64, epsilon=16), "shared-s64-e16-w0.5"),
        (Recipe("tiny", sigma=1, heap=1, epsilon=2.5), "shared-s1-e2.5-w1"),
        (Recipe("tiny", sigma=0.5, heap=64, epsilon=16, seed=2), "shared-s64-e16-w0.5-r2"),
    ],
)
def test_a_recipe_names_its_folder(recipe, name):
    assert recipe.name == name


class TestExperiment:
    RECIPE = Recipe("tiny", "resnet8/8", epochs=1, batch_size=32, images=32)

    def run(self, root, recipe=RECIPE, **more):
        return train_model.run(recipe, root, **ON_CPU, **more)

    def test_a_finished_folder_is_returned_as_it_is_and_another_recipe_is_refused(
        self, tiny_dataset, tmp_path, monkeypatch
    ):
        made = self.run(tmp_path)
        assert made.folder == tmp_path / "tiny" / "standard"
        assert made.classes == tiny_dataset.classes
        assert {path.name for path in made.folder.iterdir()} == {"config.json", "model.safetensors"}
        mean, _ = tiny_dataset.split("train", 32).statistics()
        assert store.load(made.folder).mean.flatten().tolist() == pytest.approx(mean, abs=1e-3)
        monkeypatch.setattr(train_model, "train", lambda *args: pytest.fail("it trained again"))
        assert self.run(tmp_path) == made
        with pytest.raises(ValueError, match="holds a model of another recipe; give --name"):
            self.run(tmp_path, replace(self.RECIPE, learning_rate=0.1))

    def test_weights_that_were_left_out_are_made_again(self, tiny_dataset, tmp_path):
        made = self.run(tmp_path)
        (made.folder / "model.safetensors").unlink()
        with pytest.raises(ValueError, match="holds a model of another recipe"):
            self.run(tmp_path, replace(self.RECIPE, learning_rate=0.1))
        again = self.run(tmp_path)
        assert (again.has_weights, again.sha256) == (True, made.sha256)

    def test_hardening_starts_from_the_given_weights(self, tiny_dataset, tmp_path, monkeypatch):
        start = self.run(tmp_path)
        weights, given = store.load(start.folder), []

        def train(model, *data, **options):
            given.append(model)
            files.write_json(start.folder / "config.json", {**start.config, "sha256": "0" * 64})  # meanwhile replaced
            return []

        monkeypatch.setattr(train_model, "train", train)
        self.run(tmp_path, replace(self.RECIPE, start=str(start.folder)), name="hard")
        assert same_weights(given[0], weights)
        assert all(parameter.requires_grad for parameter in given[0].parameters())
        assert store.read(tmp_path / "tiny" / "hard").config["start_sha256"] == start.sha256

    def test_weights_of_another_architecture_are_refused(self, tiny_dataset, tmp_path):
        start = self.run(tmp_path)
        other = replace(self.RECIPE, architecture="resnet20/16", start=str(start.folder))
        with pytest.raises(ValueError, match="is a resnet8/8 for 4 classes; the recipe asks for resnet20/16"):
            self.run(tmp_path, other, name="hard")

    def test_the_weights_follow_from_the_seed_and_leave_the_callers_chance_alone(self, tiny_dataset, tmp_path):
        torch.manual_seed(7)
        expected = torch.rand(3)
        torch.manual_seed(7)
        first = self.run(tmp_path, name="a")
        assert torch.equal(torch.rand(3), expected)
        assert self.run(tmp_path, name="b").sha256 == first.sha256

    def test_a_killed_experiment_goes_on(self, tiny_dataset, tmp_path):
        recipe = replace(self.RECIPE, epochs=2)

        def die(progress):
            if progress.epoch == 2:
                raise Killed

        with pytest.raises(Killed):
            self.run(tmp_path, recipe, report=die)
        assert (tmp_path / "tiny" / "standard" / "resume.safetensors").is_file()
        assert self.run(tmp_path, recipe).sha256 == self.run(tmp_path, recipe, name="whole").sha256

    @pytest.mark.parametrize(
        ("machines", "told"),
        [
            (["H200", "H200", "H200"], "H200"),
            (["H200", "H200", "CPU"], "H200 (epochs 1 to 2), then CPU"),
            (["H200", "CPU", "H200"], "H200 (epoch 1), then CPU (epoch 2), then H200"),
        ],
    )
    def test_a_model_tells_every_machine_that_trained_it(self, machines, told, tiny_dataset, tmp_path, monkeypatch):
        recipe = replace(self.RECIPE, epochs=len(machines))
        for epoch, machine in enumerate(machines, 1):
            monkeypatch.setattr(resume, "versions", lambda machine=machine: {"hardware": machine})

            def die(progress, epoch=epoch):
                if progress.epoch > epoch:
                    raise Killed

            if epoch < len(machines):
                with pytest.raises(Killed):
                    self.run(tmp_path, recipe, report=die)
        config = self.run(tmp_path, recipe).config
        assert config["versions"]["hardware"] == told
        assert config["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize(("device", "native", "expected"), [("cpu", True, "bf16-mixed"), ("cpu", False, "32-true")])
def test_low_precision_is_used_only_where_the_hardware_has_it(device, native, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert default_precision(device) == expected
