"""A certified floor under the attacked ceiling: small models, and the page docs/explanation/certificate.md.

python -m benchmarks.certificates measure checkpoints/plain/cifar10/standard ...    # minutes each
python -m benchmarks.certificates page
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks import _record
from core import datasets
from core.attacks.spgd import SPGD
from core.checkpoints import store
from core.evaluation.evaluator import Evaluator
from core.reports.markdown import table
from core.robustness.certificate import Certificate, certify
from core.threat import Budget
from core.workflows.protocol import AttackSuite

OUT = _record.RESULTS / "certificates.json"
PAGE = _record.HERE.parent / "docs" / "explanation" / "certificate.md"

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def measure(
    folders: Annotated[list[Path], typer.Argument(help="Model folders.")],
    epsilon: Annotated[list[float] | None, typer.Option(help="In n/255; repeatable. Default: 1 and 2.")] = None,
    held_out: Annotated[int, typer.Option(help="Held-out images.")] = 200,
    heap: Annotated[int, typer.Option(help="Images of a group.")] = 20,
    seconds: Annotated[float, typer.Option(help="Limit of the search for the worst perturbation of a group.")] = 60.0,
    threads: Annotated[int, typer.Option(help="Threads of this process.")] = 1,
) -> None:
    """Certify models; what was measured of other models and epsilons stays in the file."""
    torch.set_num_threads(threads)
    for folder in folders:
        checkpoint = store.read(folder)
        data = checkpoint.dataset()
        suite = AttackSuite.standard(data)
        evaluator = Evaluator(store.load(folder), data.split("test", held_out), len(data.classes))
        crafting = data.split("train", suite.crafting_images)
        for size in epsilon or [1.0, 2.0]:
            attack = SPGD(Budget.from_255(size), steps=suite.steps, batch_size=suite.batch_size)
            found = certify(
                evaluator, crafting, attack, heap=heap, seconds=seconds, report=lambda line: _record.console.print(line)
            )
            about = {"model": checkpoint.title, "sha256": checkpoint.sha256, "data": data.name, "seconds": seconds}
            recipe = checkpoint.recipe | {"start": checkpoint.recipe["start"] and Path(checkpoint.recipe["start"]).name}
            about |= {"recipe": recipe, **found.to_json(), **_record.surroundings()}
            _keep(about)


def _keep(about: dict[str, Any]) -> None:
    """Put an entry in the place of the one of the same weights and epsilon."""
    key = ("sha256", "epsilon")
    before = json.loads(OUT.read_text(encoding="utf-8"))["models"] if OUT.exists() else []
    rest = [entry for entry in before if any(entry[name] != about[name] for name in key)]
    _record.write(OUT, {"benchmark": "certificates", "models": [*rest, about]})


@app.command()
def page() -> None:
    """Write the page from the file."""
    PAGE.write_text(document(json.loads(OUT.read_text(encoding="utf-8"))), encoding="utf-8")
    _record.console.print(f"written to {PAGE}")


def document(record: dict[str, Any]) -> str:
    """`docs/explanation/certificate.md` from the JSON."""
    models: Sequence[dict[str, Any]] = sorted(
        record["models"], key=lambda entry: (entry["recipe"].get("sigma", 0) > 0, entry["model"], entry["epsilon"])
    )
    rows = []
    for entry in models:
        found = Certificate.from_json(entry)
        low, high = (f"{100 * end:.1f}" for end in found.interval)
        rates = [f"{100 * rate.value:.1f}" for rate in (found.clean, found.attacked, found.each) if rate]
        rates.insert(2, f"{100 * found.floor:.1f} [{low}, {high}]")
        rows.append([entry["model"], f"{found.epsilon:g}/255", *rates])
    first = models[0]
    columns = ("model", "perturbations", "right (%)", "attacked (%)", "certified (%)", "certified, each by itself (%)")
    title, n = datasets.get(first["data"]).title, first["clean"]["n"]
    facts = (
        f"All models are `{first['recipe']['architecture']}` on {title}; n = {n} held-out images in groups of "
        f"{first['heap']}, {first['seconds']:g} seconds for each group. Brackets: 95% interval over groups.\n"
    )
    return "\n".join([HEAD, table(columns, rows), facts, TAIL])


HEAD = """# A certified floor

Written by `python -m benchmarks.certificates page` from `benchmarks/results/certificates.json`; do not edit.

All other numbers of PlainSight are what attacks found: they bound robustness from above. A certificate bounds it from
below. It proves how many held-out images stay right under *every* perturbation of a size that all of them share, also
under one that nobody has found yet. The truth lies between the columns *certified* and *attacked*.
"""
TAIL = """## How it is proven

1. For each image and each wrong class, a linear function of the perturbation is found that the margin never gets
   below (CROWN, Zhang et al. 2018). Where that function stays above 0 in the whole ball, the image is *certified by
   itself*: no perturbation of that size turns it, not even one made for it.
2. For the other images of a group, a mixed integer program asks how many of these functions *one* perturbation can
   push below 0 at once (Zeng et al. 2023). What turns one image can protect another. The solver's own
   bound counts, so a search that ran out of time proves less, never too much.
3. Each group may have its own worst perturbation, so the mean over groups is a floor for all images. Pixels stay in
   [0, 1], and what clipping cuts off is counted.

Sums are made in double precision, and the ranges of inner layers in single precision with their ends moved out; a
margin below 1e-7 counts as lost. That is careful, but no formal proof of the arithmetic.

Only chains of linear layers and ReLUs have certificates here, without shortcuts:
`--arch convnet`, two convolutions and two linear layers (Wong and Kolter 2018). The other models have none.

```console
$ plainsight train --data cifar10 --arch convnet --epochs 20 --learning-rate 0.05
$ plainsight train --data cifar10 --start runs/cifar10/standard --sigma 0.9 --heap 1 --epsilon 2 \\
    --epochs 5 --learning-rate 0.05
$ plainsight certify runs/cifar10/shared-s1-e2-w0.9 --epsilon 1
```
"""

if __name__ == "__main__":
    app()
