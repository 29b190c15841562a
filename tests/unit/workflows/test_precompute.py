"""What fills a model folder: measured as stored, resumed where it was killed, made anew only where it must be."""

import shutil
from dataclasses import replace

import known
import pytest
import torch
from stored import CONFIG, network

from core.attacks.objectives import Untargeted
from core.attacks.spgd import SPGD
from core.attacks.targets import objective
from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import EXCHANGED, Results, key
from core.evaluation import report as reporting
from core.evaluation.perceptibility import measure
from core.evaluation.report import Rate, Report
from core.files import FileError
from core.robustness.search import Search
from core.threat import UNIT
from core.workflows import precompute
from core.workflows.assess import assess, untried
from core.workflows.cross_epsilon import CrossEpsilonTransfer
from core.workflows.protocol import AttackSuite, Protocol

SUITE = AttackSuite((8, 16), (8,), (1,), (8,), (8,), steps=3, crafting_images=32)
KEYS = [
    *("spgd-e8", "spgd-e16", "random-signs-e8", "random-signs-e16"),
    *("checkerboard-e8", "spgd-e8-t1", "deepfool-e8"),
]


class TestPrecompute:
    @pytest.fixture
    def crafted(self, tiny_dataset, monkeypatch):
        """The keys of all deltas crafted from here on."""
        made, craft = [], precompute.craft

        def spy(model, split, attack, epsilon, aim, suite):
            made.append(key(attack, epsilon, getattr(aim, "target", None)))
            return craft(model, split, attack, epsilon, aim, suite)

        monkeypatch.setattr(precompute, "craft", spy)
        return made

    def test_it_measures_every_attack_as_stored(self, folder, crafted, tiny_dataset):
        results = precompute.precompute(folder, SUITE)
        deltas = perturbations.load(folder)
        assert crafted == KEYS
        assert sorted(deltas) == sorted(KEYS)
        assert [found.key for found in results.measurements] == KEYS
        assert Results.load(folder) == results
        assert results.about["held_out"] == results.clean.accuracy.n == 128
        model, split = store.load(folder), tiny_dataset.split("test")
        for found in results.measurements:
            delta = deltas[found.key]
            assert delta.abs().max() <= found.epsilon / 255 + 1e-7
            assert precompute.evaluate(model, split, delta, objective(found.target, tiny_dataset)) == found.report
            assert found.crafted_on == {"spgd": 32, "deepfool": 3}.get(found.attack, 0)  # DeepFool: one image a step

    def test_a_strength_that_no_plan_has_is_named(self, folder, crafted):
        with pytest.raises(ValueError, match="Nothing is measured at 5/255; the strengths of this data set are 8, 16"):
            precompute.precompute(folder, replace(SUITE, only=(5,)))
        assert crafted == []

    def test_another_seed_is_another_perturbation(self, folder, crafted):
        precompute.precompute(folder, SUITE)
        results = precompute.precompute(folder, replace(SUITE, seed=1))
        assert crafted == 2 * KEYS
        assert {found.seed for found in results.measurements} == {1}

    def test_a_killed_run_goes_on_where_it_was(self, folder, crafted):
        def die(measurement, done, total):
            assert total == len(KEYS)
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            precompute.precompute(folder, SUITE, report=die)
        assert crafted == KEYS[:2]
        whole = precompute.precompute(folder, SUITE)
        assert crafted == KEYS
        assert precompute.precompute(folder, SUITE) == whole
        assert crafted == KEYS

    def test_it_keeps_which_images_are_right_and_adds_that_to_older_results(self, folder, crafted, tiny_dataset):
        results, split = precompute.precompute(folder, SUITE), tiny_dataset.split("test")
        right = reporting.predict(store.load(folder), split) == split.labels
        assert results.hits == tuple(right.float().tolist())
        assert sum(results.hits) == results.clean.accuracy.successes
        replace(results, hits=()).save(folder)
        assert precompute.precompute(folder, SUITE) == results == Results.load(folder)
        assert crafted == KEYS

    def test_other_weights_are_measured_anew(self, folder, crafted):
        precompute.precompute(folder, SUITE)
        store.save(folder, network(seed=1), CONFIG)
        results = precompute.precompute(folder, SUITE)
        assert crafted == 2 * KEYS
        assert results.about["sha256"] == store.read(folder).sha256
        assert [found.key for found in results.measurements] == KEYS

    def test_a_lost_file_of_perturbations_is_made_anew(self, folder, crafted):
        precompute.precompute(folder, SUITE)
        (folder / "perturbations.safetensors").unlink()
        results = precompute.precompute(folder, SUITE)
        assert crafted == 2 * KEYS
        assert sorted(perturbations.load(folder)) == sorted(KEYS)
        assert [found.key for found in results.measurements] == KEYS

    def test_a_plan_with_more_steps_or_images_makes_anew_what_learns_from_images(self, folder, crafted):
        learnt = [key for key in KEYS if not key.startswith(("random-signs", "checkerboard"))]
        precompute.precompute(folder, SUITE)
        for stronger in (replace(SUITE, steps=SUITE.steps + 1), replace(SUITE, crafting_images=40)):
            crafted.clear()
            results = precompute.precompute(folder, stronger)
            anew = [key for key in learnt if stronger.steps > SUITE.steps or key.startswith("spgd")]
            assert crafted == anew  # DeepFool looks at one image a step, and more than that are of no use to it
            assert {found.steps for found in results.measurements if found.key in anew} == {stronger.steps}
        crafted.clear()
        precompute.precompute(folder, replace(SUITE, steps=1))
        assert crafted == []

    def test_the_default_plan_is_the_one_that_ships(self):
        attacks = list(AttackSuite().attacks())
        assert len(attacks) == len(set(attacks))
        assert [e for name, e, target in attacks if (name, target) == ("spgd", None)] == list(range(2, 33, 2))


