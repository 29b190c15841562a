"""What there is to choose from: data sets, models, attacks, targets; and the first view.

Choices are (label, value) pairs, as a dropdown shows them. Epsilons are in units of 1/255.
"""

import logging
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from torch import Tensor, nn

from app.service import devices, names
from app.service.cache import Stamps, caches
from app.session import EPSILONS, AnySession, Session
from core import attacks, datasets
from core.attacks.targets import Target
from core.attacks.targets import title as target_title
from core.checkpoints import perturbations, store
from core.checkpoints import replay as replays
from core.checkpoints.results import FILE as RESULTS
from core.checkpoints.results import Results
from core.checkpoints.store import Checkpoint
from core.evaluation.report import AnyRate, Report
from core.files import FileError
from core.models.normalised import Normalised

FILES = (store.CONFIG, store.WEIGHTS, RESULTS, perturbations.FILE, replays.FILE)
"""What the app reads of a model folder."""
FRESH = 1.0
"""Seconds within which it is noticed that model folders came or went."""
Choices = list[tuple[str, Any]]
Derived = TypeVar("Derived")


_others: list[Path] = []
"""Folders of models beside the shipped ones (`offer`)."""


class NoModels(ValueError):
    """There is nothing to show; the message says which command changes that."""


@dataclass(frozen=True)
class Menu:
    """What each picker offers for one session."""

    data: Choices
    models: Choices
    attacks: Choices
    targets: Choices
    targetable: bool


def menu(session: Session) -> Menu:
    """The choices that fit the session's tab, data set and attack."""
    models = [model for model in fitting(type(session)) if model.group == session.data]
    groups = {model.group: model.group_title for model in fitting(type(session))}
    attack, aims = attacks.get(session.attack), _targets(models) if models else []
    return Menu(
        [(title, group) for group, title in groups.items()],
        [(names.model_choice(model, models), model.name) for model in models],
        _attacks("segmentation" if models and scenic(models[0]) else "classification"),
        [("none (any mistake)", None), *((_words(aim, models[0].classes), aim.to_json()) for aim in aims)],
        attack.targetable,
    )


def _attacks(task: str) -> Choices:
    """The attacks on models of this kind, controls last and named so."""
    return [(names.attack_choice(name), name) for name, found in attacks.registry().items() if task in found.tasks]


def _targets(models: list[Checkpoint]) -> list[Target]:
    """The classes; for models of scenes those scenes that were measured, and every class that can be removed."""
    classes = models[0].classes
    if not scenic(models[0]):
        return [Target("class", index) for index in range(len(classes))]
    measured = {m.target for model in models if (found := results(model)) for m in found.measurements}
    scenes = sorted((aim for aim in measured if aim and aim.kind == "scene"), key=lambda aim: aim.number)
    removals = [Target("remove", index) for index in range(len(classes))]
    first, rest = ([aim for aim in removals if (aim in measured) is known] for known in (True, False))
    return [*scenes, *first, *rest]


def _words(target: Target, classes: Sequence[str]) -> str:
    """What a target asks for, in words: a class, `show scene 5` or `remove car`."""
    named = target_title(target, classes)
    if target.kind == "class":
        return named
    return f"show {named}" if target.kind == "scene" else f"remove {named.removeprefix('no ')}"


def scenic(of: Checkpoint) -> bool:
    """Whether the model labels the pixels of scenes."""
    return bool(of.config.get("task") == "segmentation")


def fitting(kind: type[Session]) -> list[Checkpoint]:
    """The models that a tab can show."""
    return [model for model in all_models() if kind.shows(model)]


