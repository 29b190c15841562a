"""The grid of models: independent runs on real processes, one of which is killed."""

import json
import os
import signal
import threading
from dataclasses import replace

import pytest
import torch
from stored import class_folders
from typer.testing import CliRunner

from core.__main__ import app
from core.checkpoints import store
from core.checkpoints.results import Results
from core.training.recipe import Recipe
from core.workflows import sweep as sweeping
from core.workflows import train_model
from core.workflows.grid import grid, run_named
from core.workflows.protocol import AttackSuite, Protocol
from core.workflows.sweep import Outcome, sweep


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A recipe on 2 classes of pictures, 16x16, 24 train and 8 test images each."""
    root = class_folders(tmp_path_factory.mktemp("images"), 24, 8)
    sizes = {"epochs": 3, "batch_size": 16, "learning_rate": 0.05}
    return Recipe(f"folder:{root}", "resnet8/8", sigma=0.5, heap=1, epsilon=8, **sizes)


def weights(root, runs):
    return {run.name: store.read(root / "folder" / run.name).sha256 for run in runs}


def test_the_grid_is_the_product_of_its_axes(base):
    runs = grid(base, heaps=[1, 8], sigmas=[0.3, 0.5], epsilons=[4, 8], seeds=[0, 1])
    assert len(runs) == len({run.name for run in runs}) == 16
    assert {(c.heap, c.sigma, c.epsilon, c.seed) for c in runs} == {
        (heap, sigma, epsilon, seed) for heap in (1, 8) for sigma in (0.3, 0.5) for epsilon in (4, 8) for seed in (0, 1)
    }
    with pytest.raises(ValueError, match="heap of 64 does not fit in a mini-batch of 16"):
        grid(base, heaps=[64], sigmas=[0.5], epsilons=[8], seeds=[0])


def test_a_run_goes_by_its_name(base):
    runs = grid(base, heaps=[1, 8], sigmas=[0.3, 0.5], epsilons=[2.5, 16], seeds=[0, 3])
    assert [run_named(base, made.name) for made in runs] == runs
    assert run_named(base, "s8-e16-w0.5") == run_named(base, "shared-s8-e16-w0.5")
    for wrong in ("standard", "s8-e16", "s8-e16-w0.5-15epochs", "s8-e-2-w0.5", ""):
        with pytest.raises(ValueError, match=rf"'{wrong}' names no run; give .* like s64-e16-w0\.5"):
            run_named(base, wrong)
    with pytest.raises(ValueError, match="sigma must lie between 0 and 1, and 5"):
        run_named(base, "s8-e16-w5")


@pytest.fixture
def one_thread():
    """As a sweep gives each of two processes on two processors: sums in another order end in other weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_sweep_with_a_killed_worker_and_a_failing_run_ends_complete(base, tmp_path, one_thread):
    long = replace(base, epochs=12)
    runs = [
        *grid(long, heaps=[1, 8], sigmas=[0.5], epsilons=[8], seeds=[0]),
        replace(long, start=str(tmp_path / "nowhere"), seed=9),
    ]
    heard, killed = [], threading.Event()

    def report(news):
        heard.append(news)
        if not killed.is_set() and not isinstance(news, Outcome) and 2 <= news.epoch < 8:
            killed.set()
            os.kill(_newest_worker(), signal.SIGKILL)

    outcomes = sweep(runs, tmp_path, measure=False, workers=2, device="cpu", report=report)
    assert killed.is_set()
    assert [outcome.run for outcome in outcomes] == [run.name for run in runs]
    assert [outcome.error is None for outcome in outcomes] == [True, True, False]
    assert "nowhere" in outcomes[-1].error
    assert not list(tmp_path.rglob("resume.safetensors"))
    begun = [news.run for news in heard if not isinstance(news, Outcome) and news.epoch == 0]
    assert len(begun) == 4, "the run of the killed worker was begun again"
    repeated = next(run for run in runs if begun.count(run.name) == 2)
    alone = train_model.run(repeated, tmp_path / "alone", device="cpu")
    assert alone.sha256 == weights(tmp_path, [repeated])[repeated.name]


