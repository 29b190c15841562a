"""The pages `docs/results.md` and `docs/training.md`, written from the JSON of the model folders and nothing else."""

import re
from collections.abc import Sequence
from pathlib import Path

from PIL.Image import Image

from core import attacks, datasets, rendering
from core.attacks.targets import scene_number, title
from core.checkpoints import perturbations, store
from core.checkpoints.results import Results, key
from core.datasets import Dataset
from core.evaluation.report import breaking_point
from core.reports.charts import charts
from core.reports.claims import broken
from core.reports.markdown import folded, percent, table
from core.reports.tradeoff import MeasuredModel, first_seeds
from core.reports.training_page import training_page
from core.reports.verdicts import sections
from core.threat import UNIT

EPSILONS = (4, 8, 12, 16, 20, 24, 28, 32)
SHOWN = 10
"""The epsilon at which perturbations towards scenes are shown."""
PATTERNS, FIGURE = "figures/{}-patterns.png", "perturbations of each model towards each target scene"
SCENE_EPSILONS = (2, 4, 6, 8, 10, 14, 20)
TARGETS = (
    "What the attacker wants to be seen. Success is the share of pixels that show the target scene, or of the removed "
    "class's pixels that vanished; beside it, how much of the target scene is seen without any attack, since streets "
    "look alike. The pattern score (`core/evaluation/pattern_score.py`) tells how much of the target scene the "
    "perturbation shows: the target's rank among all held-out scenes (1: none fits better; by chance every rank is as "
    "likely), the share of the blurred perturbation that the target explains beyond the common layout, and that "
    "share for the other scenes on average.\n"
)


GRID = (
    "The grid, of each cell the model of the smallest seed: clean accuracy in %, then the epsilon in n/255 that breaks "
    "it. Empty: not trained yet.\n"
)


def write(root: Path, folder: Path) -> list[Path]:
    """Write both pages into `folder` from the model folders under `root`; returns their paths."""
    found = store.find(root)
    measured = [(checkpoint, results) for checkpoint in found if (results := Results.load(checkpoint.folder))]
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, content in charts(_by_group(measured)).items():
        drawn.append(figures / name)
        drawn[-1].write_bytes(content)
    for name, own in _by_group(measured).items():
        if sheet := pattern_sheet(own, datasets.get(own[0][0].data)):
            drawn.append(folder / _patterns(name))
            sheet.save(drawn[-1])
    shown = [str(path.relative_to(folder)) for path in drawn if path.suffix == ".svg"]
    pages = {"results.md": results_page(measured, shown), "training.md": training_page(found, root)}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [*(folder / name for name in pages), *drawn]


def _patterns(group: str) -> str:
    """The file of the group's sheet of perturbations, from the page."""
    return PATTERNS.format(re.sub(r"[^\w.-]+", "-", group))


def _by_group(measured: Sequence[MeasuredModel]) -> dict[str, list[MeasuredModel]]:
    """The models of each group, those of one data set side by side."""
    names = sorted({(checkpoint.data, checkpoint.variant) for checkpoint, _ in measured}, key=lambda name: name[1])
    names.sort(key=lambda name: name[0], reverse=True)
    groups = [[entry for entry in measured if (entry[0].data, entry[0].variant) == name] for name in names]
    return {own[0][0].group: own for own in groups}


def pattern_sheet(measured: Sequence[MeasuredModel], data: Dataset) -> Image | None:
    """The perturbations that want to show a scene, a row a model; drawn target scenes above; None without any.

    Pictures of other people's data sets stay out, their label maps too.
    """
    aims = {m.target for _, results in measured for m in results.measurements if m.epsilon == SHOWN}
    targets = sorted((aim for aim in aims if scene_number(aim)), key=lambda aim: scene_number(aim) or 0)
    if not targets:
        return None
    rows = []
    for checkpoint, _ in measured:
        deltas = perturbations.load(checkpoint.folder)
        names = [key("spgd", SHOWN, target) for target in targets]
        if all(name in deltas for name in names):
            pictures = [rendering.perturbation(deltas[name], 127 / SHOWN) for name in names]
            plain = checkpoint.title.replace("ε", "epsilon").replace("σ", "sigma")  # the drawing font has no Greek
            rows.append((plain, pictures))
    if data.drawn:
        maps = data.split("test", max(scene_number(target) or 0 for target in targets)).labels
        scenes = [rendering.label_map(maps[(scene_number(target) or 1) - 1], data.palette) for target in targets]
        rows.insert(0, ("What the attacker wants to be seen", scenes))
    return rendering.sheet(rows, [title(target, data.classes) for target in targets])


