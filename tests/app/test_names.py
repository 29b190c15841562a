"""What the page calls models and attacks: words that one understands without the paper."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import shows

from app import figures, service
from app.markup import common, compare, segmentation, tradeoff
from app.service import catalogue, names
from app.session import Session
from core.checkpoints import store
from core.checkpoints.store import Checkpoint

SHIPPED = Path(__file__).parents[2] / "checkpoints"


def model(name: str, schedule: str = "", **recipe: float) -> Checkpoint:
    return Checkpoint(Path(name), "resnet18/16", "signs", ("stop",), "0" * 64, recipe, schedule=schedule)


STANDARD = model("standard")
SHARED = model("shared-s64-e16-w0.5", sigma=0.5, heap=64, epsilon=16)
OTHERS = (
    STANDARD,
    SHARED,
    model("shared-s64-e24-w0.5", sigma=0.5, heap=64, epsilon=24),
    model("shared-s1-e8-w0.5", sigma=0.5, heap=1, epsilon=8),
)


@pytest.mark.parametrize(
    ("of", "others", "words"),
    [
        (STANDARD, OTHERS, "Standard"),
        (SHARED, OTHERS, "Shared-trained, 64 images, 16/255"),
        (OTHERS[3], OTHERS, "Adversarially trained, 8/255"),
        (SHARED, (*OTHERS, model("other", sigma=0.3, heap=64, epsilon=16)), "Shared, 64 images, 16/255, σ 0.5"),
        (model("again", sigma=0.5, heap=64, epsilon=16, seed=1), OTHERS, "Shared, 64 images, 16/255, seed 1"),
        (model("long", "15 epochs", sigma=0.5, heap=1, epsilon=2), OTHERS, "Adversarial, 2/255, 15 epochs"),
        (model("kept", sigma=0.5, heap=8, epsilon=2, persist=1), OTHERS, "Shared, 8 images, 2/255, persistent deltas"),
        (
            model("each", "class-wise deltas, persistent deltas", sigma=0.5, heap=128, epsilon=2, classwise=1),
            OTHERS,
            "Shared, by class, 2/255, persistent deltas",
        ),
        (model("mine"), OTHERS, "mine"),
    ],
    ids=lambda value: value.name if isinstance(value, Checkpoint) else "",
)
def test_a_model_is_named_by_its_training(of: Checkpoint, others: tuple[Checkpoint, ...], words: str) -> None:
    assert names.model_title(of, others) == words


def test_a_picker_has_room_for_a_title() -> None:
    assert [names.model_choice(one, OTHERS) for one in OTHERS] == [
        *("Standard", "Shared by 64, 16/255", "Shared by 64, 24/255", "Adversarial, 8/255"),
    ]
    kept = model("kept", "persistent deltas", sigma=0.5, heap=128, epsilon=24, persist=1)
    assert names.model_choice(kept, OTHERS) == "Shared by 128, 24/255, persistent"


def test_class_wise_deltas_are_not_said_to_be_shared_by_so_many_images() -> None:
    own = model("each", sigma=0.5, heap=128, epsilon=2, classwise=1)
    assert names.model_choice(own, OTHERS) == "Shared by class, 2/255"
    assert names.explained(own).startswith("The images of each class shared a pattern in training, of 2/255.")
    schedule = "class-wise deltas, 15 epochs"
    assert names.training_choice(128, schedule) == "Shared by class, 15 epochs"
    assert names.training_noun(128, schedule) == "shared training (by class, 15 epochs)"


def test_no_two_models_that_ship_have_the_same_title() -> None:
    found = store.find(SHIPPED)
    for group in {model.group for model in found}:
        own = [model for model in found if model.group == group]
        for words in (names.model_title, names.model_choice):
            titles = [words(model, own) for model in own]
            assert len(set(titles)) == len(own), titles


def test_the_exact_name_is_on_demand(session: Session) -> None:
    card = shows.card(session, "b")
    assert card.title == "Shared-trained, 64 images, 16/255"
    exact = "64 images shared a pattern in training, of 16/255. Exact name: Shared, heap 64, ε 16/255, σ 0.5"
    assert f'title="{exact}"' in common.head(card)
    page = service.tradeoff(service.opened({"tab": "tradeoff", "data": "signs"}, service.TradeoffSession)[0])
    assert f'title="{exact}"' in tradeoff.card(page.b)
    assert "model B (shared-trained, 64 images)" in tradeoff.headline(page)
    long = replace(page.b.mark, training="Shared-trained, 64 images, 15 epochs", choice="Shared by 64, 15 epochs")
    page = replace(page, b=replace(page.b, mark=long))
    assert "model B (shared by 64, 15 epochs)" in tradeoff.headline(page)
    assert "Shared, heap 64, ε 16/255, σ 0.5" in tradeoff.models(page), "tables have the exact names"
    assert catalogue.checkpoint(session, "b").title in [model["title"] for model in service.list_models()]


def test_attacks_are_named_for_people(session: Session) -> None:
    offered = {value: label for label, value in service.menu(session).attacks}
    assert (offered["spgd"], offered["random-signs"]) == ("Strongest (S-PGD)", "Random noise (control)")
    noise = shows.comparison(replace(session, attack="random-signs"))
    assert common.headline(noise.subject, noise.a, noise.b).startswith("<h1>Random noise, added to 36 images")


def test_the_page_says_neither_random_signs_nor_heap_nor_breaks(session: Session, scenes: Session) -> None:
    page, scene = shows.comparison(session), shows.scene_page(scenes)
    drawn = [common.headline(page.subject, page.a, page.b), common.footer(page.a, page.b, page.numbers)]
    drawn += [compare.visible(page.a, page.b), compare.patterns(page.a, page.b, None), figures.both(page.a, page.b)]
    drawn += [compare.stage(card, page.large, page.large.a) for card in (page.a, page.b)]
    drawn += [segmentation.summary(*pair) for pair in zip(scene.cards, scene.looks, strict=True)]
    told = re.sub('(data:|Exact name: )[^"]*', "", "".join(drawn)).lower()  # the letters of a picture may be any
    for word in ("random signs", "heap", "breaks at"):
        assert word not in told
    known = replace(page.a, curve=replace(page.a.curve, breaks=13.25, level=0.75))
    assert "75% wrong at ● 13.25 ● 13.25/255" in compare.breaks(known, known)
    axis = json.loads(figures.both(known, known))["layout"]["xaxis"]
    assert axis["title"]["text"] == "still right, by ε (dotted: noise)"
