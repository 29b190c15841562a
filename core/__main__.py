"""The command line: `python -m core COMMAND --help` teaches each command."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from core import attacks, checkpoints, datasets, documents, experiment, precompute, results, training
from core.attacks.objectives import Objective, Towards, Untargeted
from core.evaluation import Report, evaluate
from core.perceptibility import measure
from core.threat import Budget

app = typer.Typer(
    name="python -m core",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train image classifiers that no single perturbation fools, and make the perturbations that try.",
)
data_app = typer.Typer(no_args_is_help=True, help="List data sets, and fetch the ones that are not built in.")
app.add_typer(data_app, name="data")
out, err = Console(), Console(stderr=True)

Device = Annotated[str, typer.Option(help="auto takes a GPU if there is one; else cpu, cuda, mps.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Seed = Annotated[int, typer.Option(help="Everything random follows from it.")]
Folder = Annotated[Path, typer.Argument(help="A model folder, for example checkpoints/signs/standard.")]
Root = Annotated[Path, typer.Option(help="Where model folders lie (checkpoints for those that ship).")]


@data_app.command("list")
def data_list(as_json: AsJson = False) -> None:
    """List the data sets, their classes, and whether their images are here."""
    rows = [datasets.get(name) for name in datasets.registry() if name != "folder"]
    if as_json:
        _print_json([{"name": d.name, "title": d.title, "classes": d.classes, "missing": d.missing} for d in rows])
        return
    table = Table("name", "what", "classes", "images", box=None)
    for d in rows:
        table.add_row(d.name, d.title, str(len(d.classes)), d.missing or "ready")
    table.add_row(
        "folder:PATH", "your own: PATH/train/<class>/* and PATH/test/<class>/*", "", "PATH@64 scales to 64x64"
    )
    out.print(table)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="signs (drawn here) or cifar10 (downloaded, 170 MB).")],
) -> None:
    """Bring a data set to this machine: download it, or draw and cache the built-in one."""
    fetch = datasets.fetcher(name)
    if fetch is not None:
        out.print(f"{name} is in {fetch()}.")
        return
    data = datasets.get(name)
    for split in ("train", "test"):
        out.print(f"{name} {split}: {len(data.split(split)):,} images")


@app.command()
def train(
    data: Annotated[str, typer.Option(help="signs, cifar10 or folder:PATH.")] = "signs",
    arch: Annotated[str, typer.Option(help="resnet20, or resnet20/64 for the paper's width.")] = "resnet20",
    sigma: Annotated[float, typer.Option(help="Weight of the attacked loss; 0 is standard training.")] = 0.0,
    heap: Annotated[int, typer.Option(help="Sharedness s: images that share a delta; 1 is standard adversarial.")] = 64,
    epsilon: Annotated[float, typer.Option(help="Size of the training deltas in n/255.")] = 16.0,
    steps: Annotated[int, typer.Option(help="Ascent steps K of the inner attack.")] = 4,
    step_size: Annotated[float, typer.Option(help="Inner step in units of epsilon.")] = 0.5,
    loss_cap: Annotated[float, typer.Option(help="kappa: cap of each loss inside the attack.")] = training.LOSS_CAP,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 30,
    batch_size: Annotated[int, typer.Option(help="Images in a mini-batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Its peak; it rises and falls along lines.")] = 0.2,
    label_smoothing: Annotated[float, typer.Option(help="In the weight update only.")] = 0.0,
    images: Annotated[int | None, typer.Option(help="Use only the first so many training images.")] = None,
    start: Annotated[Path | None, typer.Option(help="Model folder whose weights are hardened; default: none.")] = None,
    name: Annotated[str | None, typer.Option(help="Folder name; default follows from the settings.")] = None,
    root: Root = Path("runs"),
    seed: Seed = 0,
    device: Device = "auto",
    precision: Annotated[
        training.Precision | None, typer.Option(help="32-true or bf16-mixed; default: what the device does well.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model: standard (--sigma 0) or shared adversarial (--sigma 0.5 --heap 64 --epsilon 16).

    A killed run goes on where it was when the same command is given again. Harden a trained model with --start.
    """
    recipe = training.Recipe(
        data=data,
        architecture=arch,
        sigma=sigma,
        heap=heap if sigma else 1,
        epsilon=epsilon / 255 if sigma else 0.0,
        steps=steps,
        step_size=step_size,
        loss_cap=loss_cap,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        label_smoothing=label_smoothing,
        images=images,
        start=str(start) if start else None,
        seed=seed,
    )
    with _bar("loss {task.fields[loss]:.3f}  {task.fields[rate]:.0f} images/s") as bar:
        task = bar.add_task("training", total=None, loss=float("nan"), rate=0.0)

        def report(progress: training.Progress) -> None:
            bar.update(
                task,
                description=f"epoch {progress.epoch}/{epochs}",
                completed=progress.done,
                total=progress.total,
                loss=progress.loss,
                rate=progress.images_per_second,
            )

        made = experiment.run(recipe, root, name, device, precision, report)
    if as_json:
        _print_json({"folder": str(made.folder), "title": made.title, "history": made.config["history"]})
    else:
        out.print(f"{made.title} is in {made.folder}. Next: python -m core evaluate {made.folder}")