def results_page(measured: Sequence[MeasuredModel], figures: Sequence[str] = ()) -> str:
    """The paper's claims checked, then what the shipped perturbations do to the shipped models.

    `figures` are the charts that exist, as paths from the page.
    """
    parts = [
        "# Results\n",
        "Written by `make results` from `checkpoints/**/results.json`; do not edit. Every perturbation for all images "
        "was crafted on training images and measured on held-out images that it never saw; those of the tables below "
        "the claims as they are stored, in whole units of 1/255. Perturbations of heaps and of single images are "
        "crafted, as they must be, on the images that they attack. Brackets hold 95% intervals (Wilson over images, "
        "bootstrap over scenes); each is about one training run, and says nothing about the spread between runs, which "
        "shows where models were trained from several seeds.\n",
        sections(_by_group(measured), figures),
    ]
    for name, own in _by_group(measured).items():
        n = own[0][1].clean.accuracy.n
        parts += [
            f"## {own[0][0].group_title}\n",
            f"n = {n:,} held-out {'scenes' if _scenic(own[0]) else 'images'} "
            f"({own[0][1].about['source'].rstrip('.')}). Architecture: `{own[0][0].architecture}`.\n",
        ]
        if rows := _grid(own):
            parts += [GRID, table(*rows)]
        if _scenic(own[0]):
            parts += ["Right pixels (%) under untargeted S-PGD:\n", _curve_table(own, "spgd", SCENE_EPSILONS)]
            parts += ["Mean IoU (%) under the same:\n", _curve_table(own, "spgd", SCENE_EPSILONS, "overlap")]
            parts += ["The control, random signs of equal strength:\n"]
            parts += [_curve_table(own, "random-signs", SCENE_EPSILONS)]
            parts += [TARGETS, _target_table(own)]
            if any(scene_number(m.target) and m.epsilon == SHOWN for _, results in own for m in results.measurements):
                parts += [f"The perturbations at {SHOWN}/255, amplified to the full range:\n", f"![{FIGURE}]"]
                parts[-1] += f"({_patterns(name)})\n"
            continue
        parts += ["Accuracy (%) under untargeted S-PGD:\n", _curve_table(own, "spgd")]
        parts += ["The control, random signs of equal strength:\n", _curve_table(own, "random-signs")]
        parts += ["Breaking point and other attacks:\n", _other_table(own)]
    return "\n".join(parts)


def _scenic(measured: MeasuredModel) -> bool:
    return measured[1].clean.overlap is not None


def _curve_table(
    measured: Sequence[MeasuredModel], attack: str, epsilons: Sequence[int] = EPSILONS, figure: str = "accuracy"
) -> str:
    rows = []
    for checkpoint, results in measured:
        found = (results.find(attack, epsilon) for epsilon in epsilons)
        reports = [results.clean, *(m.report if m else None for m in found)]
        rows.append([checkpoint.title, *(percent(getattr(report, figure, None)) for report in reports)])
    return folded(["model", "clean", *(f"{epsilon}/255" for epsilon in epsilons)], rows)


def _grid(measured: Sequence[MeasuredModel]) -> tuple[list[str], list[list[str]]] | None:
    """Head and rows of the grid: heap and sigma down, epsilon across; None where sigma was never varied."""
    cells: dict[tuple[str, int, str, float], dict[float, str]] = {}
    for checkpoint, results in first_seeds(measured):
        if checkpoint.heap and (found := results.robustness):
            sigma, epsilon = round(checkpoint.recipe["sigma"], 4), round(checkpoint.recipe["epsilon"] / UNIT, 2)
            breaks = f"{found.breaking_epsilon:g}" if found.epsilon else f"over {found.breaking_epsilon:g}"
            row = cells.setdefault((checkpoint.schedule, checkpoint.heap, checkpoint.kind, sigma), {})
            row[epsilon] = f"{100 * results.clean.accuracy.value:.1f} · {breaks}"
    if len({sigma for *_, sigma in cells}) < 2:
        return None
    across = sorted({epsilon for row in cells.values() for epsilon in row})
    rows = [
        [f"{kind}, σ {sigma:g}", *(row.get(epsilon, "") for epsilon in across)]
        for (_, _, kind, sigma), row in sorted(cells.items())
    ]
    return ["", *(f"ε {epsilon:g}/255" for epsilon in across)], rows


def _target_table(measured: Sequence[MeasuredModel]) -> str:
    rows = []
    for checkpoint, results in measured:
        aimed = (m for m in results.measurements if m.target is not None)
        for m in sorted(aimed, key=lambda m: (str(m.target), m.epsilon)):
            shown, report = m.pattern, m.report
            score = ["", "", ""]
            if shown:
                score = [f"{shown.rank} of {shown.n}", f"{100 * shown.share:.1f}", f"{100 * shown.others:.1f}"]
            cells = [title(m.target, checkpoint.classes), f"{m.epsilon}/255"]
            rows.append([checkpoint.title, *cells, percent(report.success), percent(report.unprovoked), *score])
    figures = ["success (%)", "unattacked (%)", "pattern rank", "share (%)", "others (%)"]
    return folded(["model", "target", "epsilon", *figures], rows)


def _breaks(results: Results) -> str:
    """The universal robustness in words; where it was not measured, as the curve of single attacks tells it."""
    if results.robustness:
        return broken(results)
    curve = [
        (0.0, results.clean.accuracy.value),
        *((float(m.epsilon), m.report.accuracy.value) for m in results.curve()),
    ]
    read_off = breaking_point(curve)
    return f"{read_off:.1f}/255" if read_off is not None else f"above {max(epsilon for epsilon, _ in curve):g}/255"


def _other_table(measured: Sequence[MeasuredModel]) -> str:
    rows = []
    for checkpoint, results in measured:
        targeted = [m for m in results.measurements if m.target is not None and m.report.target]
        best = max(targeted, key=lambda m: m.report.target.value if m.report.target else 0, default=None)
        aim = "" if best is None else f"{title(best.target, checkpoint.classes)} at {best.epsilon}/255: "
        deepfool = results.find("deepfool", 16)
        older = f"{percent(deepfool.report.accuracy)}, crafted on {deepfool.crafted_on:,} images" if deepfool else ""
        rows.append(
            [
                checkpoint.title,
                _breaks(results),
                older,
                aim + percent(best.report.target if best else None),
            ]
        )
    head = ["model", "75% misclassified at", f"accuracy, {attacks.get('deepfool').title}, 16/255", "best target rate"]
    return folded(head, rows)
