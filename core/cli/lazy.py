"""Commands whose files are imported when they are needed, so that lists of commands and shell completion are fast.

Importing PyTorch takes seconds; `plainsight --help` and the Tab key need none of it.
"""

import pkgutil
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from core.cli import renamed


class LazyCommand(TyperCommand):
    """A command that knows its name and one sentence, and reads its options and its full help from its file."""

    file = ""
    """The module in `core.cli`, and the function in it, that hold the command."""
    _help: str | None = None

    @property
    def help(self) -> str | None:
        self._load()
        return self._help

    @help.setter
    def help(self, value: str | None) -> None:
        """What Typer read from the placeholder is not kept."""

    def get_params(self, ctx: Any) -> list[Any]:
        self._load()
        return super().get_params(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # set while a shell completes a line
            renamed.check_options(self.name or "", args)
        return super().parse_args(ctx, args)

    def _load(self) -> None:
        if self.params:
            return
        alone = typer.Typer(add_completion=False)
        alone.command()(pkgutil.resolve_name(f"core.cli.{self.file}:{self.file}"))
        command = typer.main.get_command(alone)
        self.params, self.callback, self._help = command.params, command.callback, command.help


class Commands(TyperGroup):
    """A group that lists its subgroups first, then its commands in the order in which they were added."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: not isinstance(self.commands[name], TyperGroup))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        if not ctx.resilient_parsing:
            renamed.check_command(args[0])
        return super().resolve_command(ctx, args)


def add(app: typer.Typer, sentences: dict[str, str], prefix: str = "") -> None:
    """Add commands by name, with the sentence that lists say of each; `prefix` stands before the name of the file."""
    for name, sentence in sentences.items():

        def placeholder() -> None:
            """Replaced by the function in the file when the command is run."""

        command = type("LazyCommand", (LazyCommand,), {"file": prefix + name})
        app.command(name, cls=command, short_help=sentence)(placeholder)
