"""How fast the live attack is in a browser, against PyTorch on the same machine with as many threads.

    python -m benchmarks.browser_attack                  # uses /usr/bin/chromium, or --chromium PATH
    python -m benchmarks.browser_attack --model checkpoints/cifar10/standard --rounds 9
    python -m benchmarks.browser_attack --threads 2 --out benchmarks/results/browser_attack_threads.json

Both craft a perturbation from the same images with the same seed: S-PGD with its defaults, 32 bits, fooling rates
included. They take turns, `--rounds` times, so that what else the machine does slows both; the rates are medians. The
page is served from this machine. For one thread it comes without the headers that allow threads; with them the browser
takes a thread for each processor, up to four. After the rounds both deltas are measured on the same held-out images
with PyTorch. The aim is a ratio of 0.6.
"""

import functools
import http.server
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer

from app.edition.live import ISOLATION
from benchmarks import _record
from benchmarks.app_start import FLAGS
from core import datasets
from core.attacks.spgd import SPGD
from core.checkpoints import store
from core.evaluation.report import evaluate
from core.threat import Budget, from_units, quantise

AIM = 0.6
CRAFTING, HELD_OUT = 256, 500
BATCH = 64
"""Images in a step: those of stored results; runs of a page take fewer, so that the pattern moves more often."""
EPSILON, SEED = 8, 0
RUN = """async settings => {
    const { sides: [found] } = await live.attack(settings);
    return { seconds: found.seconds, units: [...found.units] };
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class _Isolated(_Quiet):
    def end_headers(self) -> None:
        for name, value in ISOLATION.items():
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def served(folder: Path, isolated: bool) -> Iterator[str]:
    """Where a folder is served while this lasts; `isolated` with the headers that allow threads."""
    handler = functools.partial(_Isolated if isolated else _Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/live.html"
        server.shutdown()


def measure(checkpoint: store.Checkpoint, group: str, page: Any, steps: int, rounds: int) -> dict[str, Any]:
    """Pictures per second of both, and how often the model is right under what both made."""
    data, model = checkpoint.dataset(), store.load(checkpoint.folder)
    crafting, held_out = data.split("train", CRAFTING), data.split("test", HELD_OUT)
    attack = SPGD(Budget.from_255(EPSILON), steps=steps, seed=SEED, batch_size=BATCH, precision="32-true")
    settings = {"group": group, "models": [checkpoint.name], "epsilons": [EPSILON], "seed": SEED}
    pictures, seconds = steps * attack.batch_size, {"browser": [], "torch": []}  # type: ignore[var-annotated]
    page.evaluate(RUN, settings | {"steps": 2})  # reads and prepares everything
    for _ in attack.stream(model, crafting):
        break
    for _ in range(rounds):
        found = page.evaluate(RUN, settings | {"steps": steps})
        seconds["browser"].append(found["seconds"])
        began = time.perf_counter()
        for step in attack.stream(model, crafting):
            delta = step.delta
        seconds["torch"].append(time.perf_counter() - began)
    units = torch.tensor(found["units"]).reshape(delta.shape)
    accuracy = {
        name: evaluate(model, held_out, from_units(one)).accuracy.to_json()
        for name, one in (("browser", units), ("torch", quantise(delta)))
    }
    rates = {name: round(pictures / median(values), 2) for name, values in seconds.items()}
    ratios = [there / here for here, there in zip(seconds["browser"], seconds["torch"], strict=True)]
    return {
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "pictures_per_second": rates,
        "seconds": {name: [round(value, 3) for value in values] for name, values in seconds.items()},
        "accuracy": accuracy,
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder; default: checkpoints/signs/standard.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of each attack.")] = 12,
    rounds: Annotated[int, typer.Option(help="How often both take their turn.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch; above 1 the browser has several too.")] = 1,
    chromium: Annotated[str, typer.Option(help="The browser.")] = "/usr/bin/chromium",
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "browser_attack.json",
) -> None:
    """The live attack in Chromium against PyTorch."""
    from playwright.sync_api import sync_playwright

    from app.edition import live
    from app.service import catalogue

    torch.set_num_threads(threads)
    checkpoint = store.read(model or store.default_root() / "signs" / "standard")
    size = datasets.get(checkpoint.data).size
    config = {"model": f"{checkpoint.data}/{checkpoint.name}", "sha256": checkpoint.sha256, "size": size}
    config |= {"epsilon": EPSILON, "seed": SEED, "steps": steps, "rounds": rounds, "aim": AIM}
    config |= {"architecture": checkpoint.architecture, "crafting": CRAFTING, "held_out": HELD_OUT}
    record = {"benchmark": "browser_attack", "config": config, **_record.surroundings(["onnx"])}
    with tempfile.TemporaryDirectory(prefix="plainsight-live-") as folder, sync_playwright() as runner:
        name, digest = checkpoint.name, checkpoint.sha256
        group = next(one.group for one in catalogue.all_models() if one.sha256 == digest)
        manifest = live.write(Path(folder), [group], [name], crafting=CRAFTING, held_out=HELD_OUT)
        manifest["groups"][group]["batch_size"] = BATCH
        live.standalone(Path(folder), manifest)
        with served(Path(folder), threads > 1) as address:
            browser = runner.chromium.launch(executable_path=chromium, args=FLAGS)
            record["versions"]["chromium"] = browser.version
            page = browser.new_page()
            page.set_default_timeout(600_000)
            page.goto(address)
            own = page.evaluate("crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1")
            config["threads"] = {"browser": own, "torch": threads}
            result = measure(checkpoint, group, page, steps, rounds)
            browser.close()
    _record.write(out, {**record, "result": result})
    rows = [
        (who, f"{result['pictures_per_second'][who]:.1f}", f"{100 * result['accuracy'][who]['value']:.1f}%")
        for who in ("browser", "torch")
    ]
    _record.show(
        f"{config['model']}, threads: {own} in the browser, {threads} in torch",
        ("", "pictures/s", f"right of {HELD_OUT}"),
        rows,
    )
    _record.console.print(f"ratio {result['ratio']:.2f} (aim {AIM}); written to {out}")


if __name__ == "__main__":
    typer.run(main)
