"""One file here with a `TITLE` is one tab, which the page finds by itself; `base` and `events` are what tabs share.

A tab defines `TITLE`, `ORDER`, `SESSION`, its subclass of `app.session.Session`, `build(runs)`, which returns its
`app.tabs.base.TabView`, and, where it needs them, `ready()`, `warm_up(session)` and `prepare(session)`.
"""

import importlib
import pkgutil
from types import ModuleType


def discovered() -> list[ModuleType]:
    """All tabs in `app/tabs` in their order, without those that have nothing to show."""
    names = (info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    found = [importlib.import_module(f"{__name__}.{name}") for name in names]
    shown = (tab for tab in found if hasattr(tab, "TITLE") and getattr(tab, "ready", lambda: True)())
    return sorted(shown, key=lambda tab: tab.ORDER)
