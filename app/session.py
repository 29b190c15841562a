"""The choices of one person: a small frozen value in `gr.State` and in the address of the page.

Each tab has a subclass of `Session`, which declares what the tab adds to it and what is true of the tab alone.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:  # these imports would load torch before the page can be opened
    from core.attacks.targets import Target
    from core.checkpoints.store import Checkpoint

AMPLIFICATIONS = (0, 1)
"""How patterns are drawn: 0 as strongly as full scale allows, 1 as they are."""
EPSILONS = range(2, 33, 2)
STEPS = (10, 20, 40, 60, 100, 200)
IMAGES = (64, 128, 256, 512, 1024, 2048)
SEEDS = range(10_000)
SIDES = ("a", "b")
EQUAL = ("effect", "strength")
"""What is equal for both models: how often the attack succeeds, or epsilon."""
WRONG = (50, 75)
"""On how many of a hundred images the attack has to succeed at equal effect."""
FAR = range(10_000)
"""Numbers of sheets and scenes that an address may ask for; past the end the last one is shown."""
USUAL = "compare"
"""The tab of an address that names none."""

SHARED = ("data", "a", "b", "attack", "target", "equal", "wrong", "epsilon", "steps", "images", "seed", "amplify")
"""The choices that all tabs share."""
HIDDEN = ("run", "visitor", "revision")
"""The fields that are in no address and no file."""

AnySession = TypeVar("AnySession", bound="Session")


def choice(
    default: Any,
    fits: "Collection[Any] | Callable[[Any], Collection[Any]]",
    *,
    look: bool = False,
    kept: bool = False,
) -> Any:
    """A field of a session, what fits it (or a function of the session that says so), and its default.

    A `look` changes only how a result is drawn. A `kept` field keeps its value when another data set is chosen.
    """
    return field(default=default, metadata={"fits": fits, "look": look, "kept": kept})


@dataclass(frozen=True)
class Session:
    """What a person has chosen on one tab; `epsilon` is in units of 1/255.

    At `equal` strength both models are attacked with `epsilon`; at equal effect each with the smallest strength at
    which the attack succeeds on `wrong` % (`app.service.catalogue.at`).

    The fields here are shared by tabs: a button that leads to another tab hands them on. `run` names a run of this
    person that is under way, stopped or finished, and `visitor` the open page (Gradio's session hash). Neither is ever
    part of an address. `revision` grows with each event that changes the session, and takes no part in comparisons.
    """

    tab: ClassVar[str]
    """The tab's name in an address, and the name of its file."""
    addressed: ClassVar[tuple[str, ...]] = SHARED
    """The shared fields that are in the tab's address; the fields that it adds always are."""
    needs: ClassVar[str] = "trained models"
    """What the tab shows, for the sentence that says that there are none."""
    training_options: ClassVar[str] = ""
    """Options of `train` that make such models, beginning with a space."""

    data: str = ""
    a: str = ""
    b: str = ""
    attack: str = "spgd"
    target: "Target | None" = None
    equal: str = choice("effect", EQUAL, kept=True)
    wrong: int = choice(50, WRONG, kept=True)
    epsilon: int = choice(16, EPSILONS)
    steps: int = choice(60, STEPS)
    images: int = choice(512, IMAGES)
    seed: int = choice(0, SEEDS, kept=True)
    amplify: int = choice(0, AMPLIFICATIONS, look=True, kept=True)
    run: str = ""
    visitor: str = ""
    revision: int = field(default=0, compare=False)

    @classmethod
    def shows(cls, model: "Checkpoint") -> bool:
        """Whether the tab can show this model."""
        return model.has_weights

    @classmethod
    def first_targets(cls, offered: "list[Target]") -> "list[Target | None]":
        """The targets that the first view is chosen among."""
        return [None]

    @classmethod
    def looks(cls) -> list[str]:
        """The fields that change only how a result is drawn."""
        return [each.name for each in fields(cls) if each.metadata.get("look")]

    @classmethod
    def kept(cls) -> list[str]:
        """The fields that stay when another data set is chosen."""
        return [each.name for each in fields(cls) if each.metadata.get("kept")]

    def on(self, kind: type[AnySession]) -> AnySession:
        """The shared choices on another tab."""
        return kind(**{each.name: getattr(self, each.name) for each in fields(Session)})

    def to_json(self) -> dict[str, Any]:
        """Every field as in a file."""
        return {"tab": self.tab, **vars(self), "target": self.target and self.target.to_json()}

    def query(self) -> str:
        """The choices as in an address, like `data=signs&a=standard&...`."""
        left_out = {each.name for each in fields(Session)} - set(self.addressed)
        left_out |= {"tab"} if self.tab == USUAL else set()
        chosen = {name: value for name, value in self.to_json().items() if name not in left_out and value is not None}
        return urlencode(chosen)
