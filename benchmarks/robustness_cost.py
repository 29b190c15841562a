"""What universal robustness costs: one search for the breaking epsilon against three cold attacks at one epsilon.

    make bench                                          # with everything it needs, or:
    python -m benchmarks.robustness_cost --threads 2
    python -m benchmarks.robustness_cost --model checkpoints/cifar10/shared-s64-e24-w0.5 --out OTHER.json

Both run on the same model, crafting images and held-out images, one after the other in one process. A cold attack is
S-PGD with its default steps from a random start, at the epsilon that the search found, measured on the held-out
images. `core.robustness.search.Search` runs with its defaults, from its default first epsilon; it measures every
perturbation that it tries on the same held-out images, so its time holds more measuring. It also tries other ways to
climb, which the cold attacks do not. On two processors a search of `resnet20/16` is to take less than three minutes.
The cold attacks are also a check on the search: if one of them got further at that epsilon, the search was weak there.
"""

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import _record
from core import datasets
from core.attacks.spgd import SPGD
from core.checkpoints import store
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import Rate
from core.robustness.result import Robustness
from core.robustness.search import Search
from core.threat import Budget
from core.workflows.protocol import Protocol

COLD = 3


def measure(folder: Path, held_out: int, device: str) -> dict[str, Any]:
    """Seconds and computing time of the search and of the cold attacks, and how far each got."""
    checkpoint = store.read(folder)
    model, data = store.load(folder, device), datasets.get(checkpoint.data)
    protocol = Protocol.standard(data)
    crafting, unseen = data.split("train", protocol.crafting_images), data.split("test", held_out)
    evaluator, where = Evaluator(model, unseen, len(checkpoint.classes)), torch.device(device)
    found: list[Robustness] = []
    search = Search(batch_size=protocol.batch_size)
    wall, cpu = _record.seconds(lambda: found.append(search(evaluator, crafting)), 1, where)
    robustness = found[0]
    epsilon = robustness.epsilon or robustness.curve[-1].epsilon
    rates: list[Rate] = []

    def cold() -> None:
        attack = SPGD(Budget.from_255(epsilon), seed=100 + len(rates), batch_size=protocol.batch_size)
        cold_evaluator = Evaluator(model, unseen, evaluator.classes)  # which makes its own clean predictions
        rates.append(cold_evaluator(attack.craft(model, crafting)).accuracy)

    cold_wall, cold_cpu = _record.seconds(cold, COLD, where)
    best = next(point for point in robustness.curve if point.epsilon == epsilon)
    return {
        "ratio": round(wall / cold_wall, 4),
        "cpu_time_ratio": round(cpu / cold_cpu, 4),
        "search_seconds": round(wall, 2),
        "cold_seconds": round(cold_wall, 2),
        "search_steps": robustness.steps,
        "cold_steps": COLD * SPGD.steps,
        "epsilon": round(epsilon, 4),
        "search_accuracy": best.report.accuracy.to_json(),
        "cold_accuracies": [rate.to_json() for rate in rates],
        "robustness": robustness.to_json(),
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder; default: checkpoints/signs/standard.")] = None,
    held_out: Annotated[int, typer.Option(help="Held-out images.")] = 2000,
    threads: Annotated[int, typer.Option(help="Processors to hold to.")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    out: Annotated[Path, typer.Option(help="The JSON file.")] = _record.RESULTS / "robustness_cost.json",
) -> None:
    """One search for the breaking epsilon against three cold attacks."""
    threads = _record.pin(threads)
    folder = model or store.default_root() / "signs" / "standard"
    checkpoint = store.read(folder)
    config = {"model": f"{checkpoint.data}/{checkpoint.name}", "sha256": checkpoint.sha256, "held_out": held_out}
    config |= {"threads": threads, "device": device, "cold_attacks": COLD, "seed": 0}
    record = {"benchmark": "robustness_cost", "config": config, **_record.surroundings()}
    result = measure(folder, held_out, device)
    _record.write(out, {**record, "result": result})
    rows = [
        ("search", f"{result['search_seconds']:.1f}", str(result["search_steps"])),
        (f"{COLD} cold attacks", f"{result['cold_seconds']:.1f}", str(result["cold_steps"])),
    ]
    _record.show(f"{config['model']}, {threads} threads, {device}", ("", "seconds", "steps"), rows)
    cold = ", ".join(f"{100 * rate['value']:.1f}%" for rate in result["cold_accuracies"])
    right = f"{100 * result['search_accuracy']['value']:.1f}%"
    _record.console.print(f"breaks at {result['epsilon']:g}/255: {right} right; cold attacks there: {cold}")
    _record.console.print(f"ratio {result['ratio']:.2f}, of computing time {result['cpu_time_ratio']:.2f}")
    _record.console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
