"""`python -m app space FOLDER`: the static edition with what the Hub reads of a Space, ready to push."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.edition.export import folder as edition

FRONT = """---
title: PlainSight
emoji: 👁
colorFrom: blue
colorTo: red
sdk: static
app_file: index.html
license: apache-2.0
short_description: Perturbations that show themselves
{thumbnail}tags:
  - adversarial-robustness
  - universal-perturbations
  - image-classification
  - semantic-segmentation
  - perceptibility
---

# PlainSight

One perturbation, added to every image, makes a standard image model wrong on most of them. This page shows such
perturbations for standard and for shared-trained models (Mummadi, Brox, Metzen, ICCV 2019): how strong they have to be,
how visible that is, and what they look like. Its numbers were measured beforehand; attacks that you start, and your own
pictures, are computed in your browser. It asks no other host.
"""


def main(
    folder: Annotated[Path, typer.Argument(help="The folder to write; it must not hold anything else.")],
    sdk: Annotated[str, typer.Option(help="The kind of Space: static, which is free for everyone.")] = "static",
    address: Annotated[
        str,
        typer.Option(help="Where it will be found, like https://NAME-SPACE.static.hf.space: for previews of links."),
    ] = "",
) -> None:
    """Write a Space for the Hugging Face Hub: the app as plain files, with a front matter."""
    if sdk != "static":
        print(
            f"Error: --sdk is static, and {sdk!r} was given; the repository itself is a Docker Space.", file=sys.stderr
        )
        raise typer.Exit(2)
    edition.run(folder, address, {"README.md": readme(address)})
    print("Push its files to a Space; docs/how-to/static.md says how.")


def readme(address: str) -> str:
    """The README of the Space; a thumbnail takes an address."""
    thumbnail = f"thumbnail: {address.rstrip('/')}/preview.png\n" if address else ""
    return FRONT.format(thumbnail=thumbnail)
