"""The attack in a visitor's browser without a page around it: the same effect as PyTorch's."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import known
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.components import bundled
from app.edition import live
from core import datasets
from core.attacks.base import mini_batches
from core.attacks.objectives import Objective, Towards, Untargeted
from core.attacks.spgd import SPGD
from core.attacks.targets import Target, objective
from core.checkpoints import store
from core.datasets import Dataset, Split
from core.datasets.labels import IGNORE
from core.evaluation.report import Rate, evaluate
from core.models import registry
from core.models.registry import create
from core.threat import Budget, apply, from_units, quantise

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EPSILON, SEED = 9, 3
"""At 9/255 the model of `known` is wrong on about half of the images."""
MODELS = ("standard", "shared")


class Edition(NamedTuple):
    """A written folder, the manifest, and the data set it was made of."""

    folder: Path
    manifest: dict[str, Any]
    data: Dataset
    root: Path

    def model(self, name: str) -> nn.Module:
        return store.load(self.root / "tiny" / name)

    def torch(self, name: str, steps: int, aim: Objective, images: int) -> Rate:
        """How often the model is right on the held-out images under PyTorch's delta of the same run."""
        batch = self.manifest["groups"]["tiny"]["batch_size"]
        attack = SPGD(Budget.from_255(EPSILON), aim, steps=steps, seed=SEED, batch_size=batch, precision="32-true")
        delta = from_units(quantise(attack.craft(self.model(name), self.data.split("train").first(images))))
        return evaluate(self.model(name), self.data.split("test"), delta).accuracy


@pytest.fixture(scope="module")
def edition(_victims: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edition]:
    """A page with two models: the one of which everything is known, and one like those of signs, with a pooling."""
    splits = {"train": _victims["classifier"].train, "test": _victims["classifier"].test}

    def load(split: str, limit: int | None = None) -> Split:
        return splits[split] if limit is None else splits[split].first(limit)

    size = (known.SIDE, known.SIDE)
    data = Dataset("tiny", "Tiny", "classification", tuple("abcd"), size, "drawn in conftest.py", load)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "get", lambda name: data)
        yield _written(tmp_path_factory.mktemp("live"), data, patch)


def _written(tmp_path: Path, data: Dataset, patch: pytest.MonkeyPatch) -> Edition:
    try:
        live.browser_runtime()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    root = tmp_path / "checkpoints"
    torch.manual_seed(1)
    pooling = create("resnet18/8", known.CLASSES)
    with torch.no_grad():
        pooling.network[-1].weight.mul_(8)
    for name, model in zip(MODELS, (known.resnet(), pooling), strict=True):
        architecture = "resnet8/8" if name == "standard" else "resnet18/8"
        recipe = {"sigma": 0.5, "heap": 8, "epsilon": 8} if name == "shared" else {}
        config = {"architecture": architecture, "data": "tiny", "classes": list("abcd"), "recipe": recipe}
        store.save(root / "tiny" / name, model, config)
    patch.setenv("PLAINSIGHT_CHECKPOINTS", str(root))
    manifest = live.write(tmp_path / "page", ["tiny", "tiny|resnet8/8"], crafting=96, held_out=128)
    # both in one group, so that one run attacks them
    manifest["groups"]["tiny"]["models"] |= manifest["groups"]["tiny|resnet8/8"]["models"]
    live.standalone(tmp_path / "page", manifest)
    return Edition(tmp_path / "page", manifest, data, root)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def end_headers(self) -> None:
        for name, value in live.ISOLATION.items():
            self.send_header(name, value)
        super().end_headers()


