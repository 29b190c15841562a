"""The talk on paper: one step a page, with its notes, printed to PDF by Chromium."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 120
"""Seconds that the browser gets."""


def main(
    file: Annotated[Path, typer.Argument(help="The PDF file to write.")] = Path("talk.pdf"),
) -> None:
    """Print the steps of the talk, each with its notes, to a PDF file."""
    try:
        pages = write(file)
    except (OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    print(f"{file}: {pages} steps, each with its notes.")


def write(file: Path) -> int:
    """Print the talk to `file`; returns the number of steps.

    Raises NoModels or FileNotFoundError where there is no talk, FileNotFoundError without a Chromium or a folder for
    the file, OSError where the browser fails.
    """
    from app.edition import talk

    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FileNotFoundError("Printing the talk takes Chromium or Chrome, and none is installed here.")
    if not file.absolute().parent.is_dir():
        raise FileNotFoundError(f"{file.absolute().parent} is no folder, so {file.name} cannot be written there.")
    steps = talk.steps()
    with tempfile.TemporaryDirectory(prefix="plainsight-talk-") as folder:
        page, printed = Path(folder) / "talk.html", Path(folder) / "talk.pdf"
        page.write_text(talk.page(steps), "utf-8")
        _print(browser, page, printed, Path(folder))
        if not printed.is_file():
            raise OSError(f"{browser} has printed nothing.")
        shutil.copyfile(printed, file)
    return len(steps)


def _print(browser: str, page: Path, printed: Path, folder: Path) -> None:
    """Raises OSError where the browser takes too long or ends with an error."""
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
    options = (*quiet, "--disable-sync", "--no-first-run", "--no-pdf-header-footer", "--virtual-time-budget=10000")
    own = (f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={printed}")
    try:
        subprocess.run([browser, *options, *own, page.as_uri()], check=True, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{browser} has printed nothing in {PATIENCE} s.") from error
    except subprocess.CalledProcessError as error:
        raise OSError(f"{browser} could not print the talk (exit status {error.returncode}).") from error
