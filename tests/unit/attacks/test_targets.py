"""Names of aims: what a person writes, what is stored, what is done."""

import pytest
import torch

from core.attacks import targets
from core.attacks.objectives import Remove, Scene, Towards, Untargeted
from core.datasets import Dataset, Split

LABELS = torch.stack([torch.full((4, 6), number, dtype=torch.uint8) for number in range(3)])
SCENES = Dataset(
    "harbour", "Harbour", "segmentation", ("water", "ship", "car"), (4, 6), "tests",
    lambda split, limit: Split(torch.zeros(3, 3, 4, 6, dtype=torch.uint8), LABELS).first(min(limit or 3, 3)),
)  # fmt: skip
IMAGES = Dataset("birds", "Birds", "classification", ("owl", "wren"), (4, 6), "tests", lambda split, limit: None)


@pytest.mark.parametrize(
    ("text", "target", "title"),
    [("ship", 1, "ship"), ("2", 2, "car"), ("scene-3", "scene-3", "scene 3"), ("remove-car", "remove-2", "no car"),
     ("remove-0", "remove-0", "no water")],
)  # fmt: skip
def test_what_a_person_writes(text, target, title):
    assert targets.parse(text, SCENES) == target
    assert targets.title(target, SCENES.classes) == title


def test_what_is_done():
    assert targets.title(None, ()) == ""
    assert targets.objective(None, SCENES) == Untargeted()
    assert targets.objective(1, SCENES) == Towards(1)
    assert targets.objective("remove-2", SCENES) == Remove(2)
    scene = targets.objective("scene-3", SCENES)
    assert isinstance(scene, Scene)
    assert torch.equal(scene.label_map, LABELS[2])


@pytest.mark.parametrize(
    ("text", "data", "says"),
    [
        ("plane", SCENES, "harbour has the classes water, ship, car, and 'plane'"),
        ("remove-plane", SCENES, "and 'plane' was given"),
        ("scene-0", SCENES, "scene-NUMBER or remove-CLASS, not 'scene-0'"),
        ("scene-x", SCENES, "not 'scene-x'"),
        ("scene-1", IMAGES, "birds has the classes owl, wren, and 'scene-1'"),
    ],
)
def test_aims_that_fit_nothing_are_named(text, data, says):
    with pytest.raises(ValueError, match=says):
        targets.parse(text, data)


def test_a_scene_beyond_the_last_is_named():
    with pytest.raises(ValueError, match="3 images, so 1 to 3 can be taken, not 9"):
        targets.objective("scene-9", SCENES)
