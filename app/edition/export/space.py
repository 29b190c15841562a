"""`python -m app space FOLDER`: the app as a Space for the Hub, ready to push."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.edition.export import folder as edition
from app.edition.export import hub, server
from app.edition.live import ISOLATION

FRONT = """---
title: PlainSight
emoji: 👁
colorFrom: blue
colorTo: red
{kind}
license: apache-2.0
short_description: Perturbations that show themselves
{thumbnail}tags:
  - adversarial-robustness
  - universal-perturbations
  - image-classification
  - semantic-segmentation
  - perceptibility
---
"""
KINDS = {
    "static": "sdk: static\napp_file: index.html\ncustom_headers:\n"
    + "\n".join(f"  {name.lower()}: {value}" for name, value in ISOLATION.items()),
    "gradio": 'sdk: gradio\nsdk_version: {gradio}\npython_version: "3.12"\napp_file: app.py\n'
    "suggested_hardware: zero-a10g",
    "docker": "sdk: docker\napp_port: 7860",
}
TEXT = """
# PlainSight

One perturbation, added to every image, makes a standard image model wrong on most of them. This page shows such
perturbations for standard and for shared-trained models (Mummadi, Brox, Metzen, ICCV 2019): how strong they have to be,
how visible that is, and what they look like.
{measured}
"""
MEASURED = "Its numbers were measured beforehand; attacks that you start are computed in your browser."
LIVE = "What is stored is shown at once; other attacks run on this server, where one can watch them form."


def main(
    folder: Annotated[Path, typer.Argument(help="The folder to write; it must not hold anything else.")],
    sdk: Annotated[
        str,
        typer.Option(
            help="The kind of Space: static, free for everyone; gradio, of which a free account can have two on "
            "ZeroGPU; docker, which takes a paid plan."
        ),
    ] = "static",
    address: Annotated[
        str,
        typer.Option(help="Where it will be found, like https://NAME-SPACE.static.hf.space: for previews of links."),
    ] = "",
    push: Annotated[
        str, typer.Option(help="OWNER/NAME of the Space on the Hub that gets these files; it is made if there is none.")
    ] = "",
) -> None:
    """Write a Space for the Hugging Face Hub: the app as plain files or with a server, with a front matter."""
    try:
        if sdk not in KINDS:
            raise ValueError(f"--sdk is static, gradio or docker, and {sdk!r} was given.")
        if push:
            hub.check(push)
            address = address or hub.address(push, sdk)
        if sdk == "static":
            edition.run(folder, address, {"README.md": readme(sdk, address)})
        else:
            size = edition.put(folder, lambda made: _fill(made, sdk, address))
            print(f"{folder}: {size / 1e6:.1f} MB.")
        print(f"Pushed: {hub.push(folder, push, sdk)}" if push else "Push its files to a Space; --push does it.")
    except (OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error


def front(sdk: str, address: str = "") -> str:
    """The front matter that the Hub reads; a thumbnail takes an address."""
    thumbnail = f"thumbnail: {address.rstrip('/')}/preview.png\n" if address else ""
    kind = KINDS[sdk].format(gradio=server.gradio_version()) if sdk == "gradio" else KINDS[sdk]
    return FRONT.format(kind=kind, thumbnail=thumbnail)


def readme(sdk: str, address: str) -> str:
    """The README of the Space."""
    return front(sdk, address) + TEXT.format(measured=MEASURED if sdk == "static" else LIVE)


def _fill(made: Path, sdk: str, address: str) -> None:
    (made / server.README).write_text(readme(sdk, address), "utf-8")
    edition.sign(made)
    {"gradio": server.gradio, "docker": server.docker}[sdk](made)
