"""What tabs show that tell stored results of two models: every pair of a group, made by the tab itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from app import service
from app.edition.export.layout import named
from app.edition.export.store import Strings, shared, slug, write
from app.service import BlindSession, PerceptibilitySession, TradeoffSession
from app.session import Session
from app.tabs.base import TabView

ELSEWHERE = ("session", "status", "notice", "address", "where")
"""Parts of a tab that the page itself fills in."""
VARIANTS: dict[str, list[dict[str, Any]]] = {PerceptibilitySession.tab: [{"shown": "all"}, {"shown": "pair"}]}
"""The ways to look at a pair on a tab that has several."""


def export(folder: Path, kind: type[Session], view: TabView[Any]) -> dict[str, Any]:
    """Write the files of one tab; returns what the page has to know of each group of models."""
    found = service.menu(service.first(kind)).data
    drawn = service.exported_groups(kind)
    groups = [group for _, group in found if kind is not BlindSession or group in drawn]
    return {group: _group(folder, kind, view, group) for group in groups}


def _group(folder: Path, kind: type[Session], view: TabView[Any], group: str) -> dict[str, Any]:
    first = service.first(kind, group)
    names = [name for _, name in service.menu(first).models]
    files = {a: dict(_pairs(view, replace(first, a=a), names)) for a in names}
    common = shared((text for parts in file.values() for text in _texts(parts)) for file in files.values())
    place = f"{kind.tab}/{slug(group)}"
    write(folder, f"{place}/common", common.all())
    for a, file in files.items():
        strings = Strings(common)
        packed = {
            name: {part: _packed(value, strings) for part, value in parts.items()} for name, parts in file.items()
        }
        write(folder, f"{place}/{slug(a)}", {"strings": strings.all(), "views": packed})
    found: dict[str, Any] = {"models": names, "first": service.parameters(first.query()), "menus": _menus(view, first)}
    if isinstance(first, TradeoffSession):
        found["steps"] = {name: _steps(view, replace(first, b=name, side="b")) for name in names}
    return found


def _pairs(view: TabView[Any], session: Any, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each part shows of model A beside each model B; where a tab has several looks, of each."""
    parts = named(view)
    for b in names:
        for variant in VARIANTS.get(session.tab, [{}]):
            updates = view.at_rest(replace(session, b=b, **variant))
            key = " ".join([b, *map(str, variant.values())])
            yield key, {name: updates[part] for name, part in parts.items() if part in updates}


def _texts(parts: dict[str, Any]) -> list[str]:
    return [value for value in parts.values() if isinstance(value, str)]


def _packed(value: Any, strings: Strings) -> Any:
    return strings.put(value) if isinstance(value, str) else _plain(value)


def _plain(update: dict[str, Any]) -> dict[str, Any]:
    """What an update of a control says, without what tells Gradio that it is one."""
    return {name: value for name, value in update.items() if not name.startswith("_")}


def _menus(view: TabView[Any], session: Session) -> dict[str, Any]:
    """What the controls offer."""
    updates, parts = view.menus(session, ""), named(view)
    return {name: _plain(updates[part]) for name, part in parts.items() if part in updates}


def _steps(view: TabView[Any], session: TradeoffSession) -> dict[str, Any]:
    """The model that each setting of one leads to, with a sentence where none fits; and how the controls stand."""
    settings = service.tradeoff(session).settings
    leads: dict[str, dict[Any, tuple[TradeoffSession, str]]] = {
        "kind": {kind: service.snapped(session, "kind", kind) for kind in settings.kinds},
        "sigma": {step: service.stepped(session, "sigma", step) for step in range(len(settings.sigmas))},
        "epsilon": {step: service.stepped(session, "epsilon", step) for step in range(len(settings.epsilons))},
    }
    ways = {name: {value: (after.b, words) for value, (after, words) in way.items()} for name, way in leads.items()}
    return {"leads": ways, "controls": _menus(view, session)}
