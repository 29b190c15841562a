"""Checks of numbers that users give; an error names the number and what fits."""

import math


def units_of_255(value: float, name: str = "epsilon", *, most: int = 255, whole: bool = False) -> None:
    """Raises ValueError if a size in n/255 is out of range, or looks like a fraction of full intensity."""
    if 0 <= value <= most and not 0 < value < 1 and not (whole and value % 1):
        return
    fits = f"{name} takes {'whole ' if whole else ''}numbers from 0 to {most} (n/255), and {value:g} was given"
    raise ValueError(fits + (f", which looks like a fraction: 8/255 is {name} 8." if 0 < value < 1 else "."))


def at_least_one(**given: float) -> None:
    """Raises ValueError that names the first count below 1."""
    for name, count in given.items():
        if not 1 <= count < math.inf:
            raise ValueError(f"{name} must be at least 1, and {count} was given.")


def above_zero(**given: float) -> None:
    """Raises ValueError that names the first number that is not above 0, or not finite."""
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be above 0, and {value} was given.")


def fraction(**given: float) -> None:
    """Raises ValueError that names the first number outside [0, 1]."""
    for name, value in given.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must lie between 0 and 1, and {value} was given.")
