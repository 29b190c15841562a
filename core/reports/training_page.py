"""The page `docs/results/training.md`: how the shipped models were trained, from the JSON of the model folders."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core import datasets
from core.attacks.objectives import LOSS_CAP
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.reports.markdown import table
from core.reports.records import Record, folder_name
from core.training.loop import jump
from core.training.recipe import Recipe
from core.workflows.protocol import AttackSuite

SHIPPED = "checkpoints"
"""The folder of the shipped models, as the commands name it."""

TEMPLATE = """# How the models were trained

Written by `make results` from `checkpoints/**/config.json`; do not edit.

One command trains a model again (`core.workflows.train_model.run` is the same in Python):

    plainsight train --data DATA --arch ARCHITECTURE \\
        --sigma SIGMA --heap HEAP --epsilon EPSILON \\
        --steps STEPS --step-size STEP_SIZE \\
        --epochs EPOCHS --batch-size BATCH_SIZE \\
        --learning-rate LEARNING_RATE --seed SEED \\
        --start FOLDER --root checkpoints

The second and third lines are for adversarial training: `HEAP` images share one perturbation of at most
`EPSILON`/255, crafted in `STEPS` steps of `STEP_SIZE` times epsilon, and `SIGMA` is the weight of the adversarial loss
(see the [glossary](../glossary.md)). A standard model is trained without them. `--start` names the model that the
training starts from. A second command measures the model:

    plainsight precompute FOLDER --steps STEPS \\
        --images IMAGES --targets TARGETS --seed SEED --assess

