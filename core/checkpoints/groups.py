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
    """The first thing in which a recipe is not the usual one, in words; empty where only `SETTINGS` differ.

    >>> difference({"heap": 64, "epochs": 15}, {"epochs": 5}), difference({"heap": 64, "epochs": 5}, {"epochs": 5})
    ('15 epochs', '')
    >>> difference({"heap": 128, "steps": 1, "persist": True}, {"steps": 4})
    'persistent deltas'
    """
    own = _else(recipe)
    for name in (*WORDS, *own, *usual):
        if (value := own.get(name)) != usual.get(name):
            some, none = WORDS.get(name, (f"{name.replace('_', ' ')} {{}}", f"no {name.replace('_', ' ')}"))
            return some.format(value) if value else none
    return ""


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