@app.command()
def attack(
    folder: Folder,
    name: Annotated[str, typer.Option("--attack", help="spgd, deepfool, random-signs or checkerboard.")] = "spgd",
    epsilon: Annotated[float, typer.Option(help="Size of the perturbation in n/255.")] = 10.0,
    target: Annotated[str | None, typer.Option(help="Class to aim at, by name or number; default: any error.")] = None,
    steps: Annotated[int, typer.Option(help="Steps (S-PGD) or images visited (DeepFool).")] = 200,
    images: Annotated[int, typer.Option(help="Training images to craft on.")] = 2048,
    batch_size: Annotated[int | None, typer.Option(help="Images in a step of S-PGD; default 64.")] = None,
    held_out: Annotated[int | None, typer.Option(help="Held-out images to measure on; default: all.")] = None,
    data: Annotated[str | None, typer.Option(help="Another data set than the model was trained on.")] = None,
    save: Annotated[Path | None, typer.Option(help="Folder for delta.safetensors, delta.png and report.json.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Craft one perturbation for all images of the training split, and measure it on images it never saw."""
    at = _device(device)
    model, checkpoint = checkpoints.load(folder, at), checkpoints.read(folder)
    found = datasets.get(data or checkpoint.data)
    aim = None if target is None else found.index(target)
    objective: Objective = Untargeted() if aim is None else Towards(aim)
    kind = attacks.get(name)
    if batch_size and "batch_size" not in kind.__dataclass_fields__:
        raise ValueError(f"{kind.title} does not take mini-batches; leave --batch-size out.")
    sized = {"batch_size": batch_size} if batch_size else {}
    chosen = kind(Budget(epsilon / 255), objective, steps=steps, seed=seed, **sized)
    crafting, unseen = found.split("train", images), found.split("test", held_out)
    with _bar("gain {task.fields[gain]:.3f}") as bar:
        task = bar.add_task(chosen.title, total=steps, gain=float("nan"))
        for step in chosen.stream(model, crafting, track=False):
            bar.update(task, completed=step.iteration, total=step.total, gain=step.gain)
    delta = checkpoints.quantise(step.delta).cpu() / 255
    report = evaluate(model, unseen, delta, aim)
    visible = measure(unseen.first(min(200, len(unseen))).batch(slice(None))[0], delta)
    content = {
        "model": checkpoint.name,
        "data": found.name,
        "sha256": checkpoint.sha256,
        "attack": name,
        "epsilon": epsilon,
        "target": aim,
        "steps": steps,
        "seed": seed,
        "crafted_on": 0 if chosen.control else len(crafting),
        "report": report.to_json(),
        "perceptibility": visible.to_json(),
    }
    if save:
        _save(save, delta, content)
    if as_json:
        _print_json(content)
        return
    out.print(f"{chosen.title} at {epsilon:g}/255 against {checkpoint.title} on {found.title}")
    out.print(_rates(report))
    out.print(
        f"SSIM {visible.ssim:.3f}, mean colour difference {visible.colour_difference:.1f}, "
        f"{visible.visible:.0%} of pixels above the just noticeable one"
    )


@app.command("evaluate")
def evaluate_command(
    folder: Folder,
    delta: Annotated[Path | None, typer.Option(help="A delta.safetensors made by attack --save.")] = None,
    held_out: Annotated[int | None, typer.Option(help="Held-out images; default: all.")] = None,
    data: Annotated[str | None, typer.Option(help="Another data set than the model was trained on.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out images, clean or under a stored perturbation."""
    model, checkpoint = checkpoints.load(folder, _device(device)), checkpoints.read(folder)
    unseen = datasets.get(data or checkpoint.data).split("test", held_out)
    given = None if delta is None else checkpoints.read_delta(delta)
    report = evaluate(model, unseen, given)
    if as_json:
        _print_json({"model": checkpoint.name, "data": checkpoint.data, "report": report.to_json()})
    else:
        out.print(f"{checkpoint.title} on {checkpoint.data}, {'clean' if given is None else f'under {delta}'}")
        out.print(_rates(report))


@app.command("precompute")
def precompute_command(
    folder: Folder,
    steps: Annotated[int, typer.Option(help="Steps of every attack.")] = 200,
    images: Annotated[int, typer.Option(help="Training images to craft on.")] = 2048,
    targets: Annotated[int, typer.Option(help="Aim at the first so many classes.")] = 3,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Fill results.json and perturbations.safetensors of a model folder: what the app shows without computing."""
    plan = precompute.Plan(steps=steps, crafting_images=images, targets=tuple(range(targets)), seed=seed)
    with _bar("{task.fields[last]}") as bar:
        task = bar.add_task("measuring", total=None, last="")

        def report(measurement: results.Measurement, done: int, total: int) -> None:
            last = f"{measurement.key}: {measurement.report.accuracy.value:.1%} right"
            bar.update(task, completed=done, total=total, last=last)

        precompute.precompute(folder, plan, _device(device), report)


@app.command("models")
def models_command(
    root: Annotated[Path | None, typer.Option(help="Where model folders lie; default: the shipped ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the model folders, with their clean accuracy and their accuracy under S-PGD at 8 and 16/255."""
    root = root or checkpoints.default_root()
    found = [(checkpoint, results.Results.load(checkpoint.folder)) for checkpoint in checkpoints.find(root)]
    if as_json:
        _print_json(
            [{"folder": str(c.folder), "title": c.title, "recipe": c.recipe, "sha256": c.sha256} for c, _ in found]
        )
        return
    table = Table("data", "name", "model", "clean", "8/255", "16/255", box=None)
    for checkpoint, measured in found:
        cells = ["", "", ""]
        if measured:
            reports = [measured.clean, *(m and m.report for m in (measured.find("spgd", e) for e in (8, 16)))]
            cells = [f"{report.accuracy.value:.1%}" if report else "" for report in reports]
        table.add_row(checkpoint.data, checkpoint.name, checkpoint.title, *cells)
    out.print(table if found else f"There are no model folders under {root}.")


@app.command("results")
def results_command(
    root: Annotated[Path | None, typer.Option(help="Where model folders lie; default: the shipped ones.")] = None,
    docs: Annotated[Path, typer.Option(help="Folder that the pages are written to.")] = Path("docs"),
) -> None:
    """Write docs/results.md and docs/training.md from the JSON of the model folders; nothing is trained."""
    for page in documents.write(root or checkpoints.default_root(), docs):
        out.print(f"wrote {page}")


def _save(folder: Path, delta: Any, content: dict[str, Any]) -> None:
    from core.rendering import perturbation, png

    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write_bytes(
        folder / "delta.safetensors", checkpoints.delta_file(delta, {"report": json.dumps(content)})
    )
    (folder / "delta.png").write_bytes(png(perturbation(delta)))
    checkpoints.write_json(folder / "report.json", content)


def _rates(report: Report) -> Table:
    table = Table("", "rate", "95% interval", "n", box=None)
    for label, rate in (("right", report.accuracy), ("fooled", report.fooling), ("target", report.target)):
        if rate is not None:
            low, high = rate.interval
            table.add_row(label, f"{rate.value:.1%}", f"{low:.1%} to {high:.1%}", f"{rate.n:,}")
    return table


def _bar(text: str) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(text))
    return Progress(*columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=err)


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"The device {name!r} is not available here; use auto, or cpu.") from error
    return name


def main() -> None:
    """Run the command line; a mistake of the person gives one sentence and exit status 2, never a traceback."""
    try:
        app()
    except (ValueError, FileNotFoundError, training.Diverged) as error:
        if os.environ.get("PLAINSIGHT_TRACEBACK"):
            raise
        err.print(f"[bold red]Error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