The table holds one row for each kind of training. *Passes* counts how often an image goes forward and back through the
network for one update of the weights: what a training costs. The exact commands of every model, its seed, time,
hardware, losses and the digest of its weights are in [training.csv](training.csv) and, searchable, under *Training* in
[All models](all.md).
"""
COLUMNS = (
    *("data", "training", "models", "architecture", "σ", "ε (/255)", "steps × step size", "passes"),
    *("epochs", "batch size", "learning rate", "starts from", "minutes"),
)


def training_page(checkpoints: Sequence[Checkpoint]) -> str:
    """The command that trains a model, and one table: a row for each kind of training of each data set."""
    kinds: dict[tuple[str, str], list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        kinds.setdefault((checkpoint.group_title, checkpoint.kind), []).append(checkpoint)
    rows = [[*names, *_settings(models)] for names, models in kinds.items()]
    return "\n".join([TEMPLATE, table(COLUMNS, rows)])


def _settings(models: Sequence[Checkpoint]) -> list[str]:
    """The settings of models that were trained alike, each value once."""
    trained = models[0].heap > 0

    def values(setting: Callable[[Checkpoint], float | str]) -> str:
        each = sorted({setting(model) for model in models}, key=lambda value: (isinstance(value, str), value))
        return ", ".join(value if isinstance(value, str) else f"{value:.4g}" for value in each)

    minutes = sorted(round(model.config["seconds"] / 60) for model in models)
    adversarial = [
        values(lambda model: model.recipe["sigma"]),
        values(lambda model: model.recipe["epsilon"]),
        values(lambda model: f"{model.recipe['steps']} × {model.recipe['step_size']:g}"),
    ]
    return [
        str(len(models)),
        f"`{models[0].architecture}`",
        *(adversarial if trained else [""] * 3),
        values(lambda model: Recipe(**model.recipe).passes),
        values(lambda model: model.recipe["epochs"]),
        values(lambda model: model.recipe["batch_size"]),
        values(lambda model: model.recipe["learning_rate"]),
        values(lambda model: (model.recipe["start"] or "scratch").removeprefix(f"{SHIPPED}/")),
        f"{minutes[0]}" if minutes[0] == minutes[-1] else f"{minutes[0]} to {minutes[-1]}",
    ]


def training_records(checkpoints: Sequence[Checkpoint], root: Path) -> list[Record]:
    """One record for each model folder under `root`: commands, data, seed, time, hardware, losses, weights."""
    records = []
    for checkpoint in checkpoints:
        config, history = checkpoint.config, checkpoint.config["history"]
        record: Record = {
            "data": checkpoint.group_title,
            "model": checkpoint.title,
            "folder": folder_name(checkpoint, root),
            "command": command(checkpoint, root),
            "source": config["source"].rstrip("."),
            "training images": config["training_images"],
            "seed": checkpoint.recipe["seed"],
            "epochs": len(history),
            "minutes": f"{config['seconds'] / 60:.0f}",
            "hardware": config["versions"]["hardware"],
            "torch": config["versions"]["torch"],
            "finished": config["finished"],
            "first loss": f"{history[0]['loss']:.3f}",
            "last loss": f"{history[-1]['loss']:.3f}",
            "images/s": f"{history[-1]['images_per_second']:.0f}",
            "remark": jump(history),
            "weights sha256": checkpoint.sha256[:16],
            "weights shipped": "yes" if checkpoint.has_weights else "no",
        }
        records.append(record | _origin(checkpoint, checkpoints, root) | _measured(checkpoint, root))
    return records


def _origin(checkpoint: Checkpoint, checkpoints: Sequence[Checkpoint], root: Path) -> Record:
    """Which weights the training started from; empty if it started from scratch."""
    digest = checkpoint.config.get("start_sha256")
    if not digest:
        return {"start sha256": "", "started from": ""}
    names = [folder_name(candidate, root) for candidate in checkpoints if candidate.sha256 == digest]
    where = names[0] if names else "an earlier stage in the history of this repository"
    return {"start sha256": digest[:16], "started from": where}


def _measured(checkpoint: Checkpoint, root: Path) -> Record:
    command, longest = measured_by(checkpoint, root)
    return {"measured by": command or "not measured yet", "later steps": longest}


def measured_by(checkpoint: Checkpoint, root: Path) -> tuple[str, int | None]:
    """The command line that measured this model, and the most steps that a later run took with some perturbations.

    The command is empty if nothing was measured; the steps are None if no later run took more than the command says.
    """
    results = Results.load(checkpoint.folder)
    crafted = results.curve() if results else []
    if results is None or not crafted:
        return "", None
    first = crafted[0]
    aims = {m.target for m in results.measurements if m.target is not None}
    targets = sum(aim.kind != "remove" for aim in aims)
    steps = sorted(m.steps for m in crafted)
    options = f"--steps {steps[0]} --images {first.crafted_on} --targets {targets} --seed {first.seed}"
    done = {m.epsilon for m in crafted}
    if not done.issuperset(AttackSuite.standard(datasets.get(checkpoint.data)).epsilons):
        options += "".join(f" --epsilon {epsilon}" for epsilon in sorted(done))
    options += " --assess" if results.robustness else ""
    line = f"plainsight precompute {SHIPPED}/{folder_name(checkpoint, root)} {options}"
    return line, steps[-1] if steps[-1] > steps[0] else None


def command(checkpoint: Checkpoint, root: Path) -> str:
    """The command line that trains this model again."""
    recipe = checkpoint.recipe
    words = [f"plainsight train --data {recipe['data']} --arch {recipe['architecture']}"]
    if recipe["sigma"]:
        words.append(f"--sigma {recipe['sigma']:g} --heap {recipe['heap']} --epsilon {recipe['epsilon']:.4g}")
        words.append(f"--steps {recipe['steps']} --step-size {recipe['step_size']:g}")
        words += [f"--loss-cap {recipe['loss_cap']:g}"] if recipe["loss_cap"] != LOSS_CAP else []
        words += ["--persist"] if recipe.get("persist") else []
        words += ["--classwise"] if recipe.get("classwise") else []
        words += [f"--shrink {recipe['shrink']:g}"] if recipe.get("shrink") else []
        words += [f"--step-spread {recipe['step_spread']:g}"] if recipe.get("step_spread") else []
        words += [f"--norm {recipe['norm']}"] if recipe.get("norm") else []
    words += [f"--jacobian {recipe['jacobian']:g}"] if recipe.get("jacobian") else []
    words.append(f"--epochs {recipe['epochs']} --batch-size {recipe['batch_size']}")
    words.append(f"--learning-rate {recipe['learning_rate']:g} --seed {recipe['seed']}")
    words += [f"--label-smoothing {recipe['label_smoothing']:g}"] if recipe["label_smoothing"] else []
    words += [f"--images {recipe['images']}"] if recipe["images"] else []
    words += [f"--start {recipe['start']}"] if recipe["start"] else []
    words += [f"--name {checkpoint.name}"] if checkpoint.name != Recipe(**recipe).name else []
    home = Path(SHIPPED, folder_name(checkpoint, root)).parent.parent
    return " ".join([*words, f"--root {home.as_posix()}"])
