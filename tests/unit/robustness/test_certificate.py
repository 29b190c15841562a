"""Certificates: bounds that hold for every delta, exact for linear models, and what one delta can do to many images."""

import os
from dataclasses import replace

import pytest
import torch
from torch import nn

from core.datasets import Split
from core.evaluation.report import Rate
from core.models.normalised import Normalised
from core.models.registry import create
from core.robustness import certificate
from core.robustness.certificate import Certificate, certified_groups, chain, margins, most_turned
from core.threat import Budget, apply

EPSILON = Budget(0.1)


def small() -> nn.Module:
    torch.manual_seed(0)
    return Normalised(
        nn.Sequential(
            nn.Conv2d(3, 6, 4, 2, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 4, 3, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 10),
            nn.ReLU(),
            nn.Linear(10, 4),
        ),
        (0.4, 0.5, 0.6),
        (0.2, 0.25, 0.3),
    ).eval()


def line(*weights: float) -> nn.Module:
    """A model of two classes whose margin for class 1 is the sum of weights times pixels above one half."""
    layer = nn.Linear(len(weights), 2)
    layer.weight.data = torch.tensor([[0.0] * len(weights), weights])
    layer.bias.data = torch.tensor([0.0, -0.5 * sum(weights)])
    return nn.Sequential(nn.Flatten(), layer).eval()


def pixels(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, -1)


@pytest.mark.parametrize("epsilon", [0.1, 1e-3])
@pytest.mark.parametrize("low", [0.3, 0.0], ids=["grey", "up to black and white"])
def test_no_delta_gets_below_the_bounds_and_they_are_tight_where_deltas_are_small(low, epsilon):
    """Random ones, their corners, and the worst that the slopes know of."""
    model, draw = small().double(), torch.Generator().manual_seed(1)
    for _ in range(4):
        image = low + (1 - 2 * low) * torch.rand((3, 8, 8), generator=draw, dtype=torch.double)
        image = image.clamp(0, 1) if low else (2 * image - 0.5).clamp(0, 1)
        label = model(image[None]).argmax().item()
        slopes, offsets = margins(chain(model), image, label, Budget(epsilon))
        others = [number for number in range(4) if number != label]
        deltas = 2 * torch.rand((200, 3, 8, 8), generator=draw, dtype=torch.double) - 1
        deltas = torch.cat([deltas, deltas.sign(), -slopes.sign(), slopes.sign(), torch.zeros_like(slopes)])
        logits = model(apply(image.expand(len(deltas), -1, -1, -1), epsilon * deltas)).detach()
        true = (logits[:, [label]] - logits)[:, others]
        bound = torch.einsum("nchw,rchw->nr", deltas, slopes) + offsets
        assert (true - bound).min() > -1e-9
        assert (true - bound).max() < 20 * epsilon


def test_the_bounds_of_a_linear_model_are_its_margins():
    model, image = line(2.0, -1.0, 0.5), pixels(0.7, 0.4, 0.6)
    slopes, offsets = margins(chain(model), image.double(), 1, EPSILON)
    assert offsets.item() == pytest.approx(0.4 + 0.1 + 0.05)
    assert slopes.flatten().tolist() == pytest.approx([0.2, -0.1, 0.05])
    assert margins(chain(model), image.double(), 0, EPSILON) is None, "wrong without a delta"


def test_what_clipping_cuts_off_is_not_counted():
    """A white pixel cannot rise: only the other one can turn the image of class 0."""
    slopes, offsets = margins(chain(line(-1.0, -1.0)), pixels(1.0, 0.5).double(), 1 - 1, EPSILON)
    assert (offsets - slopes.abs().flatten(1).sum(1)).item() == pytest.approx(0.5 - 0.2, abs=1e-6)
    slopes, offsets = margins(chain(line(1.0, 1.0)), pixels(0.0, 0.2).double(), 0, EPSILON)
    assert (offsets - slopes.abs().flatten(1).sum(1)).item() == pytest.approx(0.8 - 0.2, abs=1e-6)
    for weights, image in (((1.0, 3.0), (0.0, 1.0)), ((-1.0, -3.0), (1.0, 0.0))):  # the first pixel cannot do harm
        slopes, offsets = margins(chain(line(*weights)), pixels(*image).double(), 1, EPSILON)
        assert (offsets - slopes.abs().flatten(1).sum(1)).item() == pytest.approx(1 - 0.3, abs=1e-6)