def first(kind: type[AnySession], data: str | None = None) -> AnySession:
    """A tab's view that tells the story: standard against an adversarially or shared-trained model.

    Of the shared-trained models, if there are any, with the usual settings and the largest heap it is one with weights,
    the one that most was measured of, and of several such the most robust. The view is at one epsilon, and with one of
    the tab's `first_targets`. Raises NoModels.
    """
    found = fitting(kind)
    if not found:
        raise NoModels(
            f"There are no {kind.needs} under {store.default_root()}; train two with: "
            f"plainsight train{kind.training_options} --root checkpoints, then the same with --sigma 0.5"
        )
    groups = list(dict.fromkeys(model.group for model in found))
    data = data or next((name for name in ("signs", "streets") if name in groups), groups[0])
    models = [model for model in found if model.group == data]
    trained = max(models, key=_telling)
    chosen = kind(data=data, a=models[0].name, b=trained.name)
    if scenic(models[0]):
        chosen = replace(chosen, steps=20, images=128)
    views = [
        (gap, replace(chosen, target=aim, epsilon=epsilon))
        for aim in kind.first_targets(_targets(models))
        for epsilon, gap in _gaps(replace(chosen, target=aim)).items()
    ]
    return max(views, key=lambda view: view[0], default=(0.0, chosen))[1]


def _telling(of: Checkpoint) -> tuple[Any, ...]:
    """What makes a model the one that a standard model is shown against; a shipped one before a visitor's own."""
    kind = min(of.heap, 2)  # a shared-trained model, else an adversarially trained one
    return kind > 0, not of.place, kind, not of.schedule, of.heap, of.has_weights, _breadth(of), _height(of)


def _breadth(of: Checkpoint) -> int:
    """How many attacks it was measured under."""
    found = results(of)
    return len(found.measurements) if found else 0


def _height(of: Checkpoint) -> float:
    """The epsilon that breaks it, or where the search ended; 0 where none was made."""
    found = results(of)
    return found.robustness.breaking_epsilon if found and found.robustness else 0.0


def _gaps(session: Session) -> dict[int, float]:
    """How far apart A and B are under S-PGD at each epsilon that was measured on both."""
    before, after = (
        {m.epsilon: m.report.gained for m in (found.curve(target=session.target) if found else [])}
        for found in (results(checkpoint(session, side)) for side in "ab")
    )
    return {epsilon: abs(after[epsilon] - before[epsilon]) for epsilon in before if epsilon in after}


def rate(report: Report) -> AnyRate:
    """The figure that speaks of the attack's aim: what vanished, what shows the target, else what is still right."""
    return report.success or report.accuracy


def changed(session: AnySession, name: str, value: Any) -> AnySession:
    """The session after one choice; what no longer fits falls back."""
    if name == "data" and value != session.data:
        return replace(first(type(session), value), **{name: getattr(session, name) for name in session.kept()})
    after = replace(session, **{name: value})
    if name == "epsilon":
        after = replace(after, equal="strength")
    if not attacks.get(after.attack).targetable:
        after = replace(after, target=None)
    return replace(after, run="")


def offer(folders: Sequence[Path]) -> None:
    """Show the models in these folders too, which hold model folders at any depth or are such themselves.

    Raises ValueError for what is no folder.
    """
    for folder in folders:
        if not folder.expanduser().is_dir():
            raise ValueError(f"there is no folder {folder}.")
    _others[:] = [folder.expanduser().resolve() for folder in folders]


def spelled(folder: Path) -> str:
    """A folder as a command line names it, from above the root that it lies in: like `checkpoints/signs/standard`."""
    shipped = store.default_root()
    if folder.is_relative_to(shipped):
        return f"checkpoints/{folder.relative_to(shipped).as_posix()}"
    root = next((root for root in _others if folder.is_relative_to(root)), folder)
    return root.name if folder == root else f"{root.name}/{folder.relative_to(root).as_posix()}"


def all_models() -> list[Checkpoint]:
    """Every readable model; looked for again when the folder of a data set changes, or one that was left out.

    That a folder has changed is noticed within `FRESH` seconds.
    """
    root, others = store.default_root(), tuple(_others)
    found = caches.checkpoints.get(_state(root, *others))
    if found is None:
        found = _usable(root, others)
        caches.checkpoints.put(_state(root, *others), found)  # what was left out just now belongs to it
    return found