def lent_to(results):
    """The models whose perturbations were tried."""
    return list(results.about["starts"])


def test_crafted_deltas_are_whole_units(tiny_classifier):
    delta = precompute.craft(
        tiny_classifier.model, tiny_classifier.train, "spgd", 7, Untargeted(), AttackSuite(steps=5)
    )
    assert torch.allclose(delta * 255, (delta * 255).round(), atol=1e-4)
    assert delta.abs().max() <= 7 / 255 + 1e-7


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Folders by how far they are; each is made once for all tests."""
    return tmp_path_factory.mktemp("kept")


class TestAssess:
    PROTOCOL = Protocol(
        held_out=96,
        crafting_images=32,
        batch_size=16,
        steps=8,
        warm_steps=4,
        tolerance=1,
        risk_images=40,
        risk_sizes=(64, 8),
        risk_steps=2,
        level=0.6,  # three of four classes are wrong under what does most
    )

    @pytest.fixture
    def measured(self, folder, kept, tiny_dataset, monkeypatch):
        """The folder of a model that is known in closed form, precomputed."""
        monkeypatch.setattr(Protocol, "standard", classmethod(lambda cls, data: self.PROTOCOL))
        if not (kept / "measured").exists():
            store.save(folder, known.resnet(), CONFIG)
            precompute.precompute(folder, SUITE)
            shutil.copytree(folder, kept / "measured")
        return shutil.copytree(kept / "measured", folder, dirs_exist_ok=True)

    @pytest.fixture
    def assessed(self, measured, kept):
        """The folder after it was assessed for the first time."""
        if not (kept / "assessed").exists():
            assess(measured)
            shutil.copytree(measured, kept / "assessed")
        return shutil.copytree(kept / "assessed", measured, dirs_exist_ok=True)

    @pytest.fixture
    def half(self, measured, monkeypatch):
        """The folder where attacks get half as far as one can: a quarter of their pixels go astray."""
        astray = 1 - 2 * (torch.arange(known.SIDE) % 4 == 0).float()
        monkeypatch.setattr(SPGD, "craft", lambda attack, *rest: astray * known.towards(0, attack.budget.epsilon))
        precompute.precompute(measured, replace(SUITE, steps=SUITE.steps + 1))
        return measured

    @pytest.mark.slow
    def test_it_adds_robustness_and_risks_and_the_perturbation_that_breaks(self, measured, tiny_dataset):
        before = Results.load(measured)
        heard = []
        results = assess(measured, report=heard.append)
        stored = Results.load(measured)
        assert stored.to_json() == results.to_json()
        assert [m.key for m in stored.measurements] == [m.key for m in before.measurements]
        assert {point.report.accuracy.n for point in stored.robustness.curve} == {96}
        assert [level.heap for level in stored.risks.levels] == [0, 0, 8, 1]  # 40 images do not fill a heap of 64
        assert {level.accuracy.n for level in stored.risks.levels} == {40}
        levels = [line for line in heard if " risk at " in line]
        epsilons = {line.partition(":")[0] for line in heard if " after " in line}  # one where starts were tried, twice
        assert (len(levels), len(epsilons)) == (4, len(stored.robustness.curve))
        delta = perturbations.load(measured)[BREAKING]
        ends = stored.robustness.epsilon or stored.robustness.curve[-1].epsilon
        assert 0 < delta.abs().max() <= ends * UNIT + 1e-6
        images, _ = tiny_dataset.split("test").batch(slice(None))
        assert results.visibility == measure(images, delta)

    @pytest.mark.slow
    def test_a_new_model_is_tried_with_what_broke_the_models_beside_it(self, assessed, monkeypatch):
        tried, seeds, search = [], [], Search.__call__

        def spy(self, *data, starts, known=(), **options):
            tried.append((not known, len(starts)))
            seeds.append(self.seed)
            return search(self, *data, starts=starts, known=known, **options)

        monkeypatch.setattr(Search, "__call__", spy)
        assert lent_to(Results.load(assessed)) == []
        folder = shutil.copytree(assessed, assessed.parent / "second")
        (folder / "results.json").unlink()
        precompute.precompute(folder, SUITE)
        assert lent_to(assess(folder)) == [assessed.name]
        assert tried == [
            (True, 3),
            (False, 1),
        ]  # two strengths of its own and a transferred one, then the transferred one
        assert seeds[0] != seeds[1], "it goes on with other starts and another order"

    def test_shipped_models_of_other_architectures_lend_too(self, assessed, monkeypatch, tmp_path):
        shutil.copytree(assessed, assessed.parent / "second")
        shutil.copytree(assessed, tmp_path / "wide" / "tiny" / "standard")
        assert lent_to(assess(assessed)) == ["second"], "only those beside it"
        monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
        assert lent_to(assess(assessed)) == ["second", "wide/tiny/standard"]

    @pytest.mark.parametrize("size", [2, 20])
    @pytest.mark.slow
    def test_what_a_model_that_came_later_lends_is_tried_too_and_goes_where_it_does_more(self, half, size, monkeypatch):
        before, later = assess(half), half.parent / "later"
        before = replace(before, about=before.about | {EXCHANGED: 5})
        before.save(half)
        shutil.copytree(half, later)
        perturbations.save(later, perturbations.load(half) | {BREAKING: known.towards(0, size * UNIT)})
        given, search = [], Search.__call__
        monkeypatch.setattr(
            Search, "__call__", lambda self, *data, **how: given.append(how["known"]) or search(self, *data, **how)
        )
        after = assess(half)
        assert lent_to(after) == ["later"]
        (own,) = given
        begins = max(own, key=lambda candidate: candidate.epsilon)
        assert torch.allclose(begins.delta, known.towards(0, begins.epsilon * UNIT), atol=1e-6), (
            "it begins where the model broke"
        )
        assert begins.epsilon == pytest.approx(before.robustness.epsilon, abs=1e-5)
        breaks = [round(found.robustness.breaking_epsilon) for found in (before, after)]
        assert breaks[0] == pytest.approx(2 * breaks[1], abs=2), (
            "what is transferred goes twice as far as what was known"
        )
        assert torch.allclose(perturbations.load(half)[BREAKING], known.towards(0, breaks[1] * UNIT))
        assert after.robustness.steps > before.robustness.steps
        for epsilon in (8, 16):  # at stored strengths it competes too
            assert torch.allclose(perturbations.load(half)[f"spgd-e{epsilon}"], known.towards(0, epsilon * UNIT))
            assert (
                after.find("spgd", epsilon).report.accuracy.value < before.find("spgd", epsilon).report.accuracy.value
            )
        assert after.about[EXCHANGED] == 5 + 2
        assert after.to_json() == Results.load(half).to_json()

    def test_what_leads_at_a_stored_strength_alone_is_taken_there(self, assessed, tiny_dataset):
        results, nothing = Results.load(assessed), known.towards(0, 16 * UNIT) * (-1) ** torch.arange(known.SIDE)
        report = reporting.evaluate(known.resnet(), tiny_dataset.split("test"), nothing)
        stuck = [replace(m, report=report) if m.key == "spgd-e16" else m for m in results.measurements]
        replace(results, measurements=tuple(stuck)).save(assessed)
        perturbations.save(assessed, perturbations.load(assessed) | {"spgd-e16": nothing})
        shutil.copytree(assessed, assessed.parent / "later")
        perturbations.save(assessed.parent / "later", {BREAKING: known.towards(0, UNIT)})
        assess(assessed)
        assert torch.allclose(perturbations.load(assessed)["spgd-e16"], known.towards(0, 16 * UNIT))

    def test_one_that_does_no_more_than_the_own_changes_nothing_but_is_told(self, assessed, monkeypatch):
        before = Results.load(assessed)
        shutil.copytree(assessed, assessed.parent / "later")
        weak = known.towards(0, UNIT) * (-1) ** torch.arange(known.SIDE)  # what it adds up to is nothing
        perturbations.save(assessed.parent / "later", {BREAKING: weak})
        assert untried(assessed)
        monkeypatch.setattr(SPGD, "craft", lambda *rest: pytest.fail("an attack"))
        heard = []
        after = assess(assessed, report=heard.append)
        assert heard == []
        told = before.about | {"starts": {"later": perturbations.digest(weak)}}
        assert after.to_json() == replace(before, about=told).to_json() == Results.load(assessed).to_json()
        assert not untried(assessed)
        perturbations.save(assessed.parent / "later", {BREAKING: 2 * weak})
        assert untried(assessed), "the same model, broken anew"
        assess(assessed)
        assert not untried(assessed)

    def test_what_competes_better_is_stored_and_the_risks_that_stood_on_the_other_go(self, assessed, monkeypatch):
        before, stronger = Results.load(assessed), Report(Rate(1, 96), Rate(90, 96))
        delta = known.towards(1, 8 / 255)

        def measurements(self, known, candidates, report, settled):
            candidates[8.0] = delta
            return [replace(m, report=stronger) if m.epsilon == 8 else m for m in known]

        monkeypatch.setattr(CrossEpsilonTransfer, "measurements", measurements)
        precompute.precompute(assessed, replace(SUITE, epsilons=(4, 8, 16)))
        assert EXCHANGED not in Results.load(assessed).about, "a new one may help others"
        heard = []
        after = assess(assessed, report=heard.append)
        assert after.about[EXCHANGED] == 1
        assert after.find("spgd", 8).report == stronger
        assert after.find("spgd", 16) == before.find("spgd", 16)
        assert torch.equal(perturbations.load(assessed)["spgd-e8"], delta)
        assert sum("adversarial risk" in line for line in heard) == 1
        assert after.risks != before.risks
        assert after.to_json() == Results.load(assessed).to_json()

    def test_a_run_killed_after_the_exchange_has_stored_what_belongs_together(self, assessed, monkeypatch):
        precompute.precompute(assessed, replace(SUITE, epsilons=(4, 8, 16)))
        better, search = Report(Rate(1, 96), Rate(90, 96)), Search.__call__

        def measurements(self, known, candidates, report, settled):
            return [replace(m, report=better) if m.epsilon == 8 else m for m in known]

        def killed(self, *data, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(CrossEpsilonTransfer, "measurements", measurements)
        monkeypatch.setattr(Search, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            assess(assessed)
        assert Results.load(assessed).find("spgd", 8).report == better
        assert EXCHANGED not in Results.load(assessed).about, "it is not over yet"
        monkeypatch.setattr(Search, "__call__", search)
        assert EXCHANGED in assess(assessed).about

    def test_what_is_there_is_not_made_again(self, assessed):
        results, heard = Results.load(assessed), []
        assert assess(assessed, report=heard.append).to_json() == results.to_json()
        assert heard == []

    def test_more_deltas_leave_it_and_other_weights_do_not(self, assessed):
        more = precompute.precompute(assessed, replace(SUITE, epsilons=(4, 8, 16)))
        assert more.robustness is not None
        assert BREAKING in perturbations.load(assessed)
        store.save(assessed, network(seed=1), CONFIG)
        anew = precompute.precompute(assessed, SUITE)
        assert anew.robustness is anew.risks is None
        assert BREAKING not in perturbations.load(assessed)

    def test_risks_go_with_the_perturbation_they_stood_on(self, assessed):
        assert precompute.precompute(assessed, replace(SUITE, only=(16,), steps=9)).risks is not None
        stronger = precompute.precompute(assessed, replace(SUITE, only=(8,), steps=9))
        assert stronger.risks is None
        assert stronger.robustness is not None

    def test_an_unmeasured_folder_is_named(self, folder, tiny_dataset):
        with pytest.raises(FileError, match=r"was not measured yet; first run: python -m core precompute"):
            assess(folder)
        precompute.precompute(folder, replace(SUITE, epsilons=(16,)))
        with pytest.raises(FileError, match=r"lacks S-PGD at 8/255"):
            assess(folder)
