"""Self-pacing: quantiles by hand, groups whose truth is known, and classes of one face or none."""

import math

import pytest
import torch

from fercourse.pacing import Groups, doubts, quota, thresholds, two_groups


def test_thresholds_by_hand():
    losses = torch.tensor([0.4, 5.0, 0.1, 7.0, 0.3, 6.0, 0.2, 8.0])
    labels = torch.tensor([0, 1, 0, 1, 0, 1, 0, 1])
    found = thresholds(losses, labels, torch.tensor([0.5, 0.75]))
    assert found.tolist() == pytest.approx([0.2, 7.0])          # 2 of 4, and 3 of 4, at or below
    easy = losses <= found[labels]
    assert easy.tolist() == [False, True, True, True, False, True, True, False]


@pytest.mark.parametrize("share, at_or_below", [(0.0, 0), (0.02, 0), (0.03, 1), (0.5, 10), (1.0, 20)])
def test_as_many_faces_as_the_share_asks_for(share, at_or_below):
    losses = torch.rand(60, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(60) % 3
    found = thresholds(losses, labels, torch.full((3,), share))
    for c in range(3):
        assert (losses[labels == c] <= found[c]).sum() == at_or_below


def test_thresholds_of_empty_single_and_unlabelled():
    found = thresholds(torch.tensor([3.0, 0.1, 0.2]), torch.tensor([2, -1, -1]), torch.tensor([0.5, 0.5, 1.0]))
    assert found.tolist() == [math.inf, math.inf, 3.0]


def made(shares, per_class=400, seed=0):
    """Return doubts of classes with these shares of a high group, and the labels."""
    g = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(shares)).repeat_interleave(per_class)
    high = torch.rand(len(labels), generator=g) < torch.tensor(shares)[labels]
    noise = torch.randn(len(labels), generator=g)
    return torch.where(high, 0.9 + 0.05 * noise, 0.2 + 0.1 * noise), labels


def test_groups_are_found_in_every_class():
    found = two_groups(*made([0.1, 0.3, 0.5]), classes=3)
    assert found.share.tolist() == pytest.approx([0.1, 0.3, 0.5], abs=0.05)
    assert found.low.tolist() == pytest.approx([0.2] * 3, abs=0.03)
    assert found.high.tolist() == pytest.approx([0.9] * 3, abs=0.03)
    assert (found.apart > 5).all()


def test_groups_against_scikit_learn():
    from sklearn.mixture import GaussianMixture
    doubt, labels = made([0.3])
    oracle = GaussianMixture(2, random_state=0, tol=1e-8, max_iter=500, reg_covar=1e-9).fit(doubt[:, None].numpy())
    order = oracle.means_[:, 0].argsort()
    found = two_groups(doubt, labels, 1)
    assert [found.low.item(), found.high.item()] == pytest.approx(oracle.means_[order, 0].tolist(), abs=5e-3)
    assert found.share.item() == pytest.approx(oracle.weights_[order[1]], abs=5e-3)


def test_one_heap_is_not_two():
    doubt = 0.8 + 0.05 * torch.randn(500, generator=torch.Generator().manual_seed(1))
    assert two_groups(doubt, torch.zeros(500, dtype=torch.int64), 1).apart.item() < 2


def test_order_and_strangers_change_nothing():
    doubt, labels = made([0.2, 0.4])
    shuffled = torch.randperm(len(doubt), generator=torch.Generator().manual_seed(2))
    one, other = two_groups(doubt, labels, 2), two_groups(doubt[shuffled], labels[shuffled], 2)
    stranger = two_groups(torch.cat([doubt, torch.ones(50)]), torch.cat([labels, torch.full((50,), -1)]), 2)
    for name in ("low", "high", "share", "apart"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-5)
        assert torch.allclose(getattr(one, name), getattr(stranger, name), atol=1e-5)


def test_classes_of_one_face_none_and_equals():
    found = two_groups(torch.tensor([0.3, 0.5, 0.5, 0.5]), torch.tensor([0, 2, 2, 2]), 4)
    assert found.apart.tolist() == [0, 0, 0, 0]
    assert all(value.isfinite().all() for value in (found.low, found.high, found.share))


def test_pace_begins_with_everything_and_ends_at_one_minus_noise():
    share, apart = torch.tensor([0.3, 0.3, 0.1]), torch.full((3,), 3.0)
    low = torch.tensor([1.0, 0.0, 0.5])
    assert quota(Groups(low, low, share, apart, torch.ones(3))).tolist() == pytest.approx([1.0, 0.7, 0.95])


def test_noise_measured_elsewhere_bounds_what_the_groups_claim():
    share, low = torch.tensor([0.6, 0.2]), torch.zeros(2)
    groups = Groups(low, low, share, low, faces=torch.tensor([30.0, 10.0]))          # 0.5 of all faces, it seems
    assert quota(groups, 0.1).tolist() == pytest.approx([1 - 0.12, 1 - 0.04])
    assert quota(groups, 0.0).tolist() == [1.0, 1.0]
    assert quota(groups, 0.9).tolist() == pytest.approx([0.4, 0.8])                  # never more than the groups claim


def test_doubt_is_what_other_classes_get():
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    losses = torch.nn.functional.cross_entropy(logits, torch.arange(5), reduction="none")
    assert torch.allclose(doubts(losses), 1 - logits.softmax(1)[torch.arange(5), torch.arange(5)], atol=1e-6)
