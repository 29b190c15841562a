"""What an assessment adds to a model folder, in which order, and what of it a later one makes anew."""

import shutil
from dataclasses import replace

import known
import pytest
import torch
from stored import CONFIG, network

from core.attacks.spgd import PUBLISHED, SPGD
from core.attacks.targets import Target
from core.checkpoints import perturbations, store
from core.checkpoints.perturbations import BREAKING
from core.checkpoints.results import Results
from core.checkpoints.store import ModelFolder
from core.evaluation import report as reporting
from core.evaluation.perceptibility import measure
from core.evaluation.report import Rate, Report
from core.files import FileError
from core.robustness.candidate import Candidate
from core.robustness.search import Search
from core.robustness.transfer import TransferredDeltas
from core.threat import UNIT
from core.workflows.assess import assess, untried
from core.workflows.cross_epsilon import CrossEpsilonTransfer
from core.workflows.precompute import precompute
from core.workflows.protocol import AttackSuite, Protocol

SUITE = AttackSuite((8, 16), (8,), (Target("class", 1),), (8,), (8,), steps=3, crafting_images=32)
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


def donors_of(results):
    """The models whose perturbations were tried."""
    return list(results.assessment.donors)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Folders by how far they are; each is made once for all tests."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def measured(folder, kept, tiny_dataset, monkeypatch):
    """The folder of a model that is known in closed form, precomputed."""
    monkeypatch.setattr(Protocol, "standard", classmethod(lambda cls, data: PROTOCOL))
    if not (kept / "measured").exists():
        store.save(folder, known.resnet(), CONFIG)
        precompute(ModelFolder(folder), SUITE)
        shutil.copytree(folder, kept / "measured")
    return shutil.copytree(kept / "measured", folder, dirs_exist_ok=True)


@pytest.fixture
def assessed(measured, kept):
    """The folder after it was assessed for the first time."""
    if not (kept / "assessed").exists():
        assess(ModelFolder(measured))
        shutil.copytree(measured, kept / "assessed")
    return shutil.copytree(kept / "assessed", measured, dirs_exist_ok=True)


@pytest.fixture
def half(measured, monkeypatch):
    """The folder where attacks get half as far as one can: a quarter of their pixels go astray."""
    astray = 1 - 2 * (torch.arange(known.SIDE) % 4 == 0).float()
    monkeypatch.setattr(SPGD, "craft", lambda attack, *rest: astray * known.towards(0, attack.budget.epsilon))
    precompute(ModelFolder(measured), replace(SUITE, steps=SUITE.steps + 1))
    return measured


@pytest.mark.slow
def test_it_adds_robustness_and_risks_and_the_perturbation_that_breaks(measured, tiny_dataset):
    before = Results.load(measured)
    heard = []
    results = assess(ModelFolder(measured), report=heard.append)
    stored = Results.load(measured)
    assert stored.to_json() == results.to_json()
    assert [m.key for m in stored.measurements] == [m.key for m in before.measurements]
    assert {point.report.accuracy.n for point in stored.robustness.curve} == {96}
    assert [level.heap for level in stored.risks.levels] == [0, 0, 8, 1]  # 40 images do not fill a heap of 64
    assert {level.accuracy.n for level in stored.risks.levels} == {40}
    levels = [line for line in heard if " risk at " in line]
    epsilons = {line.partition(":")[0] for line in heard if " after " in line}  # one where starts were tried, twice
    assert (len(levels), len(epsilons)) == (4, len(stored.robustness.curve) + len(stored.published.curve))
    delta = perturbations.load(measured)[BREAKING]
    ends = stored.robustness.epsilon or stored.robustness.curve[-1].epsilon
    assert 0 < delta.abs().max() <= ends * UNIT + 1e-6
    images, _ = tiny_dataset.split("test").batch(slice(None))
    assert results.visibility
    assert results.visibility.jod
    assert replace(results.visibility, jod=None) == measure(images, delta)


@pytest.mark.slow
def test_a_new_model_is_tried_with_what_broke_the_models_beside_it(assessed, monkeypatch):
    tried, seeds, search = [], [], Search.__call__

    def spy(self, *given, starts=(), known=(), **more):
        tried.append((not known, len(starts)))
        seeds.append(self.seed)
        assert self.fresh == (given[0].objective == PUBLISHED.objective) == (len(tried) == 3)
        return search(self, *given, starts=starts, known=known, **more)

    monkeypatch.setattr(Search, "__call__", spy)
    assert donors_of(Results.load(assessed)) == []
    folder = shutil.copytree(assessed, assessed.parent / "second")
    (folder / "results.json").unlink()
    precompute(ModelFolder(folder), SUITE)
    assert donors_of(assess(ModelFolder(folder))) == [assessed.name]
    assert tried == [
        (True, 3),
        (False, 1),
        (True, 0),
    ]  # two strengths of its own and a transferred one, then the transferred one, and none as published
    assert seeds[0] != seeds[1], "it goes on with other starts and another order"


