"""Where models run. `cpu:0` stands for a GPU: PyTorch computes there, and the app takes it for another device."""

import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import typer
from torch import Tensor, nn
from typer.testing import CliRunner

from app import service
from app.__main__ import main
from app.service import catalogue, devices, live, pictures, work
from app.service.cache import caches
from app.service.runs import RunRegistry
from app.session import Session
from core.attacks.spgd import SPGD
from core.threat import Budget

SMALL = {"steps": 10, "images": 64, "seed": 3}


class Cramped(nn.Module):
    """A network on a device whose memory takes only so many images at a time, and half as many with their slopes."""

    def __init__(self, network: nn.Module, most: int) -> None:
        super().__init__()
        self.network, self.most = network, most
        self.seen: list[int] = []
        self.error: Exception = torch.OutOfMemoryError("CUDA ran short.")

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        if len(images) > (self.most // 2 if images.requires_grad else self.most):
            raise self.error
        return self.network(images)


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture(autouse=True)
def _own_machine(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> Iterator[None]:
    """A machine of the test's own."""
    monkeypatch.setattr(devices, "machine", devices.Machine(lambda: now[0]))
    yield
    caches.clear()


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[Cramped]]:
    """Run models on a device that takes so many images at a time; the networks there."""

    def made(most: int) -> list[Cramped]:
        there: list[Cramped] = []

        def moved(network: nn.Module, device: str) -> nn.Module:
            there.append(Cramped(network, most))
            return there[-1]

        monkeypatch.setattr(devices, "moved", moved)
        devices.machine.choose("cpu:0")
        return there

    return made


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == devices.__name__]


