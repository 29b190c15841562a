"""Stored perturbations: whole units of 1/255 go in and come out, and every kind of damage is one sentence."""

import lzma
import math
import pickle
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core import files
from core.checkpoints import perturbations
from core.files import FileError


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


def test_a_perturbation_that_was_saved_before_is_not_packed_again(folder, monkeypatch):
    compress, packed = lzma.compress, []
    monkeypatch.setattr(lzma, "compress", lambda plain, **how: packed.append(plain) or compress(plain, **how))
    values = torch.randint(-9, 10, (2, 1, 3, 8, 8), generator=torch.Generator().manual_seed(9)) / 255
    perturbations.save(folder, {"first": values[0]})
    perturbations.save(folder, {"first": values[0].clone(), "second": values[1]})
    assert len(packed) == 2
    assert torch.equal(perturbations.load(folder)["second"], values[1])


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ("{}", "delta"),
        ('{"delta": [1, 3, 2, 2]}', "do not fill"),
        ("[]", "plainsight precompute"),
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
    with pytest.raises(FileError, match="plainsight precompute"):
        perturbations.load(folder)


def test_damaged_perturbations_are_named(folder):
    (folder / "perturbations.safetensors").write_bytes(b"x" * 30)
    with pytest.raises(FileError, match=r"perturbations\.safetensors is no readable"):
        perturbations.load(folder)


# ---------------------------------------------------------------------------------------------------------------------
# Perturbations of other tools

SIZE = (3, 4, 5)
UNITS = torch.arange(-30, 30).reshape(SIZE).float() / 3  # n/255, from -10 to 9.7, most of them not whole
"""Up to 10 in n/255, (C,H,W)."""


def store(path, values):
    """A tensor, or a dictionary with some, as the suffix says."""
    named = values if isinstance(values, dict) else {"delta": values}
    if path.suffix == ".npy":
        np.save(path, values.numpy())
    elif path.suffix == ".npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in named.items()})
    elif path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in named.items()}, path)
    else:
        torch.save(values, path)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("axes", ["CHW", "HWC", "NCHW", "NHWC"])
@pytest.mark.parametrize(("scale", "unit"), [(1, None), (1, "255"), (1 / 255, None), (1 / 255, "1")])
def test_every_layout_container_and_unit_is_read_as_it_was_meant(suffix, axes, scale, unit, tmp_path):
    values = UNITS.permute(1, 2, 0) if axes.endswith("C") else UNITS
    values = (values[None] if axes.startswith("N") else values) * scale
    found = perturbations.read_delta(store(tmp_path / f"uap{suffix}", values), SIZE, unit)
    assert found.shape == (1, *SIZE)
    assert torch.allclose(found[0] * 255, UNITS, atol=1e-5)  # kept as it is, and not rounded to whole units


@pytest.mark.parametrize(
    "values",
    [
        {"uap": UNITS, "epsilon": torch.tensor(10.0), "seed": torch.arange(3)},
        {"delta": UNITS, "mask": torch.ones(SIZE)},
        torch.nn.Parameter(UNITS),
        UNITS.double(),
    ],
    ids=["one of its kind", "by its name", "parameter", "double"],
)
def test_the_perturbation_is_found_in_what_was_saved_with_it(values, tmp_path):
    found = perturbations.read_delta(store(tmp_path / "uap.pt", values), SIZE)
    assert torch.allclose(found[0] * 255, UNITS, atol=1e-5)


def test_other_byte_orders_and_whole_numbers_are_read(tmp_path):
    np.save(tmp_path / "big.npy", UNITS.numpy().astype(">f4"))
    assert torch.allclose(perturbations.read_delta(tmp_path / "big.npy", SIZE)[0] * 255, UNITS, atol=1e-5)
    path = store(tmp_path / "whole.npy", UNITS.trunc().to(torch.int16))
    assert torch.allclose(perturbations.read_delta(path, SIZE, "255")[0] * 255, UNITS.trunc(), atol=1e-5)


def test_our_own_files_come_back_exactly(tmp_path):
    delta = UNITS.trunc()[None] / 255
    (tmp_path / "delta.safetensors").write_bytes(perturbations.delta_file(delta, {}))
    (tmp_path / "delta.npy").write_bytes(perturbations.float_file(delta))
    for name in ("delta.safetensors", "delta.npy"):
        assert torch.equal(perturbations.read_delta(tmp_path / name, SIZE), delta)
    square = torch.arange(27.0).reshape(1, 3, 3, 3).trunc() / 255
    (tmp_path / "delta.safetensors").write_bytes(perturbations.delta_file(square, {}))
    assert torch.equal(perturbations.read_delta(tmp_path / "delta.safetensors", (3, 3, 3)), square)


