"""What fills a model folder: measured as stored, resumed where it was killed, made anew only where it must be."""

from dataclasses import replace

import pytest
import torch
from stored import CONFIG, network

from core.attacks.objectives import Untargeted
from core.attacks.targets import Target, objective
from core.checkpoints import perturbations, store
from core.checkpoints.results import Results
from core.checkpoints.store import ModelFolder
from core.evaluation import report as reporting
from core.workflows import precompute
from core.workflows.protocol import AttackSuite, Setting

SUITE = AttackSuite((8, 16), (8,), (Target("class", 1),), (8,), (8,), steps=3, crafting_images=32)
KEYS = [
    *("spgd-e8", "spgd-e16", "random-signs-e8", "random-signs-e16"),
    *("checkerboard-e8", "spgd-e8-t1", "deepfool-e8"),
]


class TestPrecompute:
    @pytest.fixture
    def crafted(self, tiny_dataset, monkeypatch):
        """The keys of all deltas crafted from here on."""
        made, craft = [], precompute.craft

        def spy(*given, setting, **more):
            made.append(setting.key)
            return craft(*given, setting=setting, **more)

        monkeypatch.setattr(precompute, "craft", spy)
        return made

    def test_it_measures_every_attack_as_stored(self, folder, crafted, tiny_dataset):
        results = precompute.precompute(ModelFolder(folder), SUITE)
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
            assert reporting.evaluate(model, split, delta, objective(found.target, tiny_dataset)) == found.report
            assert found.crafted_on == {"spgd": 32, "deepfool": 3}.get(found.attack, 0)  # DeepFool: one image a step

    def test_a_strength_that_no_plan_has_is_named(self, folder, crafted):
        with pytest.raises(ValueError, match="Nothing is measured at 5/255; the strengths of this data set are 8, 16"):
            precompute.precompute(ModelFolder(folder), replace(SUITE, only=(5,)))
        assert crafted == []

    def test_another_seed_is_another_perturbation(self, folder, crafted):
        precompute.precompute(ModelFolder(folder), SUITE)
        results = precompute.precompute(ModelFolder(folder), replace(SUITE, seed=1))
        assert crafted == 2 * KEYS
        assert {found.seed for found in results.measurements} == {1}

    def test_a_killed_run_goes_on_where_it_was(self, folder, crafted):
        def die(measurement, done, total):
            assert total == len(KEYS)
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            precompute.precompute(ModelFolder(folder), SUITE, report=die)
        assert crafted == KEYS[:2]
        whole = precompute.precompute(ModelFolder(folder), SUITE)
        assert crafted == KEYS
        assert precompute.precompute(ModelFolder(folder), SUITE) == whole
        assert crafted == KEYS

    def test_it_keeps_which_images_are_right_and_adds_that_to_older_results(self, folder, crafted, tiny_dataset):
        results, split = precompute.precompute(ModelFolder(folder), SUITE), tiny_dataset.split("test")
        right = reporting.predict(store.load(folder), split) == split.labels
        assert results.hits == tuple(right.float().tolist())
        assert sum(results.hits) == results.clean.accuracy.successes
        replace(results, hits=()).save(folder)
        assert precompute.precompute(ModelFolder(folder), SUITE) == results == Results.load(folder)
        assert crafted == KEYS

    def test_other_weights_are_measured_anew(self, folder, crafted):
        precompute.precompute(ModelFolder(folder), SUITE)
        store.save(folder, network(seed=1), CONFIG)
        results = precompute.precompute(ModelFolder(folder), SUITE)
        assert crafted == 2 * KEYS
        assert results.about["sha256"] == store.read(folder).sha256
        assert [found.key for found in results.measurements] == KEYS

    def test_a_lost_file_of_perturbations_is_made_anew(self, folder, crafted):
        precompute.precompute(ModelFolder(folder), SUITE)
        (folder / "perturbations.safetensors").unlink()
        results = precompute.precompute(ModelFolder(folder), SUITE)
        assert crafted == 2 * KEYS
        assert sorted(perturbations.load(folder)) == sorted(KEYS)
        assert [found.key for found in results.measurements] == KEYS

    def test_a_plan_with_more_steps_or_images_makes_anew_what_learns_from_images(self, folder, crafted):
        learnt = [key for key in KEYS if not key.startswith(("random-signs", "checkerboard"))]
        precompute.precompute(ModelFolder(folder), SUITE)
        for stronger in (replace(SUITE, steps=SUITE.steps + 1), replace(SUITE, crafting_images=40)):
            crafted.clear()
            results = precompute.precompute(ModelFolder(folder), stronger)
            anew = [key for key in learnt if stronger.steps > SUITE.steps or key.startswith("spgd")]
            assert crafted == anew  # DeepFool looks at one image a step, and more than that are of no use to it
            assert {found.steps for found in results.measurements if found.key in anew} == {stronger.steps}
        crafted.clear()
        precompute.precompute(ModelFolder(folder), replace(SUITE, steps=1))
        assert crafted == []

    def test_the_default_plan_is_the_one_that_ships(self):
        settings = list(AttackSuite().settings())
        assert len(settings) == len(set(settings))
        assert [e for name, e, target in settings if (name, target) == ("spgd", None)] == list(range(2, 33, 2))


def test_crafted_deltas_are_whole_units(tiny_classifier):
    model, split, setting = tiny_classifier.model, tiny_classifier.train, Setting("spgd", 7)
    delta = precompute.craft(model, split, setting=setting, objective=Untargeted(), suite=AttackSuite(steps=5))
    assert torch.allclose(delta * 255, (delta * 255).round(), atol=1e-4)
    assert delta.abs().max() <= 7 / 255 + 1e-7
