"""Build steps of the site: the command line reference from the Typer app, and doctests of docstrings as code."""

import re
from typing import Any

import griffe
import typer
from typer.cli import get_docs_for_click

PAGE = "reference/command-line.md"
MARK = "<!-- commands -->"
DOCTEST = re.compile(r"(?m)^>>> (?:.+\n?)+")
"""From a prompt to the next empty line."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page's Markdown; on the command line page the mark is replaced by every command with its options.

    Raises ValueError where the mark is missing.
    """
    if page.file.src_uri != PAGE:
        return markdown
    if MARK not in markdown:
        raise ValueError(f"{PAGE} has no line {MARK}.")
    from core.__main__ import app  # the paths of mkdocs are set by now

    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="plainsight")
    commands = get_docs_for_click(obj=command, ctx=context, name="plainsight")
    return markdown.replace(MARK, commands.partition("\n")[2])  # the page has a title of its own


class Doctests(griffe.Extension):
    """Examples in docstrings become blocks of code; Markdown would take their prompts for quotations."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if text := obj.docstring:
            text.value = DOCTEST.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text.value)