@pytest.fixture
def served(edition: Edition) -> Iterator[str]:
    """Where the folder is served, as a static Space serves it: the attack has a thread for each processor."""
    handler = functools.partial(_Quiet, directory=str(edition.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def opened(context: Any) -> Iterator[Callable[[str], Any]]:
    """Open a page that reaches nothing but its own host; at the end no error is left in its console."""
    pages, troubles = [], []

    def look(address: str) -> Any:
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(60_000)
        own = address.rpartition("/")[0]
        page.route("**/*", lambda route: route.continue_() if route.request.url.startswith(own) else route.abort())
        page.on("requestfailed", lambda request: troubles.append(request.url))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(address)
        return page

    yield look
    for page in pages:
        page.close()
    assert not troubles


def test_random_numbers_are_those_of_torch(context: Any) -> None:
    page = context.new_page()
    modules = bundled("live/random.js", "live/spgd.js", "live/rates.js")
    found = page.evaluate(
        f"""() => {{ {modules}
            const batches = miniBatches(700, 64, 11);
            return {{
                start: [...randomStart(1500, 8 / 255, 4294967295)],
                batches: Array.from({{ length: 25 }}, () => [...batches.next().value]),
                lengths: [1, 2, 30].map(i => stepSize(i, 30, {{ step_size: 1, last_step: 0.05 }})),
                units: [...quantised(Float32Array.of(8 / 255, -8 / 255, 0, 0.0009, -0.5 / 255))],
                rate: rate(450, 1000),
            }};
        }}"""
    )
    page.close()
    generator = torch.Generator().manual_seed(4294967295)
    assert torch.equal(torch.tensor(found["start"]), Budget.from_255(8).random_start((1500,), generator))
    batches = mini_batches(700, 64, 11)
    assert found["batches"] == [next(batches).tolist() for _ in range(25)]
    attack = SPGD(Budget(0.1), steps=30)
    assert found["lengths"] == pytest.approx([attack._length(i) for i in (1, 2, 30)])
    assert found["units"] == quantise(torch.tensor([8 / 255, -8 / 255, 0, 0.0009, -0.5 / 255])).tolist()
    assert (found["rate"]["low"], found["rate"]["high"]) == pytest.approx(Rate(450, 1000).interval, abs=6e-5)


def test_a_run_has_the_effect_of_torchs(edition: Edition, served: str, opened: Callable[[str], Any]) -> None:
    page = opened(f"{served}live.html")
    assert page.evaluate("crossOriginIsolated")
    for names, steps, target, images in ((MODELS, 12, None, 96), (MODELS[:1], 5, 1, 40)):
        run = {"group": "tiny", "models": names, "epsilons": [EPSILON] * len(names), "seed": SEED, "steps": steps}
        found = page.evaluate(
            """async run => {
                const { group, target } = run;
                const { sides } = await live.attack(run);
                const reports = [];
                for (const [at, { units }] of sides.entries()) {
                    const report = await live.measure({ group, model: run.models[at], units, target });
                    const read = [...(await live.read({ group, model: run.models[at], units, n: 7 }))];
                    const predictions = [...report.predictions];
                    reports.push({ ...report, predictions, read, units: [...units] });
                }
                return reports;
            }""",
            run | {"target": target, "images": images},
        )
        for name, report in zip(names, found, strict=True):
            expected = edition.torch(name, steps, Untargeted() if target is None else Towards(target), images)
            assert report["clean"]["value"] == evaluate(edition.model(name), edition.data.split("test")).accuracy.value
            assert abs(report["accuracy"]["value"] - expected.value) <= 0.01
            assert report["accuracy"]["n"] == 128
            assert report["read"] == report["predictions"][:7]
            assert 0 < np.abs(report["units"]).max() <= EPSILON
            if target is not None:
                assert report["target"]["n"] == int((edition.data.split("test").labels != target).sum())
    assert edition.torch("standard", 12, Untargeted(), 96).value < 0.9, "the attack does something"
    trouble = page.evaluate(
        """async () => {
            const other = structuredClone(manifest);
            other.groups.tiny.held_out.adler32 += 1;
            const said = [];
            const live = plainsightLive.open(other);
            for (const ask of [{ group: 'tiny', number: 0 }, { group: 'nothing', number: 0 }]) {
                await live.picture(ask).catch(error => said.push(error.message));
            }
            return said;
        }"""
    )
    assert "This browser changes pictures as it reads them" in trouble[0]
    assert trouble[1] == "There is nothing to compute with for nothing."


def test_a_page_on_a_disk_reads_own_pictures_as_torch_does(edition: Edition, opened: Callable[[str], Any]) -> None:
    page = opened((edition.folder / "live.html").as_uri())
    split = edition.data.split("test")
    images, units = split.images[:3], torch.full((3, known.SIDE, known.SIDE), 4)
    pixels = torch.cat([images.permute(0, 2, 3, 1), torch.full((3, known.SIDE, known.SIDE, 1), 255)], 3)
    found = page.evaluate(
        """([pixels, units]) => live.predict({
            group: 'tiny', model: 'shared', pixels: pixels.map(one => Uint8ClampedArray.from(one)),
            units: Int8Array.from(units) })""",
        [pixels.flatten(1).tolist(), units.flatten().tolist()],
    )
    with torch.no_grad():
        expected = edition.model("shared")(apply(images.float() / 255, from_units(units)[None])).softmax(1)
    torch.testing.assert_close(Tensor(found), expected, atol=1e-4, rtol=1e-3)
    halves = page.evaluate(
        """() => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 96, height: 48 });
            const context = canvas.getContext('2d');
            context.fillStyle = '#f00';
            context.fillRect(24, 0, 48, 48); // the middle
            return [...live.fitted('tiny', canvas)];
        }"""
    )
    assert halves == [255, 0, 0, 255] * known.SIDE**2


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edition:
    """A page with a model that labels pixels, which is right on all of its own data but a few."""
    torch.manual_seed(5)
    monkeypatch.setitem(registry.ARCHITECTURES, "pyramid", known.Pyramid)
    model = registry.create("pyramid", known.CLASSES)
    side, classes = 20, tuple("abcd")

    def load(split: str, limit: int | None = None) -> Split:
        generator = torch.Generator().manual_seed(len(split))
        images = torch.randint(0, 256, (20, 3, 5, 5), generator=generator)
        images = images.repeat_interleave(4, 2).repeat_interleave(4, 3).to(torch.uint8)
        with torch.no_grad():
            labels = model(images.float() / 255).argmax(1).to(torch.uint8)
        labels[:, 0] = IGNORE
        labels[::4, 4:8] = 0
        return Split(images[:limit], labels[:limit])

    with torch.no_grad():  # sees each class about as often
        logits = model.eval()(load("train").images.float() / 255)
        model.network.head.bias.sub_(logits.mean((0, 2, 3)))
    palette = ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255))
    data = Dataset("tiny", "Tiny", "segmentation", classes, (side, side), "drawn here", load, palette=palette)
    monkeypatch.setattr(datasets, "get", lambda name: data)
    root = tmp_path / "checkpoints"
    config = {"architecture": "pyramid", "data": "tiny", "classes": list(classes), "task": "segmentation"}
    store.save(root / "tiny" / "standard", model, config)
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(root))
    manifest = live.write(tmp_path / "page", ["tiny"], crafting=20, held_out=20)
    live.standalone(tmp_path / "page", manifest)
    return Edition(tmp_path / "page", manifest, data, root)


