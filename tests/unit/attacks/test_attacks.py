"""Every attack against a tiny classifier and a tiny segmenter, and what the ascent itself must do."""

import copy
import math

import pytest
import torch
from known import CODE, CONTRAST
from linear import Linear, grey_pictures
from torch.nn.functional import cross_entropy, softplus

from core import attacks
from core.attacks import spgd
from core.attacks.base import mini_batches
from core.attacks.checkerboard import Checkerboard
from core.attacks.objectives import LOSS_CAP, Remove, Scene, Towards, Untargeted
from core.attacks.pgd import PGD, ascent_direction, frozen
from core.datasets import Split
from core.datasets.labels import IGNORE
from core.evaluation.report import evaluate, predict
from core.threat import Budget, apply

BUDGET = Budget(16 / 255)
STEPS = {"deepfool": 60}
NAMES = list(attacks.registry())
PAIRS = [
    (name, kind) for name in NAMES for kind in ("classifier", "segmenter") if (name, kind) != ("deepfool", "segmenter")
]


def make(name, seed=0, **settings):
    return attacks.get(name)(BUDGET, seed=seed, **{"steps": STEPS.get(name, 30), **settings})


def state(model):
    """Everything of a model that an attack must leave alone."""
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradients = {name: p.grad if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
    flags = [module.training for module in model.modules()], [p.requires_grad for p in model.parameters()]
    return weights, gradients, flags


def same(before, after):
    def equal(a, b):
        return a is b if a is None or b is None else torch.equal(a, b)

    return before[2] == after[2] and all(
        old.keys() == new.keys() and all(equal(old[name], new[name]) for name in old)
        for old, new in zip(before[:2], after[:2], strict=True)
    )


def mixed(model):
    """The model as training might leave it: modes, frozen weights and gradients of every kind."""
    model.train()
    model[2].eval()
    model[0].weight.requires_grad_(False)
    model[-1].bias.grad = torch.ones_like(model[-1].bias)
    return model


@pytest.mark.parametrize(("name", "victim"), PAIRS, indirect=["victim"])
class TestEveryAttack:
    def test_budget_shape_and_one_delta_for_all(self, name, victim):
        delta = make(name).craft(victim.model, victim.train)
        assert delta.shape == (1, 3, 12, 12)
        assert delta.abs().max() <= BUDGET.epsilon + 1e-7
        assert not delta.requires_grad

    @pytest.mark.parametrize("stopped", [False, True], ids=["drained", "stopped early"])
    def test_the_model_is_left_as_it_was(self, name, victim, stopped):
        model = mixed(victim.model)
        before = state(model)
        stream = make(name, steps=5).stream(model, victim.train)
        for step in stream:
            assert same(before, state(model)), "not even between two steps"
            if stopped and step.iteration == 2:
                stream.close()
        assert same(before, state(model))

    def test_the_seed_decides(self, name, victim):
        few = {"steps": 2, "step_size": 0.1} if name == "spgd" else {}  # a random start is left in the ball's inside
        first, again, other = (make(name, seed, **few).craft(victim.model, victim.train) for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert torch.equal(first, other) == (name == "checkerboard")

    def test_it_streams_steps(self, name, victim):
        attack = make(name, steps=6)
        steps = list(attack.stream(victim.model, victim.train))
        total = 1 if attack.control else 6
        assert [step.iteration for step in steps] == list(range(1, total + 1))
        assert {step.total for step in steps} == {total}
        assert all(math.isfinite(step.gain) for step in steps)
        assert all(step.fooling_rate is None if attack.control else 0 <= step.fooling_rate <= 1 for step in steps)
        assert torch.equal(steps[-1].delta, attack.craft(victim.model, victim.train))


@pytest.mark.parametrize(
    ("name", "victim"), [pair for pair in PAIRS if not attacks.get(pair[0]).control], indirect=["victim"]
)
def test_an_attack_does_more_damage_than_random_signs_of_equal_epsilon(name, victim):
    """16/255 is far beyond the 9/255 at which the models see class 0 everywhere, on images of the other classes."""
    images, labels = victim.train.images, victim.train.labels
    others = labels.flatten(1).ne(0).all(1) if labels.ndim == 3 else labels != 0  # which all have one way to go
    attacked, control, clean = (
        evaluate(victim.model, victim.test, delta).accuracy.value
        for delta in (
            make(name).craft(victim.model, Split(images[others], labels[others])),
            make("random-signs").craft(victim.model, victim.train),
            None,
        )
    )
    assert clean > 0.95
    assert attacked < control - 0.4


@pytest.mark.parametrize("name", NAMES)
def test_every_attack_is_described_and_names_bad_input(name):
    assert attacks.get(name).title
    assert attacks.get(name).description
    with pytest.raises(ValueError, match="at least 1 step, and 0 were given"):
        make(name, steps=0)
    if not attacks.get(name).targetable:
        with pytest.raises(ValueError, match="cannot aim at a class"):
            make(name, objective=Towards(1))


def test_the_registry_holds_attacks_first_and_names_them_when_asked_for_another():
    assert NAMES == ["spgd", "deepfool", "checkerboard", "random-signs"]
    with pytest.raises(ValueError, match="no attack named 'cw'; known are spgd, deepfool"):
        attacks.get("cw")


def test_deepfool_says_that_it_is_for_classifiers(tiny_segmenter):
    before = state(tiny_segmenter.model)
    with pytest.raises(ValueError, match="is for classifiers"):
        make("deepfool").craft(tiny_segmenter.model, tiny_segmenter.train)
    assert same(before, state(tiny_segmenter.model))


@pytest.mark.parametrize("name", ["random-signs", "checkerboard"])
def test_controls_have_full_strength_everywhere_and_no_bias(name, tiny_classifier):
    delta = make(name).craft(tiny_classifier.model, tiny_classifier.train)
    assert torch.allclose(delta.abs(), torch.tensor(BUDGET.epsilon))
    assert abs(delta.mean()) < 0.2 * BUDGET.epsilon


@pytest.mark.parametrize(("shape", "side"), [((3, 32, 32), 1), ((3, 63, 90), 1), ((3, 64, 64), 4), ((1, 96, 64), 4)])
def test_a_checkerboard_has_single_pixels_where_pictures_are_small(shape, side):
    signs = Checkerboard(BUDGET).signs(shape)
    assert signs.shape == shape
    for axis in (-1, -2):
        whole = signs.unfold(axis, side, side)
        assert (whole == whole[..., :1]).all(), "a square has one sign"
        firsts = signs.index_select(axis, torch.arange(0, shape[axis], side))
        assert (firsts.diff(dim=axis).abs() == 2).all(), "the next one has the other"


class TestUniversal:
    def test_aimed_at_a_class_it_raises_the_target_rate(self, victim):
        aim = Towards(2)
        delta = make("spgd", objective=aim).craft(victim.model, victim.train)
        clean, attacked = (evaluate(victim.model, victim.test, d, aim).target.value for d in (None, delta))
        assert clean < 0.35  # of pixels a fourth shows the class anyway, of images of other classes none
        assert attacked > clean + 0.5

    def test_aimed_at_a_scene_pixels_show_it(self, tiny_segmenter):
        aim = Scene(tiny_segmenter.test.labels[0].masked_fill(tiny_segmenter.test.labels[0] == 255, 0))
        delta = make("spgd", objective=aim).craft(tiny_segmenter.model, tiny_segmenter.train)
        control = make("random-signs").craft(tiny_segmenter.model, tiny_segmenter.train)
        shown, by_chance = (
            evaluate(tiny_segmenter.model, tiny_segmenter.test, d, aim).target.value for d in (delta, control)
        )
        assert shown > by_chance + 0.25

    def test_a_class_is_removed_and_the_rest_kept(self, tiny_segmenter):
        aim = Remove(1)
        delta = make("spgd", objective=aim).craft(tiny_segmenter.model, tiny_segmenter.train)
        control = make("random-signs").craft(tiny_segmenter.model, tiny_segmenter.train)
        removed, by_chance = (evaluate(tiny_segmenter.model, tiny_segmenter.test, d, aim) for d in (delta, control))
        assert removed.vanished.value > by_chance.vanished.value + 0.3
        assert removed.kept.value > 0.5

    def test_the_fooling_rate_is_against_the_clean_prediction(self, victim):
        wrong = copy.copy(victim.train)
        object.__setattr__(wrong, "labels", (wrong.labels + 1) % 4)  # every clean prediction differs from its label
        first = next(make("spgd", steps=1).stream(victim.model, wrong, delta=torch.zeros(1, 3, 12, 12)))
        assert first.fooling_rate == 0

    def test_without_tracking_it_gives_no_fooling_rate_and_the_same_delta(self, victim):
        tracked, plain = (list(make("spgd", steps=4).stream(victim.model, victim.train, None, t)) for t in (1, 0))
        assert [step.fooling_rate for step in plain] == [None] * 4
        assert torch.equal(tracked[-1].delta, plain[-1].delta)

    def test_it_goes_on_from_a_given_delta_projected_into_its_ball(self, tiny_classifier):
        start = torch.ones(1, 3, 12, 12)
        first = next(make("spgd", step_size=0.01).stream(tiny_classifier.model, tiny_classifier.train, start))
        assert first.delta.min() >= 0.98 * BUDGET.epsilon
        assert first.delta.max() <= BUDGET.epsilon + 1e-7

    def test_it_steps_along_a_momentum_of_gradients_of_equal_size(self, tiny_classifier, monkeypatch):
        """However large a gradient is, it counts as much as the next, and half of it is left at the next step."""
        slopes = iter([torch.tensor([8.0, 2, -2]), torch.tensor([-1.0, -1, -4]), torch.tensor([-4.0, 1, 1])])

        def direction(model, images, labels, delta, objective):
            slope = next(slopes).reshape(1, 3, 1, 1).expand_as(delta)
            return slope, torch.zeros(len(images)), torch.zeros(len(images), 4)

        monkeypatch.setattr(spgd, "ascent_direction", direction)
        steps = make("spgd", steps=3, step_size=0.1).stream(*tiny_classifier[:2], torch.zeros(1, 3, 12, 12))
        found = torch.stack([step.delta[0, :, 0, 0] for step in steps])
        # 2, 1/2, -1/2; then 1 - 1/2, 1/4 - 1/2, -1/4 - 2; then 1/4 - 2, -1/8 + 1/2, -9/8 + 1/2
        signs = torch.tensor([[1.0, 1, -1], [1, -1, -1], [-1, 1, -1]])
        assert torch.equal(torch.diff(found, dim=0, prepend=torch.zeros(1, 3)).sign(), signs)

    def test_with_adam_it_steps_as_the_optimiser_of_pytorch_does(self, tiny_classifier, monkeypatch):
        slopes = 0.01 * torch.randn(5, 1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
        given = iter(slopes)

        def direction(model, images, labels, delta, objective):
            return next(given), torch.zeros(len(images)), torch.zeros(len(images), 4)

        monkeypatch.setattr(spgd, "ascent_direction", direction)
        attack = make("spgd", steps=5, step_size=0.01, last_step=1.0, adam=True, momentum=0.9)
        steps = [*attack.stream(*tiny_classifier[:2], torch.zeros(1, 3, 12, 12))]
        delta = torch.zeros(1, 3, 12, 12, requires_grad=True)
        peer = torch.optim.Adam([delta], 0.01 * BUDGET.epsilon, (0.9, spgd.ADAM_DECAY), eps=0, maximize=True)
        for step, slope in zip(steps, slopes, strict=True):
            delta.grad = slope
            peer.step()
            assert torch.allclose(step.delta, delta, atol=1e-6)

    def test_its_steps_fall_to_a_twentieth(self):
        attack = make("spgd", steps=100, step_size=0.2)
        lengths = [attack._length(iteration) for iteration in range(1, 101)]
        assert lengths == sorted(lengths, reverse=True)
        assert (lengths[0], lengths[-1]) == pytest.approx((0.2, 0.01), abs=1e-4)

    def test_as_published_they_stay_as_they_are_and_the_loss_is_capped(self):
        assert {spgd.PUBLISHED._length(iteration) for iteration in range(1, spgd.PUBLISHED.steps + 1)} == {0.1}
        assert spgd.PUBLISHED.momentum == 0
        surely_wrong = spgd.PUBLISHED.objective(torch.tensor([[0.0, 30.0]]), torch.tensor([0]))
        assert surely_wrong.item() == pytest.approx(LOSS_CAP)

    @pytest.mark.parametrize(
        ("native", "asked", "kind"),
        [(True, None, torch.bfloat16), (False, None, torch.float32), (True, "32-true", torch.float32)],
    )
    def test_gradients_are_of_16_bits_where_the_hardware_likes_them(self, native, asked, kind, victim, monkeypatch):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
        seen = set()
        hook = victim.model.register_forward_hook(lambda module, given, logits: seen.add(logits.dtype))
        delta = make("spgd", steps=3, precision=asked).craft(victim.model, victim.train)
        assert seen == {kind}
        assert delta.dtype == torch.float32
        evaluate(victim.model, victim.test, delta)
        hook.remove()
        assert seen == {kind, torch.float32}  # it is measured in 32 bits

    def test_ignored_pixels_do_not_steer_it(self, tiny_segmenter):
        model, split = tiny_segmenter.model, tiny_segmenter.train
        labels = torch.full_like(split.labels, IGNORE)
        ignored = copy.copy(split)
        object.__setattr__(ignored, "labels", labels)
        start = torch.zeros(1, 3, 12, 12)
        assert not make("spgd").craft(model, ignored, start).any()
        assert make("spgd").craft(model, split, start).any()


class TestDeepFool:
    def test_one_step_is_the_shortest_way_over_the_boundary_and_a_little_more(self):
        model, split = Linear(bias=0.0), grey_pictures(0, 1)
        score, weights = model(split.batch(slice(None))[0])[0, 0], model.weight.detach().reshape(1, 3, 4, 4)
        attack = attacks.get("deepfool")(Budget(1), steps=1, overshoot=0.02)
        split = Split(split.images, torch.tensor([0 if score > 0 else 1]))
        assert torch.allclose(attack.craft(model, split), -1.02 * score * weights / weights.square().sum(), rtol=1e-3)

    @pytest.mark.parametrize("label", [1, 2, 3])
    def test_it_crosses_the_nearest_boundary_and_leaves_what_is_fooled_alone(self, tiny_classifier, label):
        model, colour = tiny_classifier.model, (255 * (0.5 + CONTRAST * CODE[label])).round().to(torch.uint8)
        one = Split(colour.reshape(1, 3, 1, 1).repeat(1, 1, 12, 12), torch.tensor([label]))  # the average one
        first = attacks.get("deepfool")(Budget(1), steps=1).craft(model, one)
        assert predict(model, one, first).item() == 0, "class 0 is nearest to all"
        assert torch.equal(attacks.get("deepfool")(Budget(1), steps=3).craft(model, one, first), first)


def test_mini_batches_visit_every_image_once_a_pass_in_a_new_order():
    stream = mini_batches(10, 4, seed=3)
    passes = [torch.cat([next(stream) for _ in range(3)]) for _ in range(2)]
    assert [one.sort().values.tolist() for one in passes] == [list(range(10))] * 2
    assert passes[0].tolist() != passes[1].tolist()
    assert len(next(mini_batches(3, 64, seed=0))) == 3


class TestPGD:
    def test_one_step_from_zero_is_fgsm(self, victim):
        images, labels = victim.train.batch(slice(8))
        attack = PGD(BUDGET, Untargeted(math.inf), steps=1, step_size=1.0)
        delta = attack(victim.model, images, labels, torch.zeros_like(images))
        probe = images.clone().requires_grad_()
        loss = cross_entropy(victim.model(probe), labels, ignore_index=IGNORE, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, probe)
        assert torch.allclose(delta, BUDGET.epsilon * gradient.sign(), atol=1e-7)

    @pytest.mark.parametrize(("heap", "deltas"), [(1, 8), (3, 3), (4, 2), (8, 1), (100, 1)])
    def test_each_heap_has_one_delta_in_the_ball(self, victim, heap, deltas):
        images, labels = victim.train.batch(slice(8))
        before = state(mixed(victim.model))
        delta = PGD(BUDGET, heap=heap)(victim.model, images, labels)
        assert delta.shape == (deltas, 3, 12, 12)
        assert delta.abs().max() <= BUDGET.epsilon + 1e-7
        assert same(before, state(victim.model))

    def test_heaps_are_attacked_each_by_itself(self, victim):
        images, labels = victim.train.batch(slice(8))
        start = torch.zeros(2, 3, 12, 12)
        together = PGD(BUDGET, heap=4)(victim.model, images, labels, start)
        alone = [PGD(BUDGET, heap=4)(victim.model, images[h], labels[h], start[:1]) for h in (slice(4), slice(4, 8))]
        assert (together == torch.cat(alone)).float().mean() > 0.99  # a gradient of 0 may round to either side

    def test_the_seed_decides(self, tiny_classifier):
        images, labels = tiny_classifier.train.batch(slice(8))
        first, again, other = (
            PGD(BUDGET)(tiny_classifier.model, images, labels, generator=torch.Generator().manual_seed(seed))
            for seed in (0, 0, 1)
        )
        assert torch.equal(first, again)
        assert not torch.equal(first, other)

    @pytest.mark.parametrize("seed", range(3))
    def test_risks_form_a_ladder_that_is_known(self, seed):
        """expected < universal < heap 8 < heap 2 = adversarial: a heap goes the way that most of its images want."""
        labels = torch.tensor(([0] * 6 + [1] * 2) * 3 + [1] * 6 + [0] * 2)  # pairs are of one class, eights are not
        model, split = Linear(seed, bias=0.0), grey_pictures(seed, 32, labels)
        images, _ = split.batch(slice(None))
        budget, objective = Budget(16 / 255), Untargeted()
        margins, reach = model.margin(split)[0], budget.epsilon * model.norm
        risks, exact = [], []
        for heap in (0, 32, 8, 2, 1):
            attack = PGD(budget, objective, steps=10, step_size=0.2, heap=max(heap, 1))
            start = torch.zeros(math.ceil(32 / max(heap, 1)), 3, 4, 4)
            delta = attack(model, images, labels, start) if heap else start
            risks.append(objective(model(apply(images, delta)), labels).mean().item())
            most = [heap and one == part.mode().values for part in labels.split(max(heap, 1)) for one in part]
            gone = torch.tensor([reach if way else -reach for way in most]) if heap else 0
            exact.append(softplus(gone - margins).mean().item())
        assert risks == pytest.approx(exact, rel=1e-3)
        assert risks[0] < risks[1] < risks[2] < risks[3] == pytest.approx(risks[4], rel=1e-4)


def test_frozen_puts_everything_back_even_when_the_body_fails(tiny_classifier):
    model = mixed(tiny_classifier.model)
    before = state(model)

    def body():
        with frozen(model):
            assert not any(module.training for module in model.modules())
            assert not any(parameter.requires_grad for parameter in model.parameters())
            raise KeyError

    with pytest.raises(KeyError):
        body()
    assert same(before, state(model))


def test_the_ascent_direction_works_where_the_caller_has_gradients_off(tiny_classifier):
    images, labels = tiny_classifier.train.batch(slice(4))
    with torch.no_grad():
        gradient, gain, logits = ascent_direction(
            tiny_classifier.model, images, labels, torch.zeros(1, 3, 12, 12), Untargeted()
        )
    assert gradient.any()
    assert (gain.shape, logits.shape) == ((4,), (4, 4))
    assert not gain.requires_grad
    assert not logits.requires_grad
