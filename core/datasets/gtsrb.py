"""German traffic signs (Stallkamp et al. 2012), 43 classes: `gtsrb`, or `gtsrb@SIZE`, at `$PLAINSIGHT_DATA/gtsrb`.

The files are laid out as torchvision, or the archives of the benchmark's page, lay them out.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from core.datasets import Dataset, Split, data_root
from core.datasets._image_folder import listed, read
from core.datasets._pictures import parsed_side

NAME = "gtsrb"
SIZE = (32, 32)
CLASSES = (
    *("speed limit 20", "speed limit 30", "speed limit 50", "speed limit 60", "speed limit 70", "speed limit 80"),
    *("end of speed limit 80", "speed limit 100", "speed limit 120", "no passing", "no passing for trucks"),
    *("right of way at the next intersection", "priority road", "yield", "stop", "no vehicles", "no trucks"),
    *("no entry", "general caution", "dangerous curve left", "dangerous curve right", "double curve", "bumpy road"),
    *("slippery road", "road narrows on the right", "road work", "traffic signals", "pedestrians"),
    *("children crossing", "bicycles crossing", "ice or snow", "wild animals crossing", "end of all limits"),
    *("turn right ahead", "turn left ahead", "ahead only", "straight or right", "straight or left", "keep right"),
    *("keep left", "roundabout", "end of no passing", "end of no passing for trucks"),
)
"""In the order of the official numbers; trucks are vehicles of more than 3.5 t."""
TRUTH = "GT-final_test.csv"


def dataset(argument: str | None) -> Dataset:
    """The data set at 32x32 or SIZE x SIZE pixels; `missing` says what is missing and how to get it."""
    size, root = parsed_side(argument) if argument else SIZE, data_root() / NAME
    bases = (root / "GTSRB", root, data_root() / "GTSRB")
    train = _first(base / inner for base in bases for inner in ("Training", "Final_Training/Images"))
    tested = _first(base / "Final_Test" / "Images" for base in bases)
    truth = _first(place / TRUTH for base in bases for place in (base, base / "Final_Test", base / "Final_Test/Images"))
    parts = {"training images": train, "test images": tested, f"table {TRUTH}": truth}
    absent = ", ".join(name for name, path in parts.items() if not path.exists())

    def load(split: str, limit: int | None = None) -> Split:
        if split == "test":
            return read(_tested(tested, truth), size, limit)
        return read(listed({name: train / f"{number:05}" for number, name in enumerate(CLASSES)}, split), size, limit)

    missing = f"GTSRB under {root} lacks its {absent}; get it with: plainsight data fetch gtsrb"
    return Dataset(
        *(NAME, "German traffic signs (GTSRB)", "classification", CLASSES, size, "GTSRB, whole pictures", load),
        missing=missing if absent else None,
    )


def fetch() -> Path:
    """Download through torchvision (about 280 MB, with progress and checksums); returns the folder."""
    from torchvision.datasets import GTSRB  # here, since importing it takes seconds

    for split in ("train", "test"):
        GTSRB(str(data_root()), split=split, download=True)
    return data_root() / NAME


def _first(places: Iterable[Path]) -> Path:
    """The first path that exists; the first of all if none exists."""
    options = list(places)
    return next((place for place in options if place.exists()), options[0])


def _tested(images: Path, truth: Path) -> list[tuple[Path, int]]:
    """(path, class number) of the test pictures in the official table. Raises ValueError that names what is missing."""
    with truth.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";", skipinitialspace=True))
    if not rows or not {"Filename", "ClassId"} <= rows[0].keys():
        raise ValueError(
            f"{truth} has no column ClassId, as in the archive of the test images; the classes are in the {TRUTH} of "
            "GTSRB_Final_Test_GT.zip."
        )
    numbers = {row["Filename"]: row["ClassId"] for row in rows}
    for name, number in numbers.items():
        if number not in map(str, range(len(CLASSES))):
            raise ValueError(f"{truth} gives {name} the class {number!r}, and classes go from 0 to {len(CLASSES) - 1}.")
        if not (images / name).is_file():
            raise ValueError(f"{truth} lists {name}, which is not in {images}.")
    for number, name in enumerate(CLASSES):
        if str(number) not in numbers.values():
            raise ValueError(f"Class {name!r} (number {number}) of the test split has no pictures in {truth}.")
    return [(images / name, int(number)) for name, number in sorted(numbers.items())]
