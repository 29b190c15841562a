"""The ball, the heaps and the only place that clips."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.threat import Budget, apply, from_units, heaps, quantise, spread

epsilons = st.integers(0, 255).map(lambda units: units / 255)
seeds = st.integers(0, 10_000)


def noise(*shape, seed=0, scale=1.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def inside(delta, epsilon):
    return delta.abs().max() <= epsilon + 1e-7


@given(epsilons, seeds)
def test_projection_lands_in_the_ball_keeps_what_is_inside_and_is_idempotent(epsilon, seed):
    delta, budget = noise(2, 3, 2, 2, seed=seed), Budget(epsilon)
    projected = budget.project(delta)
    assert inside(projected, epsilon)
    assert torch.equal(budget.project(projected), projected)
    already = delta.abs() <= epsilon
    assert torch.equal(projected[already], delta[already])
    assert torch.equal(projected.sign(), delta.sign() if epsilon else torch.zeros_like(delta))


@given(epsilons, seeds, st.floats(0, 2))
def test_a_step_stays_in_the_ball_and_goes_along_the_sign_of_the_gradient(epsilon, seed, step_size):
    budget = Budget(epsilon)
    start, gradient = budget.project(noise(1, 3, 2, 2, seed=seed)), noise(1, 3, 2, 2, seed=seed + 1, scale=1e-6)
    after = budget.ascend(start, gradient, step_size)
    assert inside(after, epsilon)
    assert ((after - start) * gradient >= 0).all()
    free = (start + step_size * gradient.sign()).abs() < epsilon
    assert torch.allclose((after - start)[free].abs(), torch.tensor(step_size), atol=1e-6)


@given(epsilons.filter(bool), seeds)
def test_the_random_start_fills_the_ball_and_depends_on_the_seed(epsilon, seed):
    first, again, other = (
        Budget(epsilon).random_start((1, 3, 16, 16), torch.Generator().manual_seed(s)) for s in (seed, seed, seed + 1)
    )
    assert inside(first, epsilon)
    assert first.max() > 0.9 * epsilon
    assert first.min() < -0.9 * epsilon
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@given(st.integers(1, 40), st.integers(1, 50))
def test_heaps_keep_order_and_size_and_none_is_left_out(n, size):
    deltas = heaps(n, size)
    owner = spread(torch.arange(float(deltas)).reshape(-1, 1, 1, 1).expand(-1, 2, 1, 1), n)
    assert owner.shape == (n, 2, 1, 1)
    owner = owner[:, 0].flatten().long()
    assert (owner.diff() >= 0).all()
    counts = owner.bincount(minlength=deltas)
    assert 1 <= counts[-1] <= counts[0] <= size
    assert (counts[:-1] == counts[0]).all()


@given(st.integers(1, 20), st.integers(1, 20), seeds)
def test_the_gradient_of_a_shared_delta_is_the_sum_over_its_heap(n, size, seed):
    deltas = heaps(n, size)
    delta = torch.zeros(deltas, 1, 2, 2, requires_grad=True)
    weight = noise(n, 1, 2, 2, seed=seed)
    (gradient,) = torch.autograd.grad((spread(delta, n) * weight).sum(), delta)
    owner = spread(torch.arange(float(deltas)).reshape(-1, 1, 1, 1), n).flatten().long()
    expected = torch.stack([weight[owner == heap].sum(0) for heap in range(deltas)])
    assert torch.allclose(gradient, expected, atol=1e-5)


@given(seeds, st.integers(1, 4))
def test_apply_clips_to_the_image_range_and_changes_nothing_else(seed, size):
    images = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(seed))
    delta = noise(heaps(4, size), 3, 2, 2, seed=seed)
    attacked, wanted = apply(images, delta), images + spread(delta, 4)
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    within = (wanted >= 0) & (wanted <= 1)
    assert torch.equal(attacked[within], wanted[within])


def test_the_gradient_passes_wherever_nothing_is_cut_off_also_at_black_and_white():
    images = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]).reshape(1, 1, 1, 7)
    start = torch.tensor([-0.1, 0.0, 0.1, 0.0, -0.1, 0.0, 0.1]).reshape(1, 1, 1, 7).requires_grad_()
    attacked = apply(images, start)
    (gradient,) = torch.autograd.grad(attacked.sum(), start)
    assert gradient.flatten().tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert torch.equal(attacked, apply(images, start.detach()))


@pytest.mark.parametrize(
    ("epsilon", "label"), [(0, "0/255"), (8 / 255, "8/255"), (2.5 / 255, "2.5/255"), (1, "255/255")]
)
def test_people_see_the_budget_in_units_of_255(epsilon, label):
    assert Budget(epsilon).label == label


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Budget(-0.01), r"from 0 to 1 .* -0.01 was given"),
        (lambda: Budget(8), r"n/255 for people.* 8 was given"),
        (lambda: Budget(math.nan), "nan was given"),
        (lambda: heaps(5, 0), "at least 1 image, and a size of 0"),
        (lambda: spread(torch.zeros(3, 1, 1, 1), 2), "2 images can share 1 to 2 deltas, and 3 were given"),
        (lambda: spread(torch.zeros(0, 1, 1, 1), 2), "and 0 were given"),
        (
            lambda: apply(torch.zeros(2, 3, 4, 4), torch.zeros(1, 3, 4, 5)),
            r"\(3, 4, 5\).*\(3, 4, 4\); they must be equal",
        ),
        (lambda: apply(torch.zeros(2, 3, 4, 4), torch.zeros(1, 1, 4, 4)), r"\(1, 4, 4\).*\(3, 4, 4\)"),
    ],
)
def test_bad_input_is_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("units", [0, 1, 2, 10, 16, 32, 127])
def test_quantising_keeps_whole_units_and_stays_in_the_ball(units):
    epsilon = units / 255
    delta = (torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(units)) * 2 - 1) * epsilon
    found = quantise(delta)
    assert found.abs().max() <= units
    assert (from_units(found) - delta).abs().max() < 1 / 255
    assert (found.abs() <= delta.abs() * 255 + 1e-3).all()  # towards zero, or a ball of 2.7/255 would be left
    assert torch.equal(found, found.round())
    full = torch.full((1, 3, 2, 2), epsilon)
    assert (quantise(full) == units).all()
    assert (quantise(-full) == -units).all()
    assert torch.equal(quantise(from_units(found)), found)
