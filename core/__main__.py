"""The command line, installed as `plainsight` and run by `python -m core`; `COMMAND --help` explains each command."""

import importlib.metadata
import os
import sys
from typing import Annotated

import typer
from rich.text import Text

from core.cli.console import err
from core.cli.lazy import Commands, add

COMMANDS = {
    "train": "Train a model: standard, adversarial or shared adversarial.",
    "attack": "Craft one perturbation for all images and measure it on held-out images.",
    "evaluate": "Measure a model on held-out images, clean or perturbed.",
    "robustness": "Find the smallest epsilon at which one perturbation breaks a model.",
    "risks": "Measure the expected, universal, heap and adversarial risks of a model.",
    "certify": "Prove how many images stay right under any perturbation that all of them share.",
    "convert": "Make a model folder of weights that were trained elsewhere.",
    "precompute": "Measure a model folder and store the results that the app shows.",
    "replay": "Store how the perturbation of a model forms, which the app can play.",
    "sweep": "Train and measure a grid of models, on one machine or a cluster.",
    "campaign": "Train a queue of models for a given time, several at once on one device.",
    "patterns": "Measure how often other models see the target in stored perturbations.",
    "models": "List model folders and their accuracy.",
    "results": "Write the results pages from the numbers in the model folders.",
}
"""The first line of each command's help; the command is in the file of its name in `core/cli`."""
DATA_COMMANDS = {
    "list": "List the data sets and whether their images are on this machine.",
    "fetch": "Download a data set, or draw and cache a built-in one.",
}
MORE = "plainsight.commands"
"""The group of entry points that are commands too; `app` is one, since the engine does not import the app."""

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Universal adversarial perturbations: train image models, attack them and measure their robustness.",
)
data = typer.Typer(no_args_is_help=True, help="List, download or draw data sets.")
app.add_typer(data, name="data")
add(app, COMMANDS)
add(data, DATA_COMMANDS, prefix="data_")
for entry in importlib.metadata.entry_points(group=MORE):
    app.command(entry.name)(entry.load())


def _print_version(asked: bool) -> None:
    if asked:
        print(f"plainsight {importlib.metadata.version('plainsight')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command line; a mistake of the user is answered with one sentence and exit status 2, not a traceback."""
    completion = any(word.startswith(("--install-completion", "--show-completion")) for word in sys.argv[1:])
    try:
        app(prog_name="plainsight" if completion else None)  # shells complete the installed command only
    except Exception as error:
        if os.environ.get("PLAINSIGHT_TRACEBACK") or not (isinstance(error, ValueError | OSError) or _diverged(error)):
            raise
        said = f"{error.filename}: {error.strerror}." if isinstance(error, OSError) and error.filename else error
        err.print(Text.assemble(("Error:", "bold red"), f" {said}"), soft_wrap=True)
        sys.exit(2)


def _diverged(error: Exception) -> bool:
    from core.training.loop import Diverged  # here, since it imports PyTorch

    return isinstance(error, Diverged)


if __name__ == "__main__":
    main()
