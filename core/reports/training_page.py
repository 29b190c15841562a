"""The page `docs/training.md`: how each shipped model was made, from the JSON of the model folders and nothing else."""

from collections.abc import Sequence
from pathlib import Path

from core import datasets
from core.attacks.objectives import LOSS_CAP
from core.attacks.targets import scene_number
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.training.loop import jump
from core.training.recipe import Recipe
from core.workflows.protocol import AttackSuite

SHIPPED = "checkpoints"
"""Where the shipped models lie, as the commands name it."""


def training_page(found: Sequence[Checkpoint], root: Path) -> str:
    """How each model shipped under `root` was made: command, data, seed, hardware, time."""
    parts = [
        "# How the shipped models were trained\n",
        "Written by `make results` from `checkpoints/**/config.json`; do not edit. Each model was made by the "
        "command under its name (or by `core.workflows.train_model.run`, which that command calls, with the same "
        "recipe).\n",
    ]
    for checkpoint in found:
        config, versions = checkpoint.config, checkpoint.config["versions"]
        history = config["history"]
        lost = jump(history)
        parts += [
            f"## {_place(checkpoint, root)}\n",
            f"    {command(checkpoint, root)}\n",
            f"- data: {config['source'].rstrip('.')} ({config['training_images']:,} training images)\n"
            f"- seed {checkpoint.recipe['seed']}; {len(history)} epochs in {config['seconds'] / 60:.0f} minutes on "
            f"{versions['hardware']} (torch {versions['torch']}), finished {config['finished']}\n"
            f"- loss of the first and last epoch: {history[0]['loss']:.3f}, {history[-1]['loss']:.3f}; "
            f"{history[-1]['images_per_second']:.0f} images/s{'; ' + lost if lost else ''}\n"
            f"- weights sha256 `{checkpoint.sha256[:16]}`{'' if checkpoint.has_weights else ' (left out to save room)'}"
            f"{_origin(checkpoint, found, root)}\n"
            f"- {measured_by(checkpoint, root)}\n",
        ]
    return "\n".join(parts)


def _origin(checkpoint: Checkpoint, found: Sequence[Checkpoint], root: Path) -> str:
    """Which weights the training began with, where it did not begin from scratch."""
    digest = checkpoint.config.get("start_sha256")
    if not digest:
        return ""
    known = [f"those of {_place(other, root)} here" for other in found if other.sha256 == digest]
    where = known[0] if known else "an earlier stage, which the history of this repository holds"
    return f", trained on from sha256 `{digest[:16]}` ({where})"


def measured_by(checkpoint: Checkpoint, root: Path) -> str:
    """The command line that measured this model, as its stored results tell."""
    results = Results.load(checkpoint.folder)
    crafted = results.curve() if results else []
    if results is None or not crafted:
        return "not measured yet"
    first = crafted[0]
    aims = {m.target for m in results.measurements if m.target is not None}
    targets = sum(isinstance(aim, int) or scene_number(aim) is not None for aim in aims)
    steps = sorted(m.steps for m in crafted)
    options = f"--steps {steps[0]} --images {first.crafted_on} --targets {targets} --seed {first.seed}"
    done = {m.epsilon for m in crafted}
    if not done.issuperset(AttackSuite.standard(datasets.get(checkpoint.data)).epsilons):
        options += "".join(f" --epsilon {epsilon}" for epsilon in sorted(done))
    options += " --assess" if results.robustness else ""
    more = f"; later runs or the exchange went on to {steps[-1]} steps with some" if steps[-1] > steps[0] else ""
    return f"measured by `python -m core precompute {SHIPPED}/{_place(checkpoint, root)} {options}`{more}"


def command(checkpoint: Checkpoint, root: Path) -> str:
    """The command line that trains this model again."""
    recipe = checkpoint.recipe
    words = [f"python -m core train --data {recipe['data']} --arch {recipe['architecture']}"]
    if recipe["sigma"]:
        words.append(f"--sigma {recipe['sigma']:g} --heap {recipe['heap']} --epsilon {recipe['epsilon'] * 255:.4g}")
        words.append(f"--steps {recipe['steps']} --step-size {recipe['step_size']:g}")
        words += [f"--loss-cap {recipe['loss_cap']:g}"] if recipe["loss_cap"] != LOSS_CAP else []
        words += ["--persist"] if recipe.get("persist") else []
    words.append(f"--epochs {recipe['epochs']} --batch-size {recipe['batch_size']}")
    words.append(f"--learning-rate {recipe['learning_rate']:g} --seed {recipe['seed']}")
    words += [f"--label-smoothing {recipe['label_smoothing']:g}"] if recipe["label_smoothing"] else []
    words += [f"--images {recipe['images']}"] if recipe["images"] else []
    words += [f"--start {recipe['start']}"] if recipe["start"] else []
    words += [f"--name {checkpoint.name}"] if checkpoint.name != Recipe(**recipe).name else []
    home = Path(SHIPPED, _place(checkpoint, root)).parent.parent
    return " ".join([*words, f"--root {home.as_posix()}"])


def _place(checkpoint: Checkpoint, root: Path) -> str:
    """Where the model folder lies under `root`: `cifar10/standard`, or like `wide/cifar10/standard`."""
    return checkpoint.folder.relative_to(root).as_posix()
