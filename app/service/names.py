"""How the page names models, their training and attacks: in words that one understands without the paper.

Tables, results pages and the command line use the exact names, like `Shared, heap 64, ε 16/255, σ 0.5`; on the page
those are on demand. Epsilons are in units of 1/255.
"""

import re
from collections.abc import Sequence

from core import attacks
from core.checkpoints.groups import ELSEWHERE, WORDS
from core.checkpoints.store import Checkpoint

ATTACKS = {"random-signs": "Random noise"}
"""Attacks that have another title on the page: the signs of random signs read like traffic signs there."""

CLASSWISE = WORDS["classwise"][0]
SHORT = {
    "Jacobian regularisation": "Jacobian",
    "persistent deltas": "persistent",
    r"step sizes spread over \S+ octaves": "spread steps",
}
"""What pickers and legends have less room for."""


def attack_title(name: str) -> str:
    """The title of an attack in sentences and captions. Raises ValueError for an unknown one."""
    return ATTACKS.get(name, attacks.get(name).title)


def attack_choice(name: str) -> str:
    """The title of an attack in the picker, where one does not know them. Raises ValueError for an unknown one."""
    words = attack_title(name)
    if name == "spgd":
        return f"Strongest ({words})"
    return f"{words} (control)" if attacks.get(name).control else words


def model_title(of: Checkpoint, others: Sequence[Checkpoint]) -> str:
    """The title of a model: `Standard`, or like `Shared-trained, 64 images, 16/255`.

    Where one of the `others` differs in sigma only, sigma is told too.
    """
    more = _more(of, others)
    words = training(of.heap, _classwise(of))
    if more:
        words = words.replace("Adversarially trained", "Adversarial").replace("Shared-trained", "Shared")
    return _title(of, words, more)


def model_choice(of: Checkpoint, others: Sequence[Checkpoint]) -> str:
    """The same as a picker has room for, like `Shared by 64, 16/255`."""
    return _shortened(_title(of, training_choice(of.heap, _classwise(of)), _more(of, others)))


def _title(of: Checkpoint, words: str, more: Sequence[str]) -> str:
    if not _trained(of):
        return of.short
    place = f" ({of.place})" if of.place else ""
    return ", ".join((words, f"{of.recipe['epsilon']:.4g}/255", *more)) + place


def _more(of: Checkpoint, others: Sequence[Checkpoint]) -> list[str]:
    """What tells a model from others of the same heap and epsilon; sigma only where nothing else does."""
    rivals = (one for one in others if one.name != of.name and one.place == of.place)
    same = [one for one in rivals if _settings(one) == _settings(of)]
    return _settings(of, sigma=bool(same))[2:]


def _settings(of: Checkpoint, *, sigma: bool = False) -> list[str]:
    """Heap, epsilon and what else is unusual about a training; without `sigma`, whatever that is."""
    recipe = of.recipe
    if not _trained(of):
        return [of.name, ""]
    more = [
        _without_class(of.schedule),
        "persistent deltas" if recipe.get("persist") and "persistent" not in of.schedule else "",
        f"σ {recipe['sigma']:.4g}" if sigma else "",
        f"seed {recipe['seed']}" if recipe.get("seed") else "",
    ]
    return [_classwise(of) or str(of.heap), f"{recipe['epsilon']:.4g}", *filter(None, more)]


def _classwise(of: Checkpoint) -> str:
    """The words for deltas of each class where a model was trained with them, else nothing."""
    return CLASSWISE if of.recipe.get("classwise") else ""


def _without_class(schedule: str) -> str:
    return ", ".join(part for part in schedule.split(", ") if part != CLASSWISE)


def explained(of: Checkpoint) -> str:
    """How a model was trained, and its exact name; empty for a standard model."""
    if not _trained(of):
        return ""
    who = "Each image had a pattern of its own" if of.heap == 1 else f"{of.heap} images shared a pattern"
    who = "The images of each class shared a pattern" if _classwise(of) else who
    return f"{who} in training, of {of.recipe['epsilon']:.4g}/255. Exact name: {of.title}"


def training(heap: int, schedule: str = "") -> str:
    """A kind of training, by heap (0: standard) and schedule.

    >>> training(0), training(1), training(64, "15 epochs")
    ('Standard', 'Adversarially trained', 'Shared-trained, 64 images, 15 epochs')
    >>> training(128, "class-wise deltas, persistent deltas")
    'Shared-trained, by class, persistent deltas'
    """
    return _kind(heap, schedule, "Standard", "Adversarially trained", f"Shared-trained, {_who(heap, schedule)}")


def training_choice(heap: int, schedule: str = "") -> str:
    """The same as a picker has room for.

    >>> training_choice(0), training_choice(1), training_choice(64, "15 epochs")
    ('Standard', 'Adversarial', 'Shared by 64, 15 epochs')
    >>> training_choice(128, "persistent deltas, step sizes spread over 2 octaves")
    'Shared by 128, persistent, spread steps'
    """
    who = _who(heap, schedule).removesuffix(" images").removeprefix("by ")
    return _shortened(_kind(heap, schedule, "Standard", "Adversarial", f"Shared by {who}"))


def _shortened(words: str) -> str:
    for long, short in SHORT.items():
        words = re.sub(long, short, words)
    return words


def training_noun(heap: int, schedule: str = "") -> str:
    """The same as a noun.

    >>> training_noun(1), training_noun(64), training_noun(1, "15 epochs")
    ('adversarial training', 'shared training (64 images)', 'adversarial training (15 epochs)')
    """
    if schedule == ELSEWHERE:
        return "training elsewhere"
    words = {0: "standard training", 1: "adversarial training"}.get(heap, "shared training")
    more = ", ".join(filter(None, (_who(heap, schedule) if heap > 1 else "", _without_class(schedule))))
    return f"{words} ({more})" if more else words


def _kind(heap: int, schedule: str, *words: str) -> str:
    """The words for a standard, an adversarial or a shared training, and what else is unusual about it."""
    if schedule == ELSEWHERE:
        return ELSEWHERE.capitalize()
    return ", ".join(filter(None, (words[min(heap, 2)], _without_class(schedule))))


def _who(heap: int, schedule: str) -> str:
    return "by class" if CLASSWISE in schedule else f"{heap} images"


def _trained(of: Checkpoint) -> bool:
    return bool(of.heap) and of.recipe.get("epsilon") is not None
