"""Scores of predictions against scikit-learn and torchmetrics, on random data."""

import pytest
import sklearn.metrics as sk
import torch
import torchmetrics.functional.regression as tm

from fercourse import evaluate as ev
from fercourse.errors import InputError

RANDOM = torch.Generator().manual_seed(3)
LABELS = torch.randint(0, 5, (400,), generator=RANDOM)
PREDICTED = torch.where(torch.rand(400, generator=RANDOM) < 0.5, LABELS, torch.randint(0, 5, (400,), generator=RANDOM))
GUESS, TRUTH = torch.randn(300, 2, generator=RANDOM), torch.randn(300, 2, generator=RANDOM)
TRUTH = 0.6 * GUESS + 0.5 * TRUTH + 0.2


def test_class_scores_agree_with_scikit_learn():
    scores = ev.class_scores(PREDICTED, LABELS, "abcde")
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(LABELS, PREDICTED))
    assert scores["macro_f1"] == pytest.approx(sk.f1_score(LABELS, PREDICTED, average="macro"))
    assert scores["macro_recall"] == pytest.approx(sk.balanced_accuracy_score(LABELS, PREDICTED))
    assert scores["confusion"] == sk.confusion_matrix(LABELS, PREDICTED).tolist()
    assert list(scores["recall"].values()) == pytest.approx(sk.recall_score(LABELS, PREDICTED, average=None).tolist())


def test_absent_classes_and_unknown_labels():
    labels, predicted = torch.tensor([0, 0, 1, -1]), torch.tensor([0, 3, 1, 2])
    scores = ev.class_scores(predicted, labels, "abcd")
    assert scores["faces"] == 3 and scores["recall"] == {"a": 0.5, "b": 1.0, "c": None, "d": None}
    assert scores["macro_f1"] == pytest.approx(sk.f1_score([0, 0, 1], [0, 3, 1], average="macro"))
    assert scores["macro_recall"] == 0.75


@pytest.mark.parametrize(("predicted", "labels", "told"), [
    ([-1, 0], [1, 0], "1 of 2 faces with a label have a prediction such as -1; expected 0 to 2 for 3 classes"),
    ([3, 0, 9], [1, 0, -1], "1 of 2 faces with a label have a prediction such as 3;"),
    ([2, 0], [0, 3], "1 of 2 faces with a label have a label such as 3;")])
def test_what_is_none_of_the_classes_is_in_nobodys_row(predicted, labels, told):
    with pytest.raises(InputError, match=told):
        ev.confusion(torch.tensor(predicted), torch.tensor(labels), 3)
    assert ev.confusion(torch.tensor([2, -1]), torch.tensor([0, -1]), 3).tolist() == [[0, 0, 1], [0] * 3, [0] * 3]
    assert ev.confusion(torch.tensor([-1]), torch.tensor([-1]), 2).tolist() == [[0, 0], [0, 0]]


def test_affect_scores_agree_with_torchmetrics():
    guess, truth = GUESS.double(), TRUTH.double()
    torch.testing.assert_close(ev.pcc(GUESS, TRUTH), tm.pearson_corrcoef(guess, truth))
    torch.testing.assert_close(ev.rmse(GUESS, TRUTH), tm.mean_squared_error(guess, truth, num_outputs=2).sqrt())
    # torchmetrics divides by N - 1; ours by N, as Lin does
    spread = (guess.var(0) + truth.var(0)) * 299 / 300 + (guess.mean(0) - truth.mean(0)) ** 2
    assert ev.ccc(GUESS, TRUTH).tolist() == pytest.approx(tm.concordance_corrcoef(guess, truth).tolist(), rel=2e-3)
    covariance = torch.tensor([torch.cov(torch.stack([g, t]), correction=0)[0, 1] for g, t in zip(guess.T, truth.T)])
    torch.testing.assert_close(ev.ccc(GUESS, TRUTH), 2 * covariance / spread)


def test_affect_by_hand():
    truth = torch.tensor([[0.5, -0.5], [-0.5, 0.5], [float("nan"), 1.0]])
    guess = torch.tensor([[1.0, -0.5], [-1.0, -0.5], [9.0, 9.0]])
    scores = ev.affect_scores(guess, truth)
    assert scores["faces"] == 2
    assert scores["sagr"] == {"valence": 1.0, "arousal": 0.5}
    assert scores["pcc"]["valence"] == pytest.approx(1) and scores["ccc"]["valence"] == pytest.approx(0.8)
    assert scores["rmse"]["valence"] == pytest.approx(0.5)
    assert scores["mean_ccc"] == pytest.approx((0.8 + 0) / 2)


def test_bootstrap_interval_has_the_width_of_theory():
    right = torch.ones(400).masked_fill(torch.arange(400) < 120, 0)
    found = ev.bootstrap(lambda r: r.mean(), right, draws=2000)
    spread = 1.96 * (0.7 * 0.3 / 400) ** 0.5
    assert found["value"] == pytest.approx(0.7)
    assert found["low"] == pytest.approx(0.7 - spread, abs=0.006)
    assert found["high"] == pytest.approx(0.7 + spread, abs=0.006)
    assert found == ev.bootstrap(lambda r: r.mean(), right, draws=2000)


def test_bootstrap_over_people_is_wider_where_pictures_of_one_agree():
    people = torch.arange(100).repeat_interleave(4)
    right = (people % 10 < 7).float()                                     # a person is always right or never
    alone, together = (ev.bootstrap(lambda r: r.mean(), right, groups=g, draws=400) for g in (None, people))
    assert (together["high"] - together["low"]) > 1.6 * (alone["high"] - alone["low"])      # theory: twice
    unknown = ev.bootstrap(lambda r: r.mean(), right, groups=torch.full((400,), -1), draws=50)
    assert unknown["high"] - unknown["low"] < 0.15


def test_bootstrap_heeds_level_and_seed_and_draws_without_an_answer():
    values = torch.randn(100, generator=torch.Generator().manual_seed(0))
    mean = lambda v: v[v > -9].mean()                                     # noqa: E731
    wide, narrow = (ev.bootstrap(mean, values, draws=2000, level=level) for level in (0.95, 0.5))
    assert (narrow["high"] - narrow["low"]) / (wide["high"] - wide["low"]) == pytest.approx(0.674 / 1.96, abs=0.03)
    assert ev.bootstrap(mean, values, draws=20) != ev.bootstrap(mean, values, draws=20, seed=1)
    found = ev.bootstrap(mean, torch.tensor([-10.0, 1.0, 2.0]), draws=100)           # drawn alone, -10 leaves nobody
    assert (found["low"], found["high"]) == (1, 2)


def test_accuracy_leaves_out_who_has_no_label():
    assert ev.accuracy(torch.tensor([0, 1, 2]), torch.tensor([0, -1, -1])) == 1


def test_a_truth_without_a_sign_agrees_with_no_sign():
    assert ev.sagr(torch.tensor([[0.1], [0.0], [-0.1]]), torch.zeros(3, 1)).item() == pytest.approx(1 / 3)
