"""The command line: `python -m core COMMAND --help` teaches each command."""

import os
import sys

import typer
from rich.text import Text

from core.cli import attack, data, folders, robustness, sweep, train
from core.cli.options import err
from core.training import loop

app = typer.Typer(
    name="python -m core",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train image classifiers that no single perturbation fools, and make the perturbations that try.",
)
data_app = typer.Typer(no_args_is_help=True, help="List data sets, and fetch the ones that are not built in.")
app.add_typer(data_app, name="data")
data_app.command("list")(data.data_list)
data_app.command("fetch")(data.data_fetch)
app.command("train")(train.train)
app.command("sweep")(sweep.sweep)
app.command("attack")(attack.attack)
app.command("evaluate")(attack.evaluate_command)
app.command("robustness")(robustness.robustness)
app.command("ladder")(robustness.ladder)
app.command("precompute")(folders.precompute_command)
app.command("models")(folders.models_command)
app.command("results")(folders.results_command)


def main() -> None:
    """Run the command line; a mistake of the person gives one sentence and exit status 2, never a traceback."""
    try:
        app()
    except (ValueError, OSError, loop.Diverged) as error:
        if os.environ.get("PLAINSIGHT_TRACEBACK"):
            raise
        said = f"{error.filename}: {error.strerror}." if isinstance(error, OSError) and error.filename else error
        err.print(Text.assemble(("Error:", "bold red"), f" {said}"), soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