def test_a_perturbation_of_a_model_folder_is_read_by_its_key(folder):
    deltas = {f"spgd-e{units}": torch.full((1, *SIZE), units / 255) for units in (4, 8)}
    perturbations.save(folder, deltas)
    path = folder / "perturbations.safetensors"
    for name, delta in deltas.items():
        assert torch.equal(perturbations.read_delta(path, SIZE, key=name), delta)
    with pytest.raises(FileError, match=r"no perturbation named 'spgd-e6'; it holds spgd-e4, spgd-e8\."):
        perturbations.read_delta(path, SIZE, key="spgd-e6")
    with pytest.raises(FileError, match=r"there are 2; .*; or name one with --key: spgd-e4, spgd-e8"):
        perturbations.read_delta(path, SIZE)
    with pytest.raises(FileError, match="says itself that its unit is 1/255"):
        perturbations.read_delta(path, SIZE, "1", "spgd-e4")
    perturbations.save(folder, {"spgd-e4": deltas["spgd-e4"]})
    assert torch.equal(perturbations.read_delta(path, SIZE), deltas["spgd-e4"])


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
def test_one_of_several_perturbations_of_another_tool_is_read_by_its_key(suffix, tmp_path):
    path = store(tmp_path / f"uap{suffix}", {"one": UNITS, "other": -UNITS, "delta": UNITS / 2})
    assert torch.allclose(perturbations.read_delta(path, SIZE, key="other")[0] * 255, -UNITS, atol=1e-5)
    assert torch.allclose(perturbations.read_delta(path, SIZE)[0] * 255, UNITS / 2, atol=1e-5)


ASK = r"does not say in which unit its values are, the largest of which is {}; give --unit 255 for n/255, or --unit 1"


@pytest.mark.parametrize(
    ("values", "size", "unit", "says"),
    [
        (UNITS.sign(), SIZE, None, ASK.format("1")),  # 1/255, or all of full intensity
        (UNITS.sign() * 0.6, SIZE, None, ASK.format("0.6")),
        (UNITS.to(torch.int8), SIZE, None, ASK.format("10")),
        (UNITS, SIZE, "1", "has the largest value 10, and full intensity is 1 in this unit"),
        (UNITS * 30, SIZE, None, "has the largest value 300, and full intensity is 255"),
        (UNITS, (3, 8, 8), None, r"a perturbation of shape \(3, 4, 5\), and the images have \(3, 8, 8\)"),
        (UNITS.permute(1, 2, 0), (3, 5, 4), None, r"shape \(4, 5, 3\), and the images have \(3, 5, 4\)"),
        (torch.ones(3, 3, 3) * 9, (3, 3, 3), None, r"\(3, 3, 3\), of which any axis may be the channels"),
        (torch.ones(2, *SIZE) * 9, SIZE, None, r"shape \(2, 3, 4, 5\), and one perturbation"),
        (torch.ones(1, 3, 0, 5), (3, 0, 5), None, "and one perturbation"),
        (UNITS.masked_fill(UNITS == 0, math.nan), SIZE, None, "values that are not finite"),
        (UNITS.masked_fill(UNITS == 0, math.inf), SIZE, "255", "values that are not finite"),
        (UNITS > 0, SIZE, None, "cannot be read"),
        (torch.ones(4, 5), SIZE, None, "one tensor of channels, height and width is expected, and there are 0"),
        ({"one": UNITS, "other": UNITS}, SIZE, None, "and there are 2; make one with: plainsight attack MODEL"),
        ({"delta": torch.tensor(9.0)}, SIZE, None, "and there are 0"),
        ([1, 2], SIZE, None, "and there are 0"),
    ],
)
def test_what_leaves_a_doubt_is_refused(values, size, unit, says, tmp_path):
    with pytest.raises(FileError, match=says):
        perturbations.read_delta(store(tmp_path / "uap.pt", values), size, unit)


class Harm:
    """What runs code where it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('code was run')",)


def test_our_own_unit_cannot_be_told_otherwise(tmp_path):
    (tmp_path / "delta.safetensors").write_bytes(perturbations.delta_file(UNITS[None] / 255, {}))
    with pytest.raises(FileError, match="says itself that its unit is 1/255; leave --unit out"):
        perturbations.read_delta(tmp_path / "delta.safetensors", SIZE, "1")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "is a page of HTML or XML"),
        (b"x" * 40, "cannot be read|no readable"),
        (b"", "is an empty file"),
        (pickle.dumps(Harm(), protocol=2), "cannot be read|no readable"),
    ],
    ids=["pointer", "page", "damaged", "empty", "code"],
)
def test_what_is_no_perturbation_is_named(suffix, content, says, tmp_path):
    (tmp_path / f"uap{suffix}").write_bytes(content)
    with pytest.raises(FileError, match=rf"uap\{suffix} .*({says})"):
        perturbations.read_delta(tmp_path / f"uap{suffix}", SIZE)


def test_other_kinds_of_files_and_none_are_named(tmp_path):
    with pytest.raises(FileError, match=r"There is no file .*uap\.npy"):
        perturbations.read_delta(tmp_path / "uap.npy", SIZE)
    (tmp_path / "uap.txt").write_text("1 2 3")
    with pytest.raises(FileError, match=r"uap\.txt is no perturbation; \.safetensors, \.npy, \.npz, \.pt and \.pth"):
        perturbations.read_delta(tmp_path / "uap.txt", SIZE)