def test_shipped_models_of_other_architectures_lend_and_read_too(assessed, monkeypatch, tmp_path):
    shutil.copytree(assessed, assessed.parent / "second")
    shutil.copytree(assessed, tmp_path / "wide" / "tiny" / "standard")
    beside = assess(ModelFolder(assessed))
    assert donors_of(beside) == list(beside.pattern_score.readers) == ["second"], "only those beside it"
    monkeypatch.setenv("PLAINSIGHT_CHECKPOINTS", str(tmp_path))
    shipped = assess(ModelFolder(assessed))
    assert donors_of(shipped) == list(shipped.pattern_score.readers) == ["second", "wide/tiny/standard"]


@pytest.mark.parametrize("flattered", [False, True], ids=["", "own flattered"])
@pytest.mark.parametrize("size", [2, 20])
@pytest.mark.slow
def test_what_a_model_that_came_later_lends_is_tried_too_and_goes_where_it_does_more(
    half, size, flattered, monkeypatch
):
    """Also where the model's own perturbation does as much on crafting images, and less on held-out ones."""
    if flattered:
        monkeypatch.setattr(TransferredDeltas, "better", lambda *_: False)
    before, later = assess(ModelFolder(half)), half.parent / "later"
    before = replace(before, assessment=replace(before.assessment, replaced=5))
    before.save(half)
    shutil.copytree(half, later)
    perturbations.save(later, perturbations.load(half) | {BREAKING: known.towards(0, size * UNIT)})
    given, search = [], Search.__call__
    monkeypatch.setattr(Search, "__call__", lambda *rest, **more: given.append(more["known"]) or search(*rest, **more))
    after = assess(ModelFolder(half))
    assert donors_of(after) == ["later"]
    ((*_, largest),) = given
    assert torch.allclose(largest.delta, known.towards(0, largest.epsilon * UNIT), atol=1e-6)
    assert largest.epsilon == before.robustness.breaking_epsilon, "it begins where the model broke"
    breaks = [round(found.robustness.breaking_epsilon) for found in (before, after)]
    assert breaks[0] == pytest.approx(2 * breaks[1], abs=2), "what is transferred goes twice as far as what was known"
    assert torch.allclose(perturbations.load(half)[BREAKING], known.towards(0, breaks[1] * UNIT))
    assert after.robustness.steps > before.robustness.steps
    for epsilon in (8, 16):  # at stored strengths it competes too
        assert torch.allclose(perturbations.load(half)[f"spgd-e{epsilon}"], known.towards(0, epsilon * UNIT))
        assert after.find("spgd", epsilon).report.accuracy.value < before.find("spgd", epsilon).report.accuracy.value
    assert after.assessment.replaced == 5 + 2
    assert after.to_json() == Results.load(half).to_json()


def test_what_leads_at_a_stored_strength_alone_is_taken_there(assessed, tiny_dataset):
    results, nothing = Results.load(assessed), known.towards(0, 16 * UNIT) * (-1) ** torch.arange(known.SIDE)
    report = reporting.evaluate(known.resnet(), tiny_dataset.split("test"), nothing)
    stuck = [replace(m, report=report) if m.key == "spgd-e16" else m for m in results.measurements]
    replace(results, measurements=tuple(stuck)).save(assessed)
    perturbations.save(assessed, perturbations.load(assessed) | {"spgd-e16": nothing})
    shutil.copytree(assessed, assessed.parent / "later")
    perturbations.save(assessed.parent / "later", {BREAKING: known.towards(0, UNIT)})
    assess(ModelFolder(assessed))
    assert torch.allclose(perturbations.load(assessed)["spgd-e16"], known.towards(0, 16 * UNIT))


