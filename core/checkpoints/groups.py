"""Which adversarially trained models may share a Pareto front: how their recipes differ, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

ELSEWHERE = "trained elsewhere"
"""The schedule of models that `plainsight convert` has made."""
SETTINGS = ("heap", "epsilon", "sigma", "seed")
"""The numbers of a recipe in which the runs of a grid differ."""
WORDS = {
    "epochs": ("{} epochs", ""),
    "images": ("{} images", "all images"),
    "start": ("from clean weights", "from scratch"),
    "classwise": ("class-wise deltas", "deltas across classes"),
    "persist": ("persistent deltas", "fresh deltas"),
    "steps": ("{} ascent steps", ""),
    "shrink": ("deltas shrunk by up to {:.0%}", "deltas of full size"),
    "step_spread": ("step sizes spread over {:g} octaves", "one step size"),
    "norm": ("{} batch norms", "joint batch norms"),
    "jacobian": ("Jacobian regularisation {:g}", "no Jacobian regularisation"),
    "label_smoothing": ("label smoothing {:g}", "no label smoothing"),
}
"""What else may differ, the most telling first: with its value, and where there is none."""


def usual(recipes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What most recipes have in common beside `SETTINGS`; of equally many the first. Empty without recipes."""
    found = [_else(recipe) for recipe in recipes]
    return max(found, key=found.count, default={})


def difference(recipe: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """In what a recipe is not the usual one, in words: all of `WORDS`, or else the first thing; empty for `SETTINGS`.

    The number of steps goes without saying where persistent deltas are the difference.

    >>> difference({"heap": 64, "epochs": 15}, {"epochs": 5}), difference({"heap": 64, "epochs": 5}, {"epochs": 5})
    ('15 epochs', '')
    >>> difference({"heap": 128, "steps": 1, "persist": True}, {"steps": 4})
    'persistent deltas'
    >>> difference({"persist": True, "step_spread": 2.0}, {})
    'persistent deltas, step sizes spread over 2 octaves'
    """
    own = _else(recipe)
    differ = [name for name in dict.fromkeys((*WORDS, *own, *usual)) if own.get(name) != usual.get(name)]
    telling = [name for name in differ if name in WORDS and not (name == "steps" and "persist" in differ)]
    return ", ".join(_in_words(name, own.get(name)) for name in telling or differ[:1])


def _in_words(name: str, value: Any) -> str:
    some, none = WORDS.get(name, (f"{name.replace('_', ' ')} {{}}", f"no {name.replace('_', ' ')}"))
    return some.format(value) if value else none


def unusual(recipe: Mapping[str, Any]) -> str:
    """What makes a model without adversarial training another than a standard one, in words; empty for a standard one.

    >>> unusual({"jacobian": 0.01}), unusual({"epochs": 30})
    ('Jacobian regularisation 0.01', '')
    """
    return WORDS["jacobian"][0].format(recipe["jacobian"]) if recipe.get("jacobian") else ""


def _else(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without `SETTINGS` and values of 0 or None; of `start` only whether there is one counts."""
    found = {name: value for name, value in recipe.items() if name not in SETTINGS and value}
    return found | {"start": True} if "start" in found else found
