"""Stored perturbations: whole units of 1/255 go in and come out, and every kind of damage is one sentence."""

import zlib

import pytest
import torch
from safetensors.torch import load_file

from core import files, perturbations
from core.files import FileError


@pytest.mark.parametrize("units", [0, 1, 2, 10, 16, 32, 127])
def test_quantising_keeps_whole_units_and_stays_in_the_ball(units):
    epsilon = units / 255
    delta = (torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(units)) * 2 - 1) * epsilon
    found = perturbations.quantise(delta)
    assert found.abs().max() <= units
    assert (found / 255 - delta).abs().max() < 1 / 255
    assert (found.abs() <= delta.abs() * 255 + 1e-3).all()  # towards zero, or a ball of 2.7/255 would be left
    assert torch.equal(found, found.round())
    full = torch.full((1, 3, 2, 2), epsilon)
    assert (perturbations.quantise(full) == units).all()
    assert (perturbations.quantise(-full) == -units).all()
    assert torch.equal(perturbations.quantise(found / 255), found)


def test_perturbations_are_bytes_on_disk_and_come_back_exactly(folder):
    deltas = {f"e{units}": torch.arange(-units, units + 1).float().reshape(1, 1, 1, -1) / 255 for units in (2, 127)}
    assert perturbations.load(folder) == {}
    perturbations.save(folder, deltas)
    assert {tensor.dtype for tensor in load_file(folder / "perturbations.safetensors").values()} == {torch.uint8}
    found = perturbations.load(folder)
    assert found.keys() == deltas.keys()
    assert all(torch.equal(found[name], deltas[name]) for name in deltas)


def test_what_a_byte_cannot_hold_is_refused(folder):
    with pytest.raises(ValueError, match=r"'big' reaches 200/255, and at most 127/255"):
        perturbations.save(folder, {"big": torch.full((1, 3, 2, 2), 200 / 255)})


def test_perturbations_of_full_strength_take_little_space(folder):
    signs = torch.randint(0, 2, (1, 3, 96, 128), generator=torch.Generator().manual_seed(0)) * 2 - 1
    perturbations.save(folder, {"signs": signs * 10 / 255})
    assert (folder / "perturbations.safetensors").stat().st_size < signs.numel() / 4


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ("{}", "delta"),
        ('{"delta": [1, 3, 2, 2]}', "do not fill"),
        ("[]", "core precompute"),
        ("{", "property name"),
        (None, "shapes"),
    ],
)
def test_perturbations_that_do_not_fit_their_head_are_named(folder, shapes, words):
    perturbations.save(folder, {"delta": torch.zeros(1, 3, 5, 5)})
    path = folder / "perturbations.safetensors"
    head = {} if shapes is None else {"shapes": shapes}
    files.write_tensors(path, load_file(path), head)
    with pytest.raises(FileError, match=words):
        perturbations.load(folder)


def test_bytes_that_were_packed_otherwise_are_named(folder):
    perturbations.save(folder, {"delta": torch.zeros(1, 3, 5, 5)})
    path = folder / "perturbations.safetensors"
    packed = torch.frombuffer(bytearray(zlib.compress(bytes(75))), dtype=torch.uint8)
    files.write_tensors(path, {"delta": packed}, {"shapes": '{"delta": [1, 3, 5, 5]}'})
    with pytest.raises(FileError, match="core precompute"):
        perturbations.load(folder)


def test_damaged_perturbations_are_named(folder):
    (folder / "perturbations.safetensors").write_bytes(b"x" * 30)
    with pytest.raises(FileError, match=r"perturbations\.safetensors is no readable"):
        perturbations.load(folder)
