"""One model on one held-out split: the same reports as `evaluate`, with clean predictions that are made once."""

import torch

from core.attacks.objectives import Towards
from core.evaluation import evaluator as evaluating
from core.evaluation.evaluator import Evaluator
from core.evaluation.report import evaluate

K = 8


def test_it_reports_as_evaluate_does(victim):
    delta = torch.full((1, *victim.test.images.shape[1:]), 16 / 255)
    evaluator = Evaluator(victim.model, victim.test, K)
    assert evaluator() == evaluate(victim.model, victim.test, classes=K)
    assert evaluator(delta) == evaluate(victim.model, victim.test, delta, classes=K)
    aim = Towards(1)
    assert evaluator.aiming(aim)(delta) == evaluate(victim.model, victim.test, delta, aim, classes=K)


def test_the_first_images_are_all_where_there_are_fewer(victim):
    evaluator = Evaluator(victim.model, victim.test, K)
    few = evaluator.first(3)
    assert len(few.split) == 3
    assert few() == evaluate(victim.model, victim.test.first(3), classes=K)
    assert len(evaluator.first(10**6).split) == len(victim.test)


def test_clean_predictions_are_made_once(victim, monkeypatch):
    made, predict = [], evaluating.predict
    monkeypatch.setattr(evaluating, "predict", lambda *given: made.append(given) or predict(*given))
    evaluator = Evaluator(victim.model, victim.test, K)
    assert not made, "not before they are needed"
    for one in (evaluator, evaluator, evaluator.first(3), evaluator.aiming(Towards(1))):
        one()
    assert len(made) == 1
