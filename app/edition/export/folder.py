"""`python -m app export FOLDER`: the static edition as a folder of files."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

LARGEST = 60_000_000
"""Bytes that an edition may take."""
CRAFTING, HELD_OUT = 128, 144
"""Images that attacks in the browser are crafted on and measured on; lossless, they take much room."""
SIGN = "plainsight-edition.txt"
"""The file by which a folder is known as an edition or a Space, which may be written anew."""


def main(
    folder: Annotated[Path, typer.Argument(help="The folder to write; it must not hold anything else.")],
    address: Annotated[
        str, typer.Option(help="Where it will be found, like its https address: previews of links need it.")
    ] = "",
) -> None:
    """Write the app as plain files, which any web server hands out and a browser opens from a disk."""
    run(folder, address)


def run(folder: Path, address: str, more: Mapping[str, str] | None = None) -> None:
    """Write the edition and say how large it is; what is amiss is one sentence. Raises typer.Exit."""
    began = time.perf_counter()
    try:
        size = write(folder, address, more)
    except (OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    seconds = time.perf_counter() - began
    print(f"{folder}: {size / 1e6:.1f} MB in {seconds:.0f} s. Open {folder / 'index.html'}.")


def write(folder: Path, address: str = "", more: Mapping[str, str] | None = None) -> int:
    """Write the edition to `folder` and return its size in bytes; either all of it is there or nothing.

    `more` are further files of text, by name.

    Raises NoModels where there is nothing to show, and what `put` raises.
    """

    def fill(made: Path) -> None:
        _fill(made, address)
        for name, text in (more or {}).items():
            (made / name).write_text(text, "utf-8")

    return put(folder, fill)


def put(folder: Path, fill: Callable[[Path], object]) -> int:
    """Write what `fill` puts into an empty folder to `folder`, all or nothing; returns its size in bytes.

    Raises FileExistsError for a folder that holds other files, NotADirectoryError for a file, ValueError for more than
    `LARGEST`, and what `fill` raises.
    """
    _refuse(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    try:
        fill(made)
        size = sum(path.stat().st_size for path in made.rglob("*") if path.is_file())
        if size > LARGEST:
            raise ValueError(f"It would take {size / 1e6:.1f} MB, and at most {LARGEST / 1e6:.0f} MB are allowed.")
        made.chmod(0o755)
        _refuse(folder)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return size


def _refuse(folder: Path) -> None:
    """Raises FileExistsError or NotADirectoryError where the edition would take the place of something else."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder that does not exist yet.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SIGN).is_file():
        raise FileExistsError(f"{folder} holds other files; name an empty folder, or one that does not exist yet.")


def live_parts(folder: Path) -> dict[str, Any]:
    """Write what attacks in the browser take; returns its manifest.

    Where something is not installed the edition goes without, that is said, and the manifest is empty.
    """
    from app.edition import live
    from app.edition.export import compare

    try:
        return live.write(folder, compare.groups(), crafting=CRAFTING, held_out=HELD_OUT)
    except (FileNotFoundError, ValueError) as error:
        print(f"Without attacks in the browser: {error}", file=sys.stderr)
        shutil.rmtree(folder / live.FOLDER, ignore_errors=True)
        return {}


def _fill(folder: Path, address: str) -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from app.edition import talk
    from app.edition.export import document
    from app.theme import STATIC

    document.write(folder, address, live_parts(folder))
    (folder / "talk.html").write_text(talk.document(leave="index.html"), "utf-8")
    shutil.copyfile(plotly_js(), folder / "plotly.min.js")
    for name in ("favicon.png", "preview.png"):
        shutil.copyfile(STATIC / name, folder / name)
    (folder / ".nojekyll").touch()  # else GitHub Pages would leave files out
    sign(folder)


def plotly_js() -> Path:
    """The library of the figures: where npm has installed it a smaller bundle of the same version."""
    from app.components import PLOTLY_JS
    from app.edition.live import ROOT

    basic = ROOT / "node_modules" / "plotly.js-basic-dist-min" / "plotly-basic.min.js"
    return basic if basic.is_file() and version(basic) == version(PLOTLY_JS) else PLOTLY_JS


def version(library: Path) -> str:
    """The version that a file of plotly.js names at its beginning."""
    with library.open(encoding="utf-8") as file:
        found = re.search(r"v(\d+\.\d+\.\d+)", file.read(200))
    return found[1] if found else ""


def sign(folder: Path) -> None:
    """Make the folder known as one that this command has written."""
    (folder / SIGN).write_text(
        "Written by PlainSight (python -m app export, or space); may be written anew.\n", "utf-8"
    )