def _state(*roots: Path) -> tuple[object, ...]:
    def look() -> tuple[tuple[Path, int], ...]:
        folders = [path for root in roots if root.is_dir() for path in (root, *root.glob("*")) if path.is_dir()]
        return tuple((path, path.stat().st_mtime_ns) for path in folders)

    return roots, *caches.places.get_or_make((roots, monotonic() // FRESH), look), *_left_out_now()


def _usable(root: Path, others: Sequence[Path]) -> list[Checkpoint]:
    """The models under these folders whose description and results can be read; the others are left out."""
    usable = []
    for found in store.find(root, leave_out, others):
        with suppress(LeftOut), _reading(found):
            if found.classes != datasets.get(found.data).classes:
                raise ValueError(f"its classes are not those of {found.data}, in their order")
            results(found)
        if found.folder not in caches.left_out:
            usable.append(found)
    return usable


class LeftOut(FileError):
    """A model folder cannot be read and is not offered any more; the message says which and why, without its path."""


def leave_out(folder: Path, error: Exception) -> str:
    """From now on the model in this folder is not offered, until one of its files changes; returns that sentence."""
    root, stamp = store.default_root(), stamps(folder)
    reason = str(error).replace(f"{folder}/", "").replace(f"{root}/", "").rstrip(".")
    name = spelled(folder).removeprefix("checkpoints/")
    with caches.lock:
        known, caches.left_out[folder] = caches.left_out.get(folder), (stamp, name, reason)
    sentence = f"{name} is left out: {reason}."
    if known is None or known[0] != stamp:
        logging.getLogger(__name__).warning("%s", sentence)
    return sentence


def unreadable() -> dict[str, str]:
    """The model folders that are left out, by name like `signs/standard`, and why."""
    all_models()
    roots = store.default_root(), *_others
    now = _left_out_now().items()
    found = sorted((name, why) for folder, (_, name, why) in now if any(map(folder.is_relative_to, roots)))
    return dict(found)


def _left_out_now() -> dict[Path, tuple[Stamps, str, str]]:
    """The folders that are left out; one whose files have changed gets another try."""
    with caches.lock:
        for folder, (stamp, *_) in list(caches.left_out.items()):
            if stamps(folder) != stamp:
                del caches.left_out[folder]
        return dict(caches.left_out)


def stamps(folder: Path) -> Stamps:
    """When each file of a model folder was last written; 0 where it is absent."""
    files = (folder / name for name in FILES)
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in files)


def model_files() -> dict[str, Path]:
    """The files of the shipped models that can be shown, by their place below `checkpoints`. Raises NoModels."""
    root = store.default_root()
    folders = [model.folder for model in all_models() if model.folder.is_relative_to(root)]
    if not folders:
        raise NoModels(f"There are no models under {root}.")
    found = [folder / name for folder in folders for name in FILES]
    return {path.relative_to(root).as_posix(): path for path in found if path.is_file()}


@contextmanager
def _reading(of: Checkpoint) -> Iterator[None]:
    """What cannot be read inside costs the model its place. Raises LeftOut."""
    try:
        yield
    except LeftOut:
        raise
    except (OSError, ValueError) as error:
        raise LeftOut(leave_out(of.folder, error)) from error


def derived(group: str, what: Hashable, make: Callable[[], Derived]) -> Derived:
    """What a page derives from the results of all models of a group; made again once one of them has changed."""
    files = [model.folder / RESULTS for model in all_models() if model.group == group]
    models = tuple((path, path.stat().st_mtime_ns if path.is_file() else 0) for path in files)
    found: Derived = caches.derived.get_or_make((what, models), make)
    return found


def title(of: Checkpoint) -> str:
    """The model's title on the page."""
    return names.model_title(of, _beside(of))


def short(of: Checkpoint) -> str:
    """The same, as short as in the pickers."""
    return names.model_choice(of, _beside(of))


def _beside(of: Checkpoint) -> list[Checkpoint]:
    """The models of the same group."""
    return [model for model in all_models() if model.group == of.group]


def checkpoint(session: Session, side: str) -> Checkpoint:
    """The model that stands on side `a` or `b`."""
    if not session.data:
        raise NoModels("This page was left for so long that its choices are forgotten; reload it.")
    name = session.a if side == "a" else session.b
    found = [model for model in all_models() if (model.group, model.name) == (session.data, name)]
    if not found:
        raise NoModels(f"There is no model {name!r} for {session.data!r} any more; choose another one.")
    return found[0]


def at(session: AnySession, side: str) -> AnySession:
    """The session with the strength that one side is attacked with: at equal effect, its own."""
    return replace(session, epsilon=strength(session, checkpoint(session, side)))


def strength(session: Session, of: Checkpoint) -> int:
    """The epsilon in n/255 that a model is attacked with.

    At equal effect it is the smallest stored one that suffices, else the largest stored one; the session's own where
    this attack is not stored at all.
    """
    found = results(of) if session.equal == "effect" else None
    curve = found.curve(session.attack, session.target) if found else []
    if found is None or not curve:
        return session.epsilon
    return (found.enough(session.wrong / 100, session.attack, session.target) or curve[-1]).epsilon


def strengths(session: Session) -> list[int]:
    """The epsilons in n/255 at which the chosen attack is stored for both models, and a slider can go to."""
    found = [results(checkpoint(session, side)) for side in "ab"]
    stored = [{m.epsilon for m in each.curve(session.attack, session.target)} if each else set() for each in found]
    return sorted(set.intersection(*stored) & set(EPSILONS))


def enough(session: Session, side: str) -> bool | None:
    """Whether the strength of a side suffices for the effect that is asked for; None where that is not known."""
    found = results(checkpoint(session, side)) if session.equal == "effect" else None
    if found is None or not found.curve(session.attack, session.target):
        return None
    return found.enough(session.wrong / 100, session.attack, session.target) is not None


def dataset(session: Session) -> str:
    """The name of the data set; what the session calls so is a group of models, which may be one of several."""
    return next((model.data for model in all_models() if model.group == session.data), session.data)


def model(of: Checkpoint) -> nn.Module:
    """The network, kept in memory, for images on the CPU. Raises FileError where its files are damaged."""
    key = of.sha256, devices.machine.device
    return caches.models.get_or_make(key, lambda: devices.placed(of.sha256, network(of)))


def network(of: Checkpoint) -> Normalised:
    """The network itself, on the CPU, read anew. Raises FileError where its files are damaged."""
    with _reading(of):
        return store.load(of.folder)


def results(of: Checkpoint) -> Results | None:
    """What was measured on these weights; None where nothing was."""
    path = of.folder / RESULTS
    if not path.is_file():
        return None
    with _reading(of):
        found = caches.results.get_or_make(_stamp(path), lambda: Results.load(of.folder) or _nothing())
    return found if found.about.get("sha256", of.sha256) == of.sha256 else None


def _nothing() -> Results:
    raise FileNotFoundError("The results went away while they were read.")


def delta(of: Checkpoint, key: str) -> Tensor | None:
    """A stored delta (1,C,H,W)."""
    path = of.folder / perturbations.FILE
    if not path.is_file():
        return None
    with _reading(of):
        return caches.deltas.get_or_make(_stamp(path), lambda: _deltas_of(of)).get(key)


def _deltas_of(of: Checkpoint) -> dict[str, Tensor]:
    """All stored deltas. Raises FileError where one is not of the size of the model's images."""
    found, size = perturbations.load(of.folder), datasets.get(of.data).size
    for name, delta in found.items():
        if delta.shape[2:] != size:
            given, fits = ("x".join(map(str, shape)) for shape in (delta.shape[2:], size))
            raise FileError(f"{of.folder / perturbations.FILE}: {name} is {given} pixels, and the images are {fits}.")
    return found


def replay(of: Checkpoint) -> replays.Replay | None:
    """How a delta against these weights forms; None where that is not stored."""
    path = of.folder / replays.FILE
    if not path.is_file():
        return None
    with _reading(of):
        found = caches.replays.get_or_make(_stamp(path), lambda: _replay_of(of))
    return found if found.sha256 == of.sha256 else None


def _replay_of(of: Checkpoint) -> replays.Replay:
    """The stored replay. Raises FileError where it is not of the size of the model's images."""
    found, size = replays.load(of.folder), (3, *datasets.get(of.data).size)
    if found is None:
        raise FileNotFoundError("The replay went away while it was read.")
    if tuple(found.deltas.shape[1:]) != size:
        given, fits = ("x".join(map(str, shape)) for shape in (found.deltas.shape[1:], size))
        raise FileError(f"{of.folder / replays.FILE}: the frames are {given}, and the images are {fits}.")
    return found


def _stamp(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns
