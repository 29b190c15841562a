"""The pages, figures and CSV files of `docs/results/`, written from the JSON of the model folders alone."""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from PIL.Image import Image

from core import attacks, datasets, rendering
from core.attacks.targets import scene_number, title
from core.checkpoints import perturbations, store
from core.checkpoints.results import Measurement, Results, key
from core.checkpoints.store import kind
from core.datasets import Dataset
from core.evaluation.pattern_score import ALL
from core.evaluation.report import breaking_point
from core.reports import records, training_page
from core.reports.charts import charts
from core.reports.claims import breaking_text, sections
from core.reports.markdown import percent, table
from core.reports.searchable_page import RecordTable, searchable_page
from core.reports.tradeoff import (
    MAXIMUM_ROWS,
    STANDARD,
    MeasuredModel,
    ModelsByGroup,
    advantage,
    first_seeds,
    representatives,
)
from core.training.recipe import Recipe
from core.workflows.patterns import KINDS

EPSILONS, SCENE_EPSILONS = (8, 16, 32), (8, 10, 20)
"""The epsilons of the short tables, at which all models were attacked."""
CONTROL_EPSILON, SCENE_CONTROL_EPSILON = 16, 10
"""The epsilons at which the table of other attacks shows random signs."""
SHOWN = 10
"""The epsilon at which perturbations towards scenes are shown."""

INTRODUCTION = """# Results

Written by `make results` from `checkpoints/**/results.json`; do not edit.

A *universal* perturbation is one perturbation for all images; its largest change of a pixel is *epsilon* (ε), given in
units of 1/255. *Shared* adversarial training lets a *heap* of images share one perturbation; *sigma* (σ) is the weight
of the adversarial loss. The *minimum breaking epsilon* is the smallest one at which a universal perturbation makes 75%
of the predictions wrong, or 50% of the pixels of a scene. The [glossary](../glossary.md) defines all terms.

Universal perturbations are crafted on training images and measured on held-out images, as they are stored: in whole
units of 1/255. Perturbations of heaps and of single images are crafted on the images that they attack. Brackets
hold 95% intervals (Wilson over images, bootstrap over scenes). They describe one training run; models trained with
several seeds show the spread between runs.

The tables here hold at most ten models of a data set. [All models](all.md) is a table of all of them that you can
search, and [How the models were trained](training.md) gives the commands. The same numbers for programs:
[models.csv](models.csv), [attacks.csv](attacks.csv), [pareto_fronts.csv](pareto_fronts.csv),
[training.csv](training.csv).
"""

GRID = (
    "Clean accuracy in % · minimum breaking epsilon in n/255 of models trained with the usual schedule, seed 0 where "
    "there are several. Empty: not trained.\n"
)

TARGETS = (
    f"Attacks towards a target at {SHOWN}/255. *Success* is the fraction of the pixels that show the "
    "target scene, or the fraction of the pixels of a removed class that vanished. *Without attack* is how much of the "
    "target scene is seen without a perturbation, since street scenes look alike. *Resembles the target more than* "
    "counts the other held-out scenes that explain the perturbation less well than the target does (half of them, on "
    "average, if it shows no scene). *Explained* is the fraction of the blurred perturbation that the target explains "
    "beyond the layout common to all scenes, and the mean of that fraction over the other scenes "
    "(`core/evaluation/resemblance.py`).\n"
)

TRAININGS = (
    "What each training costs and what it gives. *Passes*: how often an image goes forward and back through the "
    "network in one update of the weights; times the *epochs*, the cost of the training. The minimum breaking epsilon "
    "is that of the full search, and beside it that of the attack [as published](../explanation/masking.md). *Times "
    "heap 1*: how many times the epsilon of heap 1 with the usual schedule the models of this kind take at equal clean "
    "accuracy, under the full search. The last column is the accuracy under a perturbation for each image.\n"
)

PATTERNS = (
    "What other models see in the perturbations towards a class alone, on grey. The *pattern score* is the fraction of "
    "readings that name the target class, over all readers, contrasts and targets. It is given for all other models "
    "with weights, and by their kind. *Random signs* were read in the same way. *ε* is that of crafting: the smallest "
    "stored one that breaks the model. Brackets hold 95% intervals over patterns, as if all readings of one pattern "
    "agreed. See [Perceptibility](../explanation/perceptibility.md).\n"
)

SEARCH = (
    "The search for the minimum breaking epsilon (<code>core/robustness/search.py</code>): the first epsilon is "
    "attacked from random starts, every other one from the perturbation of a neighbouring epsilon. At the first "
    "epsilon, and again just below the breaking one, perturbations that broke other models of the data set (donor "
    "models) are tried as well (<code>core/robustness/transfer.py</code>). The strongest perturbation counts. "
    "Afterwards all stored perturbations are rescaled to every epsilon and compared, and the search continues from the "
    "strongest (<code>core/workflows/cross_epsilon.py</code>). <em>Replaced by a stronger one</em> counts how often "
    "this changed the result; it is empty where it was not done. Models with few donor models may break earlier than "
    "stated. How many steps and images help: "
    "<a href='../explanation/attack-strength.html'>Strength of the attack</a>."
)
SEARCH_COLUMNS = (
    *("data", "model", "minimum breaking epsilon (/255)", "searched epsilons", "tries", "steps"),
    *("donor models", "crafting images", "search n", "replaced by a stronger one"),
)


def write(root: Path, docs: Path) -> list[Path]:
    """Write all files of `docs`/results from the model folders under `root`; returns their paths."""
    checkpoints = store.find(root)
    models = by_group([(model, results) for model in checkpoints if (results := Results.load(model.folder))])
    folder = docs / "results"
    folder.mkdir(parents=True, exist_ok=True)
    figures = charts(models)
    written = []
    for name, content in figures.items():
        written.append(folder / name)
        written[-1].write_bytes(content)
    for name, group in models.items():
        if sheet := pattern_sheet(group, datasets.get(group[0][0].data)):
            written.append(folder / _pattern_file(name))
            sheet.save(written[-1])
    trained = [model for model in checkpoints if not model.converted]
    tables = {
        "models.csv": records.model_records(models, root),
        "attacks.csv": records.attack_records(models, root),
        "pareto_fronts.csv": records.front_records(models),
        "training.csv": training_page.training_records(trained, root),
    }
    texts = {
        "index.md": results_page(models, list(figures)),
        "all.md": searchable_page(_record_tables(models, tables, root)),
        "training.md": training_page.training_page(trained),
        **{name: records.csv_text(rows) for name, rows in tables.items()},
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [*(folder / name for name in texts), *written]


def _record_tables(models: ModelsByGroup, tables: dict[str, list[records.Record]], root: Path) -> list[RecordTable]:
    """The tables of the searchable page."""
    every, curves = tables["models.csv"], records.curve_records(models, root)
    columns = [name for name in _columns(every) if name not in SEARCH_COLUMNS[3:]]
    targeted = [record for record in tables["attacks.csv"] if record["target"]]
    about = "Under every stored universal perturbation without a target. Random signs are the control."
    return [
        RecordTable("Models", "One row for each model.", every, columns),
        RecordTable("Accuracy and mean IoU by epsilon", about, curves, _columns(curves)),
        RecordTable(
            "Attacks towards a target", "A class, a scene, or a class to remove.", targeted, _columns(targeted)
        ),
        RecordTable("How each model was attacked", SEARCH, every, SEARCH_COLUMNS),
        RecordTable("Training", "The commands that trained and measured each model.", tables["training.csv"]),
    ]


def _columns(rows: Sequence[records.Record]) -> list[str]:
    """The columns of these records without the folder, which the title of the model makes unnecessary."""
    return list(dict.fromkeys(name for record in rows for name in record if name != "folder"))


def by_group(measured: Sequence[MeasuredModel]) -> ModelsByGroup:
    """The models of each group; groups of one data set follow each other."""
    names = sorted({(checkpoint.data, checkpoint.variant) for checkpoint, _ in measured}, key=lambda name: name[1])
    names.sort(key=lambda name: name[0], reverse=True)
    groups = [[entry for entry in measured if (entry[0].data, entry[0].variant) == name] for name in names]
    return {group[0][0].group: group for group in groups}


def _pattern_file(group: str) -> str:
    """The file of the group's sheet of perturbations."""
    return re.sub(r"[^\w.-]+", "-", group) + "-patterns.png"


def pattern_sheet(models: Sequence[MeasuredModel], data: Dataset) -> Image | None:
    """The perturbations towards a scene, one row for each model, below the target scenes; None if there are none.

    Pictures and label maps are shown only for data sets that PlainSight draws itself.
    """
    aims = {m.target for _, results in models for m in results.measurements if m.epsilon == SHOWN and m.target}
    targets = sorted((aim for aim in aims if aim.kind == "scene"), key=lambda aim: aim.number)
    if not targets:
        return None
    rows = []
    for checkpoint, _ in models:
        deltas = perturbations.load(checkpoint.folder)
        names = [key("spgd", SHOWN, target) for target in targets]
        if all(name in deltas for name in names):
            pictures = [rendering.perturbation(deltas[name], 127 / SHOWN) for name in names]
            plain = checkpoint.title.replace("ε", "epsilon").replace("σ", "sigma")  # the drawing font has no Greek
            rows.append((plain, pictures))
    if data.drawn:
        maps = data.split("test", targets[-1].number).labels
        scenes = [rendering.label_map(maps[target.number - 1], data.palette) for target in targets]
        rows.insert(0, ("What the attacker wants to be seen", scenes))
    return rendering.sheet(rows, [title(target, data.classes) for target in targets])


def results_page(models: ModelsByGroup, figures: Sequence[str] = ()) -> str:
    """The verdicts on the paper's claims, then short tables for each data set; `figures` are those that exist."""
    parts = [INTRODUCTION, sections(models, figures)]
    for name, group in models.items():
        parts += _group_section(name, group)
    return "\n".join(parts)


def _group_section(name: str, models: list[MeasuredModel]) -> list[str]:
    """Heading, number of images, and the tables of one group of models."""
    checkpoint, results = models[0]
    scenes = _segmentation(results)
    shown, epsilons = representatives(models), SCENE_EPSILONS if scenes else EPSILONS
    parts = [
        f"## {checkpoint.group_title}\n",
        f"n = {results.clean.accuracy.n:,} held-out {'scenes' if scenes else 'images'} "
        f"({results.about['source'].rstrip('.')}). Architecture: `{checkpoint.architecture}`. "
        + (f"Models shown: {len(shown)} of {len(models)}.\n" if len(shown) < len(models) else "\n"),
    ]
    parts += _grids(models)
    what = "Correct pixels" if scenes else "Accuracy"
    parts += [f"{what} (%) under S-PGD, untargeted, by epsilon:\n", _curve_table(shown, epsilons)]
    if scenes:
        parts += ["Mean IoU (%) under the same attack:\n", _curve_table(shown, epsilons, "overlap")]
    parts += ["Minimum breaking epsilon, and other attacks:\n", _other_table(shown)]
    if rows := _training_rows(shown, models):
        parts += [TRAININGS, *_best_at_the_cost_of_heap_1(models), _filled(TRAINING_COLUMNS, rows)]
    if rows := _pattern_rows(models):
        parts += [PATTERNS, table(PATTERN_COLUMNS, rows)]
    if rows := _target_rows(shown):
        parts += [TARGETS, table(TARGET_COLUMNS, rows)]
    if any(scene_number(m.target) and m.epsilon == SHOWN for _, results in models for m in results.measurements):
        parts += [f"The perturbations towards each target scene at {SHOWN}/255, amplified to the full range:\n"]
        parts += [f"![Perturbations of each model towards each target scene]({_pattern_file(name)})\n"]
    return parts


def _segmentation(results: Results) -> bool:
    return results.clean.overlap is not None


def _curve_table(models: Sequence[MeasuredModel], epsilons: Sequence[int], figure: str = "accuracy") -> str:
    """One row for each model: the figure without a perturbation, and under S-PGD at each epsilon."""
    rows = []
    for checkpoint, results in models:
        measurements = (results.find("spgd", epsilon) for epsilon in epsilons)
        reports = [results.clean, *(m.report if m else None for m in measurements)]
        rows.append([checkpoint.title, *(percent(getattr(report, figure, None)) for report in reports)])
    return table(["model", "clean", *(f"{epsilon}/255" for epsilon in epsilons)], rows)


def _grids(models: Sequence[MeasuredModel]) -> list[str]:
    """A table of sigma by epsilon for each heap, for models of the usual schedule; none if all have the same sigma."""
    cells: dict[int, dict[float, dict[float, str]]] = {}
    for checkpoint, results in first_seeds(models):
        if checkpoint.heap and not checkpoint.schedule and (robustness := results.robustness):
            sigma, epsilon = round(checkpoint.recipe["sigma"], 4), round(checkpoint.recipe["epsilon"], 2)
            breaks = (
                f"{robustness.breaking_epsilon:g}" if robustness.epsilon else f"over {robustness.breaking_epsilon:g}"
            )
            row = cells.setdefault(checkpoint.heap, {}).setdefault(sigma, {})
            row[epsilon] = f"{100 * results.clean.accuracy.value:.1f} · {breaks}"
    if len({sigma for rows in cells.values() for sigma in rows}) < 2:
        return []
    across = sorted({epsilon for rows in cells.values() for row in rows.values() for epsilon in row})
    head = [f"ε {epsilon:g}/255" for epsilon in across]
    parts = [GRID]
    for heap, rows in sorted(cells.items()):
        lines = [[f"σ {sigma:g}", *(row.get(epsilon, "") for epsilon in across)] for sigma, row in sorted(rows.items())]
        parts.append(table([f"heap {heap}", *head], lines))
    return parts


def _other_table(models: Sequence[MeasuredModel]) -> str:
    """One row for each model: the minimum breaking epsilon and the results of other attacks; no empty columns."""
    control = SCENE_CONTROL_EPSILON if _segmentation(models[0][1]) else CONTROL_EPSILON
    rows = []
    for checkpoint, results in models:
        targeted = [m for m in results.measurements if m.target and m.target.kind == "class" and m.report.target]
        best = max(targeted, key=lambda m: m.report.target.value if m.report.target else 0, default=None)
        aim = f"{title(best.target, checkpoint.classes)} at {best.epsilon}/255: " if best else ""
        signs, deepfool = results.find("random-signs", control), results.find("deepfool", 16)
        older = f"{percent(deepfool.report.accuracy)}, crafted on {deepfool.crafted_on:,} images" if deepfool else ""
        rows.append(
            [
                checkpoint.title,
                _breaks(results),
                percent(signs.report.accuracy if signs else None),
                older,
                aim + percent(best.report.target if best else None),
            ]
        )
    head = ["model", "minimum breaking epsilon", f"accuracy (%), random signs, {control}/255"]
    head += [f"accuracy (%), {attacks.get('deepfool').title}, 16/255", "best target rate (%)"]
    return _filled(head, rows)


def _filled(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without its empty columns."""
    used = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return table([head[column] for column in used], [[row[column] for column in used] for row in rows])


def _breaks(results: Results) -> str:
    """The minimum breaking epsilon; without a search, interpolated on the curve of the stored perturbations."""
    if results.robustness:
        return breaking_text(results)
    stored = [(float(m.epsilon), m.report.accuracy.value) for m in results.curve()]
    curve = [(0.0, results.clean.accuracy.value), *stored]
    epsilon_found = breaking_point(curve)
    return (
        f"{epsilon_found:.1f}/255"
        if epsilon_found is not None
        else f"above {max(epsilon for epsilon, _ in curve):g}/255"
    )


TRAINING_COLUMNS = ["model", "passes", "epochs", "clean (%)", "minimum breaking epsilon", "as published"]
TRAINING_COLUMNS += ["times heap 1", "each image (%)"]


def _training_rows(models: Sequence[MeasuredModel], every: Sequence[MeasuredModel]) -> list[list[str]]:
    """Cost and robustness of the models whose training is known and whose universal robustness was measured.

    Their kinds are compared with heap 1 over `every` model of the group.
    """
    kinds = {checkpoint.kind for checkpoint, _ in models if checkpoint.heap}
    ahead = {name: advantage(every, kind(1), name) for name in kinds - {kind(1)}}
    rows = []
    for checkpoint, results in models:
        if not results.robustness or not checkpoint.recipe:
            continue
        published = results.as_published()
        levels = results.risks.levels if results.risks else ()
        each = next((level.accuracy for level in levels if level.kind == "adversarial"), None)
        at = f" at {results.risks.epsilon:g}/255" if results.risks and each else ""
        recipe = Recipe(**{"data": checkpoint.data, **checkpoint.recipe})
        rows.append(
            [
                checkpoint.title,
                str(recipe.passes),
                str(recipe.epochs),
                percent(results.clean.accuracy),
                breaking_text(results),
                breaking_text(published) if published and published.robustness else "",
                found.text if (found := ahead.get(checkpoint.kind)) else "",
                percent(each) + at,
            ]
        )
    return rows


def _best_at_the_cost_of_heap_1(models: Sequence[MeasuredModel]) -> list[str]:
    """A sentence on the kind of training that takes the most, of those that cost no more passes than heap 1."""
    costs: dict[str, int] = {}
    for checkpoint, results in models:
        if checkpoint.heap and checkpoint.recipe and results.robustness:
            recipe = Recipe(**{"data": checkpoint.data, **checkpoint.recipe})
            costs[checkpoint.kind] = max(costs.get(checkpoint.kind, 0), recipe.passes * recipe.epochs)
    most = costs.pop(kind(1), 0)
    compared = {name: advantage(models, kind(1), name) for name, cost in costs.items() if cost <= most}
    known = {name: ahead for name, ahead in compared.items() if ahead and ahead.bound != "at most"}
    if not known:
        return []
    best = max(known, key=lambda name: fmean(known[name].ratios))
    return [
        f"Of the trainings that take no more passes in all epochs together than heap 1 ({most}), {best} "
        f"({costs[best]}) takes the most at equal clean accuracy: {known[best].text} times the epsilon of heap 1.\n"
    ]


PATTERN_COLUMNS = ["model", "ε", "patterns", "pattern score (%)", *(f"read by {kind} (%)" for kind in KINDS)]
PATTERN_COLUMNS += ["random signs (%)", "readings"]


def _pattern_rows(models: Sequence[MeasuredModel]) -> list[list[str]]:
    """The pattern scores of at most ten models, of those where it was measured."""
    rows = []
    for checkpoint, results in representatives([entry for entry in models if entry[1].pattern_score]):
        score = results.pattern_score
        assert score
        every = score.own[ALL]
        rates = [percent(rate) for rate in (every, *map(score.own.get, KINDS), score.noise[ALL])]
        rows.append([checkpoint.title, f"{score.epsilon}/255", str(every.patterns), *rates, f"{every.n:,}"])
    return rows


TARGET_COLUMNS = ["model", "target", "success (%)", "without attack (%)"]
TARGET_COLUMNS += ["resembles the target more than", "explained (%)", "by other scenes (%)"]


def _target_rows(models: Sequence[MeasuredModel]) -> list[list[str]]:
    """At most ten targeted attacks at SHOWN/255 on two models of scenes: the standard one and the most robust one."""
    aimed = [entry for entry in models if _aimed(entry[1])]
    standard = [entry for entry in aimed if entry[0].kind == STANDARD]
    others = [entry for entry in aimed if entry[0].heap and entry[1].robustness]
    robust = sorted(others, key=lambda entry: entry[1].robustness.breaking_epsilon if entry[1].robustness else 0)
    rows = []
    for checkpoint, results in (*standard[:1], *robust[-1:]):
        for m in _aimed(results)[: MAXIMUM_ROWS // 2]:
            score = ["", "", ""]
            if m.pattern:
                fractions = (f"{100 * m.pattern.fraction:.1f}", f"{100 * m.pattern.others:.1f}")
                score = [f"{m.pattern.more_than} other scenes", *fractions]
            rates = [percent(m.report.success), percent(m.report.unprovoked)]
            rows.append([checkpoint.title, title(m.target, checkpoint.classes), *rates, *score])
    return rows


def _aimed(results: Results) -> list[Measurement]:
    """The attacks towards a scene or on a class to remove at SHOWN/255, by target."""
    aimed = (m for m in results.measurements if m.target and m.target.kind != "class" and m.epsilon == SHOWN)
    return sorted(aimed, key=lambda m: str(m.target))
