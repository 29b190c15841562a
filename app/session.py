"""Everything that is one person's: a small frozen value in `gr.State`, and in the address of the page."""

from dataclasses import asdict, dataclass
from urllib.parse import urlencode

AMPLIFICATIONS = (1, 5, 20)
VIEWS = ("clean", "a", "b")
EPSILONS = tuple(range(2, 33, 2))
STEPS = (10, 20, 40, 60, 100, 200)
IMAGES = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class Session:
    """What the person has chosen; `epsilon` is in units of 1/255, `target` a class number.

    `sheet` counts sheets of nine held-out images, from 0.

    `run` names a run of this person that is under way, stopped or finished; it never stands in an address.
    """

    data: str = ""
    a: str = ""
    b: str = ""
    attack: str = "spgd"
    target: int | None = None
    epsilon: int = 16
    steps: int = 60
    images: int = 512
    seed: int = 0
    amplify: int = 20
    view: str = "a"
    sheet: int = 0
    run: str = ""

    def query(self) -> str:
        """The choices as they stand in an address, like `data=signs&a=standard&...`."""
        chosen = {name: value for name, value in asdict(self).items() if name != "run" and value is not None}
        return urlencode(chosen)
