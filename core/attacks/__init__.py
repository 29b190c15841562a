"""Attacks that give one perturbation for all images. One file here is one attack: `NAME` and `ATTACK`."""

from functools import cache

from core.attacks.base import UniversalAttack
from core.registry import discover, pick


@cache
def registry() -> dict[str, type[UniversalAttack]]:
    """Every attack by name; attacks first, controls last."""
    found = discover(__name__, "ATTACK")
    return dict(sorted(found.items(), key=lambda item: (item[1].control, item[0] != "spgd", item[0])))


def get(name: str) -> type[UniversalAttack]:
    """An attack class by name. Raises ValueError that names the known ones."""
    return pick(registry(), name, "attack")