def _newest_worker():
    """The process id of a Dask worker: a grandchild of this process whose command line says so."""
    for entry in sorted(os.listdir("/proc"), key=lambda name: int(name) if name.isdecimal() else 0, reverse=True):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/cmdline") as file:
                    line = file.read()
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and "spawn_main" in line:
                return int(entry)
    raise AssertionError("no worker found")


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "each"), [(1, 4), (4, 4), (8, 2), (40, 1)])
def test_processes_together_use_no_more_threads_than_there_are_processors(base, tmp_path, monkeypatch, workers, each):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    monkeypatch.setattr(sweeping, "train_and_measure", lambda job: float(job.threads))
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    (outcome,) = sweep([base], tmp_path, measure=False, workers=workers, device="cpu")
    assert (outcome.error, outcome.seconds) == (None, each)


@pytest.mark.slow
def test_processes_may_keep_memory_that_they_will_need_again():
    with sweeping._client(None, 1) as client:
        environment = client.submit(lambda: dict(os.environ)).result()
    assert environment["OMP_NUM_THREADS"]
    assert "MALLOC_TRIM_THRESHOLD_" not in environment  # of 64 KiB: every tensor would go back to the system at once


@pytest.mark.slow
def test_finished_runs_are_left_as_they_are_and_measured_where_asked(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    quick = Protocol(16, 16, 8, steps=4, warm_steps=2, risk_images=16, risk_steps=1)
    monkeypatch.setattr(Protocol, "standard", classmethod(lambda cls, data: quick))
    monkeypatch.setattr(
        AttackSuite, "brief", classmethod(lambda cls, data: AttackSuite((8,), (), (), (), (), 3, 8, 16))
    )
    runs = grid(base, heaps=[8], sigmas=[0.5], epsilons=[8], seeds=[0])
    heard = []
    first = sweep(runs, tmp_path, measure=False, device="cpu", report=heard.append)
    assert [(outcome.skipped, outcome.error) for outcome in first] == [(False, None)]
    again = sweep(runs, tmp_path, measure=False, device="cpu")
    assert [(outcome.skipped, outcome.error) for outcome in again] == [(True, None)]
    before = weights(tmp_path, runs)
    assert [outcome.skipped for outcome in sweep(runs, tmp_path, device="cpu")] == [False]
    assert weights(tmp_path, runs) == before
    results = Results.load(tmp_path / "folder" / runs[0].name)
    assert results.robustness is not None
    assert results.risks is not None
    assert [outcome.skipped for outcome in sweep(runs, tmp_path, device="cpu")] == [True]
    replace(results, risks=None).save(tmp_path / "folder" / runs[0].name)
    assert [outcome.skipped for outcome in sweep(runs, tmp_path, device="cpu")] == [False]


@pytest.mark.slow
def test_at_the_end_what_broke_one_run_was_tried_on_all(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    quick = Protocol(16, 16, 8, steps=4, warm_steps=2, risk_images=16, risk_steps=1)
    monkeypatch.setattr(Protocol, "standard", classmethod(lambda cls, data: quick))
    monkeypatch.setattr(
        AttackSuite, "brief", classmethod(lambda cls, data: AttackSuite((8,), (), (), (), (), 3, 8, 16))
    )
    runs = grid(base, heaps=[1, 8], sigmas=[0.5], epsilons=[8], seeds=[0])
    heard = []
    outcomes = sweep(runs, tmp_path, device="cpu", report=heard.append)
    assert [outcome.error for outcome in outcomes] == [None, None]
    names = [run.name for run in runs]
    starts = {name: list(Results.load(tmp_path / "folder" / name).assessment.donors) for name in names}
    assert starts == {names[0]: [names[1]], names[1]: [names[0]]}
    assert [news.run for news in heard if isinstance(news, Outcome)] == [*names, names[0]], "only the first came before"
    told = [news.seconds for news in heard if isinstance(news, Outcome) and news.run == names[0]]
    assert outcomes[0].seconds == pytest.approx(sum(told))
    assert min(told) > 0
    heard.clear()
    assert all(outcome.skipped for outcome in sweep(runs, tmp_path, device="cpu", report=heard.append))
    assert len(heard) == 2


@pytest.mark.slow
def test_another_recipe_in_the_folder_is_a_failed_run_not_a_skipped_one(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    runs = grid(base, heaps=[8], sigmas=[0.5], epsilons=[8], seeds=[0])
    sweep(runs, tmp_path, measure=False, device="cpu")
    (other,) = sweep([replace(runs[0], epochs=1)], tmp_path, measure=False, device="cpu")
    assert not other.skipped
    assert "another recipe" in other.error


@pytest.mark.slow
def test_with_a_suffix_another_schedule_stands_beside_the_first(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    names = ["--run", "s8-e4-w0.3", "--run", "s1-e8-w0.5-r2"]
    words = ["sweep", "--data", base.data, "--arch", base.architecture, *names, "--batch-size", "8", "--no-measure"]
    words += ["--root", str(tmp_path), "--device", "cpu", "--json"]
    for more in (["--epochs", "1"], ["--epochs", "2", "--suffix", "-2epochs"]):
        ran = CliRunner().invoke(app, [*words, *more], catch_exceptions=False)
        assert [outcome["error"] for outcome in json.loads(ran.stdout)] == [None, None]
    made = {folder.name: store.read(folder) for folder in (tmp_path / "folder").iterdir()}
    first = {"shared-s8-e4-w0.3": 1, "shared-s1-e8-w0.5-r2": 1}
    second = {"shared-s8-e4-w0.3-2epochs": 2, "shared-s1-e8-w0.5-2epochs-r2": 2}
    assert {name: checkpoint.recipe["epochs"] for name, checkpoint in made.items()} == first | second
    groups = {name: checkpoint.name_without_seed for name, checkpoint in made.items()}
    assert groups["shared-s1-e8-w0.5-2epochs-r2"] == "shared-s1-e8-w0.5-2epochs", "the seed comes last"


@pytest.mark.slow
def test_the_command_says_how_each_run_ended(base, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_client", in_this_process)
    words = ["sweep", "--data", base.data, "--arch", base.architecture, "--heap", "1", "--heap", "8", "--sigma", "0.5"]
    words += ["--epsilon", "8", "--epochs", "1", "--batch-size", "8", "--root", str(tmp_path), "--no-measure"]
    words += ["--device", "cpu"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0
    assert first.stdout.count(" complete") == 2
    assert "2/2 " in first.stderr
    again = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [outcome["skipped"] for outcome in again] == [True, True]
    failing = CliRunner().invoke(app, [*words, "--learning-rate", "0.3"])
    assert "another recipe" in failing.stdout
    assert str(failing.exception).startswith("2 of 2 runs failed")


def in_this_process(scheduler, workers):
    from distributed import Client

    return Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")


@pytest.mark.slow
def test_what_cannot_be_swept_is_named(base, tmp_path):
    with pytest.raises(ValueError, match=r"a folder of its own, and shared-s1-e8-w0\.5 is there more than once"):
        sweep([base, replace(base, epochs=5)], tmp_path)
    with pytest.raises(ValueError, match=r"The suffix '/x' does not fit; give letters"):
        sweep([base], tmp_path, suffix="/x")
    with pytest.raises(ValueError, match="--run replaces --heap"):
        CliRunner().invoke(app, ["sweep", "--run", "s8-e4-w0.3", "--heap", "1"], catch_exceptions=False)
    with pytest.raises(ValueError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        sweep([base], tmp_path, scheduler="tcp://127.0.0.1:9")
