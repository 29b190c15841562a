"""Registries: each module of a package is one entry, so that adding a file adds an entry."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any


def discover(package: str, attribute: str) -> dict[str, Any]:
    """The `attribute` of each module of `package`, by the module's `NAME` and in order of module names.

    Modules that start with an underscore or lack the attribute are left out.
    """
    path = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(path) if not info.name.startswith("_"))
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return {module.NAME: getattr(module, attribute) for module in modules if hasattr(module, attribute)}


def pick(table: Mapping[str, Any], name: str, kind: str) -> Any:
    """The entry `table[name]`. Raises ValueError that names what was given and what is known."""
    if name not in table:
        raise ValueError(f"There is no {kind} named {name!r}; known are {', '.join(table)}.")
    return table[name]
