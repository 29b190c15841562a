"""The choices of one person: a small frozen value in `gr.State` and in the address of the page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from core.attacks.targets import Target  # an import would load torch before the page can be opened

AMPLIFICATIONS = (1, 5, 20)
VIEWS = ("clean", "a", "b")
SHOWS = ("labels", "flips")
SHEETS = 20
"""The number of sheets of nine held-out images that can be shown."""
EPSILONS = range(2, 33, 2)
TRAINED = 24
"""The largest training epsilon that the Trade-off tab offers, unless a model was trained with a larger one."""
STEPS = (10, 20, 40, 60, 100, 200)
IMAGES = (64, 128, 256, 512, 1024, 2048)
SEEDS = range(10_000)
SIDES = ("a", "b")
LOOKS = {
    "compare": ("amplify", "view", "sheet"),
    "segmentation": ("amplify", "show", "only", "scene"),
    "tradeoff": ("side",),
}
"""The fields of each tab that change only how a result is drawn."""
ATTACKING = ("attack", "target", "epsilon", "steps", "images", "seed")
"""The fields of the tabs that run attacks."""

HIDDEN = ("run", "visitor")
"""The fields that are in no address and no file."""


@dataclass(frozen=True)
class Session:
    """What a person has chosen on one tab; `epsilon` is in units of 1/255.

    `sheet` counts sheets of held-out images, `scene` single scenes, both from 0. `show` is what the maps of a scene
    show, all labels or those that flipped, and `only` the class they are limited to.

    `side` is the model that the sliders of the Trade-off tab set. `run` names a run of this person that is under way,
    stopped or finished, and `visitor` the open page (Gradio's session hash). Neither is ever part of an address.
    """

    tab: str = "compare"

    data: str = ""
    a: str = ""
    b: str = ""
    attack: str = "spgd"
    target: "Target | None" = None
    epsilon: int = 16
    steps: int = 60
    images: int = 512
    seed: int = 0
    amplify: int = 20
    view: str = "a"
    sheet: int = 0
    show: str = "labels"
    only: int | None = None
    scene: int = 0
    side: str = "b"
    run: str = ""
    visitor: str = ""

    def to_json(self) -> dict[str, Any]:
        """Every field as in a file."""
        return {**vars(self), "target": self.target and self.target.to_json()}

    def query(self) -> str:
        """The choices as in an address, like `data=signs&a=standard&...`."""
        others = {name for tab, looks in LOOKS.items() if tab != self.tab for name in looks}
        left_out = set(HIDDEN) | (others - set(LOOKS[self.tab])) | ({"tab"} if self.tab == "compare" else set())
        left_out |= set(ATTACKING) if self.tab == "tradeoff" else set()
        chosen = {name: value for name, value in self.to_json().items() if name not in left_out and value is not None}
        return urlencode(chosen)
