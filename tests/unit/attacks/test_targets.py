"""Targets: what a person writes, what a file holds, what the attacks maximise."""

import pytest
import torch

from core.attacks.objectives import Remove, Scene, Towards, Untargeted
from core.attacks.targets import Target, objective, scene_number, title
from core.datasets import Dataset, Split

LABELS = torch.stack([torch.full((4, 6), number, dtype=torch.uint8) for number in range(3)])
SCENES = Dataset(
    "harbour", "Harbour", "segmentation", ("water", "ship", "car"), (4, 6), "tests",
    lambda split, limit: Split(torch.zeros(3, 3, 4, 6, dtype=torch.uint8), LABELS).first(min(limit or 3, 3)),
)  # fmt: skip
IMAGES = Dataset("birds", "Birds", "classification", ("owl", "wren"), (4, 6), "tests", lambda split, limit: None)


WRITTEN = [
    (0, Target("class", 0)),
    (11, Target("class", 11)),
    ("scene-1", Target("scene", 1)),
    ("scene-12", Target("scene", 12)),
    ("remove-0", Target("remove", 0)),
    ("remove-8", Target("remove", 8)),
]
"""What stands in files and addresses, and the target that it means."""


@pytest.mark.parametrize(("written", "target"), WRITTEN)
def test_what_stands_in_a_file_is_read_and_written_again(written, target):
    assert Target.parse(written) == target
    assert target.to_json() == written
    assert type(target.to_json()) is type(written)
    assert str(target) == str(written)


def test_null_is_no_target():
    assert Target.parse(None) is None


ODD = [
    "", "3", "stop", "scene", "scene-", "scene-0", "scene--1", "scene-x", "scene-1.5", "scene-\u0664", "remove-",
    "remove-car", "Scene-1", " scene-1", "scene-1 ", "scene-1\n", "scene-" + "9" * 5000, -1, 1.0, True, [1], {},
]  # fmt: skip


@pytest.mark.parametrize("given", ODD, ids=lambda given: repr(given)[:20])
def test_what_is_no_target_is_refused(given):
    with pytest.raises(ValueError, match="A target is a class, for scenes also scene-NUMBER or remove-CLASS, not "):
        Target.parse(given)


@pytest.mark.parametrize(("kind", "number"), [("class", -1), ("scene", 0), ("remove", -1)])
def test_there_is_no_target_below_the_first(kind, number):
    with pytest.raises(ValueError, match="A target is a class, for scenes also"):
        Target(kind, number)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [("ship", Target("class", 1), "ship"), ("2", Target("class", 2), "car"), ("scene-3", Target("scene", 3), "scene 3"),
     ("remove-car", Target("remove", 2), "no car"), ("remove-0", Target("remove", 0), "no water")],
)  # fmt: skip
def test_what_a_person_writes(text, target, words):
    assert Target.named(text, SCENES) == target
    assert title(target, SCENES.classes) == words


def test_what_is_done():
    assert title(None, ()) == ""
    assert objective(None, SCENES) == Untargeted()
    assert objective(Target("class", 1), SCENES) == Towards(1)
    assert objective(Target("remove", 2), SCENES) == Remove(2)
    scene = objective(Target("scene", 3), SCENES)
    assert isinstance(scene, Scene)
    assert torch.equal(scene.label_map, LABELS[2])


def test_scenes_alone_have_a_scene_number():
    targets = (None, Target("class", 3), Target("scene", 3), Target("remove", 3))
    assert [scene_number(target) for target in targets] == [None, None, 3, None]


@pytest.mark.parametrize(
    ("text", "data", "says"),
    [
        ("plane", SCENES, "harbour has the classes water, ship, car, and 'plane'"),
        ("remove-plane", SCENES, "and 'plane' was given"),
        ("remove-3", SCENES, "and '3' was given"),
        ("scene-0", SCENES, "scene-NUMBER or remove-CLASS, not 'scene-0'"),
        ("scene-x", SCENES, "not 'scene-x'"),
        ("scene-1", IMAGES, "birds has the classes owl, wren, and 'scene-1'"),
    ],
)
def test_aims_that_fit_nothing_are_named(text, data, says):
    with pytest.raises(ValueError, match=says):
        Target.named(text, data)


@pytest.mark.parametrize(
    ("target", "data"),
    [(Target("remove", 3), SCENES), (Target("remove", 0), IMAGES), (Target("scene", 1), IMAGES)],
    ids=["no-such-class", "remove-from-images", "scene-of-images"],
)
def test_a_target_of_other_data_is_refused(target, data):
    with pytest.raises(ValueError, match=f"A target is a class of {data.name}, .* not '{target}'"):
        objective(target, data)


def test_a_scene_beyond_the_last_is_named():
    with pytest.raises(ValueError, match="3 images, so 1 to 3 can be taken, not 9"):
        objective(Target("scene", 9), SCENES)
