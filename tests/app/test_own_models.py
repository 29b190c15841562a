"""Models in further folders (`--models`): in every picker, told from those that ship, and left out where broken."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from app import service
from app.markup import tradeoff
from app.service import catalogue
from core.checkpoints import store
from core.models.registry import create

SHARED = "shared-s64-e16-w0.5"


@pytest.fixture
def runs(models: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder as `train` leaves it: a model with a name that is taken, one without results, and a broken one."""
    found = tmp_path / "runs"
    shipped = store.default_root() / "signs"
    shutil.copytree(shipped / "standard", found / "signs" / "standard")
    shutil.copytree(shipped / SHARED, found / "signs" / "mine", ignore=lambda *_: ["results.json"])
    shutil.copytree(shipped / "standard", found / "signs" / "broken")
    (found / "signs" / "broken" / "config.json").write_text("{")
    yield found
    service.offer([])


def names(session: service.CompareSession) -> dict[str, str]:
    return {name: label for label, name in service.menu(session).models}


def test_they_stand_in_the_pickers_beside_the_shipped_ones(runs: Path) -> None:
    before = service.first(service.CompareSession, "signs")
    service.offer([runs])
    for kind in (service.CompareSession, service.PicturesSession, service.TradeoffSession):
        session = service.first(kind, "signs")
        assert (session.a, session.b) == (before.a, before.b)  # the first view stays the shipped one
        found = names(session)
        assert found["standard"] == "Standard"
        assert found["standard@runs"] == "Standard (runs)"
        assert ("mine@runs" in found) == (kind is not service.TradeoffSession)  # nothing is measured of it
    sentence = "A model folder cannot be read and is left out: runs/signs/broken (config.json is not JSON)."
    assert service.notice() == sentence


def test_a_folder_that_comes_is_noticed_a_moment_later(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service.offer([runs])
    session, now = service.first(service.CompareSession, "signs"), 100.0
    monkeypatch.setattr(catalogue, "FRESH", 1.0)
    monkeypatch.setattr(catalogue, "monotonic", lambda: now)
    assert "new@runs" not in names(session)
    shutil.copytree(runs / "signs" / "standard", runs / "signs" / "new")
    assert "new@runs" not in names(session), "many views of one moment look once"
    now += 1.0
    assert "new@runs" in names(session)


def test_such_a_pair_opens_by_its_address_and_repeats_its_numbers(runs: Path) -> None:
    service.offer([runs])
    query = {"data": "signs", "a": "standard@runs", "b": "mine@runs"}
    session, odd = service.opened(query, service.CompareSession)
    assert not odd
    a, b = service.cards(session, service.outcomes(session))
    assert (a.title, b.title) == ("Standard (runs)", "Shared-trained, 64 images, 16/255 (runs)")
    assert a.measured is not None
    assert b.measured is None
    assert a.command.startswith("plainsight evaluate runs/signs/standard --delta runs/signs/standard/perturb")
    page = service.own_pictures(service.opened(query | {"tab": "pictures"}, service.PicturesSession)[0])
    assert (page.a.card.title, page.b.crafted_at) == ("Standard (runs)", None)


def test_one_model_folder_is_enough_and_folders_of_one_name_are_told_apart(runs: Path, tmp_path: Path) -> None:
    service.offer([runs / "signs" / "mine"])
    assert "mine@runs" in names(service.first(service.CompareSession, "signs"))
    other = tmp_path / "other" / "runs"
    shutil.copytree(runs / "signs" / "standard", other / "signs" / "standard")
    service.offer([runs, other, runs, store.default_root()])
    found = names(service.first(service.CompareSession, "signs"))
    assert {name for name in found if name.startswith("standard@")} == {
        f"standard@{tmp_path.name}/runs",
        "standard@other/runs",
    }
    assert len(set(found.values())) == len(found)


def test_a_model_of_own_class_folders_is_shown_with_their_images(runs: Path, tmp_path: Path) -> None:
    data = tmp_path / "birds"
    for split in ("train", "test"):
        for name, colour in (("blue", (40, 40, 200)), ("red", (200, 40, 40))):
            (data / split / name).mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (20, 16), colour).save(data / split / name / f"{number}.png")
    torch.manual_seed(0)
    config = {"architecture": "resnet8/8", "data": f"folder:{data}@16", "classes": ["blue", "red"], "recipe": {}}
    store.save(runs / "folder" / "standard", create("resnet8/8", 2), config)
    service.offer([runs])
    session = service.first(service.PicturesSession, f"folder:{data}@16")
    page = service.own_pictures(session)
    assert page.classes == ("blue", "red")
    assert sorted(example.title for example in page.examples) == ["Held-out image: blue", "Held-out image: red"]
    shown = service.comparison(service.first(service.CompareSession, session.data), {"a": None, "b": None})
    assert shown.a.title == "Standard (runs)"
    shutil.rmtree(data)
    catalogue.caches.clear()
    assert session.data not in {model["data"] for model in service.list_models()}
    assert "runs/folder/standard" in service.notice()


def test_a_model_that_was_trained_elsewhere_is_no_standard_one(runs: Path) -> None:
    folder = shutil.copytree(store.default_root() / "signs" / "standard", runs / "signs" / "theirs")
    config = json.loads((folder / store.CONFIG).read_text())
    del config["recipe"]
    (folder / store.CONFIG).write_text(json.dumps(config | {"converted": {"file": "theirs.pt"}}))
    shown = service.tradeoff(service.first(service.TradeoffSession, "signs")).fronts
    service.offer([runs])
    session = replace(service.first(service.TradeoffSession, "signs"), b="theirs@runs", side="b")
    page = service.tradeoff(session)
    mark = page.b.mark
    assert (mark.plain, mark.kind, mark.training, mark.heap) == (
        "theirs (runs)",
        "trained elsewhere",
        "Trained elsewhere",
        0,
    )
    assert page.fronts == shown  # it is on no front
    assert "trained elsewhere" in page.settings.kinds
    assert "model B (trained elsewhere)" in tradeoff.headline(page)
    assert service.snapped(session, "kind", "standard")[0].b == "standard"
    assert service.snapped(replace(session, b="standard"), "kind", "trained elsewhere")[0].b == "theirs@runs"
    compared = replace(service.first(service.CompareSession, "signs"), a="standard", b="theirs@runs")
    assert [card.noun for card in service.cards(compared, service.outcomes(compared))] == [
        "standard model",
        "model theirs@runs",
    ]


def test_what_is_no_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no folder nowhere"):
        service.offer([Path("nowhere")])