def near() -> Split:
    """One pixel, close to the middle on either side, and the label of its side."""
    values = torch.tensor([140, 115, 140, 115], dtype=torch.uint8)
    return Split(values.reshape(4, 1, 1, 1), torch.tensor([1, 0, 1, 0], dtype=torch.uint8))


def test_one_delta_cannot_turn_images_that_want_opposite_ones():
    model, split = line(1.0), near()
    assert list(certified_groups(model, split, EPSILON, heap=4)) == [(4, 0, 2)]
    assert list(certified_groups(model, split, EPSILON, heap=2)) == [(2, 0, 1), (2, 0, 1)]
    assert list(certified_groups(model, split, Budget(0.01), heap=4)) == [(4, 4, 4)]
    same = Split(split.images[[0, 0, 2, 2]], split.labels[[0, 0, 2, 1]])
    assert list(certified_groups(model, same, EPSILON, heap=4)) == [(3, 0, 0)]


def test_a_search_without_time_proves_nothing_more():
    bounds = [(torch.tensor([[[[1.0]]]]), torch.tensor([0.5])), (torch.tensor([[[[-1.0]]]]), torch.tensor([0.5]))]
    assert most_turned(bounds, 60) == 1
    assert 1 <= most_turned(bounds, 1e-9) <= 2


def test_the_network_for_certificates_is_a_chain_and_others_are_named():
    assert len(chain(create("convnet/8", 10)).exact) == 10
    with pytest.raises(ValueError, match="this model has a Block; train one with --arch convnet"):
        chain(create("resnet8/8", 10))
    with pytest.raises(ValueError, match="A group of 5 images cannot be filled with 4"):
        next(certified_groups(line(1.0), Split(torch.zeros(4, 1, 1, 1).byte(), torch.zeros(4).byte()), EPSILON, heap=5))
    with pytest.raises(ValueError, match="epsilon must be above 0, and 0"):
        next(certified_groups(line(1.0), near(), Budget(0), heap=2))
    broken = line(1.0)
    broken[1].weight.data[0, 0] = float("nan")
    broken[1].bias.data[1] = float("inf")
    with pytest.raises(ValueError, match="bounds of this model are not finite"):
        list(certified_groups(broken, near(), EPSILON, heap=4))
    scenes = Split(torch.zeros(4, 3, 2, 2).byte(), torch.zeros(4, 2, 2).byte())
    with pytest.raises(ValueError, match="scenes have one for each pixel"):
        next(certified_groups(line(1.0), scenes, EPSILON, heap=2))


def test_the_floor_and_its_interval():
    found = Certificate(1.0, Rate(30, 40), Rate(10, 40), 10, (6, 2, 5, 3))
    assert found.floor == pytest.approx(0.6)
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(0.6)
    assert high - 0.6 == pytest.approx(3.1824 * 0.1825742 / 2, rel=1e-4)
    assert Certificate(1.0, Rate(3, 4), Rate(1, 4), 4, (2,)).interval == (0.0, 1.0)
    even = Certificate(1.0, Rate(30, 40), Rate(0, 40), 10, (10, 10, 10, 10))
    assert even.interval == (0.0, 0.0876), "as many lost in every group is no certainty"
    assert Certificate.from_json(found.to_json()) == found
    assert Certificate.from_json(replace(found, attacked=Rate(20, 40)).to_json()).attacked == Rate(20, 40)


def test_the_solver_writes_nothing_between_the_lines_of_a_command(monkeypatch, capfd):
    def chatty(*given, **options):
        os.write(1, b"from C")
        return real(*given, **options)

    real = certificate.milp
    monkeypatch.setattr(certificate, "milp", chatty)
    bounds = [(torch.tensor([[[[1.0]]]]), torch.tensor([0.5]))] * 2
    assert most_turned(bounds, 60) == 2
    os.write(1, b"heard")
    assert capfd.readouterr().out == "heard"