def test_with_little_memory_answers_and_gradients_are_the_same_in_pieces(
    session: Session, cramped: Callable[[int], list[Cramped]], caplog: pytest.LogCaptureFixture
) -> None:
    of = catalogue.checkpoint(session, "a")
    network = catalogue.network(of)
    there = cramped(6)
    model = catalogue.model(of)
    images = torch.rand(10, 3, 96, 96, generator=torch.Generator().manual_seed(0))

    def slopes(ask: nn.Module) -> tuple[Tensor, Tensor]:
        seen = images.clone().requires_grad_()
        logits = ask(seen)
        return logits.detach(), torch.autograd.grad(logits.square().sum(), seen)[0]

    for found, wanted in zip(slopes(model), slopes(network), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert len(there) == 1
    assert max(there[0].seen[-5:]) == 2
    with torch.inference_mode():
        assert model(images).argmax(1).tolist() == network(images).argmax(1).tolist()
        assert model(images[:0]).shape == (0, len(of.classes))
    assert warnings_of(caplog) == [
        f"cpu:0: out of memory at 10 images of model {of.sha256[:6]}; {size} at a time fit for now." for size in (5, 2)
    ]
    assert "models see fewer images at a time for now" in service.notice()


def test_an_attack_does_not_notice_where_its_model_runs(
    session: Session, cramped: Callable[[int], list[Cramped]]
) -> None:
    of = catalogue.checkpoint(session, "a")
    crafting = pictures.split("signs", "train", 32)
    attack = SPGD(Budget.from_255(8), steps=3, batch_size=8, seed=1)
    own = attack.craft(catalogue.network(of), crafting)
    cramped(6)
    there = attack.craft(catalogue.model(of), crafting)
    assert there.device.type == "cpu"
    assert (own == there).float().mean() > 0.99  # a slope near 0 may change its sign by rounding


def test_where_nothing_fits_the_processor_takes_over_for_a_while(
    session: Session,
    cramped: Callable[[int], list[Cramped]],
    caplog: pytest.LogCaptureFixture,
    now: list[float],
) -> None:
    of = catalogue.checkpoint(session, "a")
    there, model = cramped(0), catalogue.model(of)
    images = torch.rand(4, 3, 96, 96)
    wanted = catalogue.network(of)(images)
    model(images[:0])
    there[0].error = RuntimeError("Something else.")
    with pytest.raises(RuntimeError, match="else"):
        model(images)
    there[0].error = RuntimeError("MPS backend out of memory")
    there[0].seen.clear()
    for _ in range(2):
        torch.testing.assert_close(model(images), wanted)
    assert [one.seen for one in there] == [[4, 2, 1]]
    (line,) = warnings_of(caplog)
    assert line.endswith("the processor takes over for now.")
    assert service.notice() == ("The memory of the GPU is full: the processor runs models for now, which takes longer.")
    now[0] += devices.REST + 1
    assert service.notice() == ""
    again = cramped(99)
    torch.testing.assert_close(model(images), wanted)
    assert again[0].seen == [4]
    assert service.notice() == ""
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize("most", [20, 0])
def test_a_run_goes_on_and_the_page_says_why_it_takes_longer(
    session: Session, cramped: Callable[[int], list[Cramped]], most: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Stored results are read from files, and stay what they are."""
    stored = {side: (one.report, one.delta) for side, one in service.outcomes(session).items() if one}
    there = cramped(most)
    registry = RunRegistry()
    running = registry.enqueue(replace(session, **SMALL))
    last = list(live.run(running, registry))[-1]
    assert last.finished
    assert last.message.startswith("Done in ")
    assert sum(sum(one.seen) for one in there) > 0
    for side, one in last.outcomes.items():
        assert one is not None
        assert one.report.accuracy.n == 36
        assert one.hardware.startswith("CPU")
        before, after = stored[side], service.outcomes(session)[side]
        assert after is not None
        assert (after.report, after.live) == (before[0], False)
        assert torch.equal(after.delta, before[1])
    assert len(warnings_of(caplog)) <= 2 * len(there)
    words = "see fewer images" if most else "the processor runs models"
    assert words in service.notice()
    assert words in last.message


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    command = typer.Typer()
    command.command()(main)
    for given, environment in ((["--device", "abacus"], {}), ([], {"PLAINSIGHT_DEVICE": "abacus"})):
        done = CliRunner().invoke(command, [*given, "--port", "8931"], env=environment)
        assert done.exit_code == 2
        assert "The device 'abacus' is not available here; use auto or cpu." in " ".join(
            done.output.replace("│", " ").split()
        )


def test_health_and_header_tell_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert service.health()["device"] == service.device() == "CPU"
    monkeypatch.setattr(devices.runtime, "hardware", lambda device: f"NVIDIA X, {device}"[:8])
    service.run_on("cpu:0")
    assert service.health()["device"] == service.device() == "X"


class Lender(types.ModuleType):
    """What the app uses of the package `spaces`, in this process."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.asked: list[int] = []
        self.fails: Exception | None = None
        self.after, self.closed = 0, 0

    def GPU(self, duration: Callable[..., int]) -> Callable[..., Any]:
        def decorated(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
            def handler(*args: Any) -> Iterator[Any]:
                self.asked.append(duration(*args))
                device, given = devices.machine.device, 0
                try:
                    for found in task(*args):
                        if self.fails and given == self.after:
                            raise self.fails
                        given += 1
                        yield found
                except GeneratorExit:
                    self.closed += 1
                    raise
                finally:
                    devices.machine.device = device  # it was that of another process

            return handler

        return decorated


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Lender:
    lender = Lender()
    monkeypatch.setitem(sys.modules, "spaces", lender)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(devices, "LENT", "cpu:0")
    return lender


def test_without_zerogpu_a_run_computes_here_behind_the_views() -> None:
    def where(n: int) -> Iterator[str]:
        yield from [threading.current_thread().name] * n

    (name,) = set(devices.on_gpu(lambda n: n)(where)(2))
    assert name.startswith("run")


def test_on_zerogpu_a_gpu_is_asked_for_as_long_as_estimated(lender: Lender) -> None:
    service.run_on("auto")
    assert devices.machine.device == "cpu"
    assert set(devices.machine.lent) == {of.sha256 for of in catalogue.fitting(Session)}
    assert service.device() == "ZeroGPU"
    where = []

    def counting(n: int) -> Iterator[int]:
        for number in range(n):
            where.append(devices.machine.device)
            yield number

    lent = devices.on_gpu(lambda n: 10 * n)(counting)
    assert list(lent(3)) == [0, 1, 2]
    assert (lender.asked, where) == ([30], ["cpu:0"] * 3)
    stopped = lent(2)
    assert next(stopped) == 0
    stopped.close()
    assert lender.closed == 1


def test_without_a_free_gpu_the_processor_takes_over(lender: Lender, caplog: pytest.LogCaptureFixture) -> None:
    lender.fails = RuntimeError("No GPU was available")
    lent = devices.on_gpu(lambda: 10)(lambda: (yield from [devices.machine.device]))
    assert list(lent()) == ["cpu"]
    assert service.notice() == "No GPU was free: the processor runs attacks for now, which takes longer."
    (line,) = warnings_of(caplog)
    assert "No GPU was available" in line
    lender.after = 1
    lent = devices.on_gpu(lambda: 10)(lambda: (yield from "ab"))
    with pytest.raises(ValueError, match="taken back before the run was done"):
        list(lent())


def test_runs_of_every_kind_have_an_estimate(session: Session, scenes: Session) -> None:
    def asked(of: Session) -> int:
        models = [catalogue.checkpoint(of, side) for side in "ab"]
        return work.seconds(models, [live.attack(catalogue.at(of, side)) for side in "ab"])

    control = replace(session, attack="random-signs")
    assert 0 < asked(control) < asked(session) < asked(replace(session, steps=200)) <= 120
    assert asked(replace(scenes, steps=20)) > asked(replace(session, steps=20))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="runs the app on a GPU, and there is none")
def test_on_a_gpu_models_say_the_same_and_runs_end(session: Session) -> None:
    of, images = catalogue.checkpoint(session, "a"), torch.rand(40, 3, 96, 96)
    wanted = catalogue.network(of)(images)
    service.run_on("auto")
    found = catalogue.model(of)(images)
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.02)
    registry = RunRegistry()
    last = list(live.run(registry.enqueue(replace(session, **SMALL)), registry))[-1]
    assert [one and one.hardware for one in last.outcomes.values()] == [torch.cuda.get_device_name()] * 2
    assert service.notice() == ""
