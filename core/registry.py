"""One file is one entry: a registry is read off the modules of a package, so that adding a file adds the entry."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any


def discover(package: str, attribute: str) -> dict[str, Any]:
    """The `attribute` of every module of `package` under that module's `NAME`, in order of module name.

    Modules whose name starts with an underscore, or that lack the attribute, are helpers and left out.
    """
    path = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(path) if not info.name.startswith("_"))
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return {module.NAME: getattr(module, attribute) for module in modules if hasattr(module, attribute)}


def pick(table: Mapping[str, Any], name: str, kind: str) -> Any:
    """`table[name]`, or a ValueError that names what was given and what there is."""
    if name not in table:
        raise ValueError(f"There is no {kind} named {name!r}; known are {', '.join(table)}.")
    return table[name]