def test_one_that_does_no_more_than_the_own_changes_nothing_but_is_told(assessed, monkeypatch):
    before = Results.load(assessed)
    shutil.copytree(assessed, assessed.parent / "later")
    (assessed.parent / "later" / "model.safetensors").unlink()  # it reads no patterns
    weak = known.towards(0, UNIT) * (-1) ** torch.arange(known.SIDE)  # what it adds up to is nothing
    perturbations.save(assessed.parent / "later", {BREAKING: weak})
    assert untried(ModelFolder(assessed))
    monkeypatch.setattr(SPGD, "craft", lambda *rest: pytest.fail("an attack"))
    heard = []
    after = assess(ModelFolder(assessed), report=heard.append)
    assert heard == []
    told = replace(before.assessment, donors={"later": perturbations.digest(weak)})
    assert after.to_json() == replace(before, assessment=told).to_json() == Results.load(assessed).to_json()
    assert not untried(ModelFolder(assessed))
    perturbations.save(assessed.parent / "later", {BREAKING: 2 * weak})
    assert untried(ModelFolder(assessed)), "the same model, broken anew"
    assess(ModelFolder(assessed))
    assert not untried(ModelFolder(assessed))


def test_what_competes_better_is_stored_and_the_risks_that_stood_on_the_other_go(assessed, monkeypatch):
    before, stronger = Results.load(assessed), Report(Rate(1, 96), Rate(90, 96))
    delta = known.towards(1, 8 / 255)

    def compete(self, known, candidates, report, settled):
        found = [replace(m, report=stronger) if m.epsilon == 8 else m for m in known]
        return found, candidates.updated(Candidate(8, delta, "spgd-e8"))

    monkeypatch.setattr(CrossEpsilonTransfer, "__call__", compete)
    precompute(ModelFolder(assessed), replace(SUITE, epsilons=(4, 8, 16)))
    assert Results.load(assessed).assessment.replaced is None, "a new one may help others"
    heard = []
    after = assess(ModelFolder(assessed), report=heard.append)
    assert after.assessment.replaced == 1
    assert after.find("spgd", 8).report == stronger
    assert after.find("spgd", 16) == before.find("spgd", 16)
    assert torch.equal(perturbations.load(assessed)["spgd-e8"], delta)
    assert sum("adversarial risk" in line for line in heard) == 1
    assert after.risks != before.risks
    assert after.to_json() == Results.load(assessed).to_json()


def test_a_run_killed_after_the_exchange_has_stored_what_belongs_together(assessed, monkeypatch):
    precompute(ModelFolder(assessed), replace(SUITE, epsilons=(4, 8, 16)))
    better, search = Report(Rate(1, 96), Rate(90, 96)), Search.__call__

    def compete(self, known, candidates, report, settled):
        return [replace(m, report=better) if m.epsilon == 8 else m for m in known], candidates

    def killed(*rest, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(CrossEpsilonTransfer, "__call__", compete)
    monkeypatch.setattr(Search, "__call__", killed)
    with pytest.raises(KeyboardInterrupt):
        assess(ModelFolder(assessed))
    assert Results.load(assessed).find("spgd", 8).report == better
    assert Results.load(assessed).assessment.replaced is None, "it is not over yet"
    monkeypatch.setattr(Search, "__call__", search)
    assert assess(ModelFolder(assessed)).assessment.replaced is not None


def test_what_is_there_is_not_made_again(assessed):
    results, heard = Results.load(assessed), []
    assert assess(ModelFolder(assessed), report=heard.append).to_json() == results.to_json()
    assert heard == []


def test_more_deltas_leave_it_and_other_weights_do_not(assessed):
    more = precompute(ModelFolder(assessed), replace(SUITE, epsilons=(4, 8, 16)))
    assert more.robustness is not None
    assert BREAKING in perturbations.load(assessed)
    store.save(assessed, network(seed=1), CONFIG)
    anew = precompute(ModelFolder(assessed), SUITE)
    assert anew.robustness is anew.risks is None
    assert BREAKING not in perturbations.load(assessed)


def test_risks_go_with_the_perturbation_they_stood_on(assessed):
    assert precompute(ModelFolder(assessed), replace(SUITE, only=(16,), steps=9)).risks is not None
    stronger = precompute(ModelFolder(assessed), replace(SUITE, only=(8,), steps=9))
    assert stronger.risks is None
    assert stronger.robustness is not None


def test_an_unmeasured_folder_is_named(folder, tiny_dataset):
    with pytest.raises(FileError, match=r"was not measured yet; first run: plainsight precompute"):
        assess(ModelFolder(folder))
    precompute(ModelFolder(folder), replace(SUITE, epsilons=(16,)))
    with pytest.raises(FileError, match=r"lacks S-PGD at 8/255"):
        assess(ModelFolder(folder))
