"""`patterns`."""

from typing import Annotated

import typer

from core.checkpoints import store
from core.checkpoints.store import ModelFolder
from core.cli.console import say
from core.cli.options import Device, ModelsRoot
from core.runtime import available
from core.workflows.patterns import judge_patterns


def patterns(
    root: ModelsRoot = None,
    data: Annotated[str | None, typer.Option(help="Measure models of this data set only. Default: of all.")] = None,
    device: Device = "auto",
) -> None:
    """Measure how often other models see the target in stored perturbations.

    The pattern score of every model that has perturbations towards classes is stored in its results.json. What is
    already stored is measured again only where the perturbations or the other models changed. No images are needed.
    """
    root, where = root or store.default_root(), available(device)
    found = [checkpoint.folder for checkpoint in store.find(root) if data in (None, checkpoint.data)]
    measured = sum(_judge(ModelFolder(folder, where), str(folder.relative_to(root))) for folder in found)
    say(f"{measured} pattern scores were measured, of {len(found)} models.")


def _judge(folder: ModelFolder, name: str) -> bool:
    return judge_patterns(folder, lambda line: say(f"{name}: {line}"))