def test_scenes_are_attacked_as_torch_does(scenes: Edition, opened: Callable[[str], Any]) -> None:
    page = opened((scenes.folder / "live.html").as_uri())
    model, held_out = scenes.model("standard"), scenes.data.split("test")
    for target, aim in ((None, Untargeted()), ({"scene": 5}, objective(Target("scene", 5), scenes.data))):
        found = page.evaluate(
            """async ([target, seed]) => {
                const run = { group: 'tiny', models: ['standard'], epsilons: [12], seed, steps: 8, target };
                const { sides: [{ units, fooling }] } = await live.attack(run);
                const report = await live.measure({ group: 'tiny', model: 'standard', units, target });
                return { ...report, predictions: null, fooled: fooling };
            }""",
            [target, SEED],
        )
        batch = scenes.manifest["groups"]["tiny"]["batch_size"]
        attack = SPGD(Budget.from_255(12), aim, steps=8, seed=SEED, batch_size=batch, precision="32-true")
        steps = list(attack.stream(model, scenes.data.split("train")))
        report = evaluate(model, held_out, from_units(quantise(steps[-1].delta)), aim, classes=known.CLASSES)
        clean = evaluate(model, held_out, classes=known.CLASSES)
        assert found["fooled"] == pytest.approx([step.fooling_rate for step in steps], abs=0.01)
        assert found["clean"]["value"] == pytest.approx(clean.accuracy.value, abs=2e-3)
        assert report.accuracy.value < clean.accuracy.value - 0.1, "the attack does something"
        for name in ("accuracy", "fooling", *(("target",) if target else ())):
            expected = getattr(report, name)
            assert found[name]["value"] == pytest.approx(expected.value, abs=0.01), name
            assert (found[name]["low"], found[name]["high"]) == pytest.approx(expected.interval, abs=0.02), name
            assert found[name]["n"] == expected.n == 20
