"""Semantic metric learning: every term by hand, where centres go, and what does not depend on the width."""

import pytest
import torch
from torch.autograd import gradcheck

from fercourse.losses.margin import (
    SOURCE,
    TARGET,
    SemanticMetric,
    agreement,
    class_means,
    inter,
    intra,
    margin_penalty,
)
from fercourse.schedule import set_rates
from tests.twice import twice

FEATURES = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
CENTRES = torch.tensor([[0.0, 0.0], [2.0, 1.0]])
LABELS = torch.tensor([0, 0, 1])


def rows(count, width, seed=0, **options):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), **options)


def test_intra_by_hand():
    """Squared distances 1, 4 and 1, over 2 B = 6 and a width of 2."""
    assert intra(FEATURES, LABELS, CENTRES).item() == pytest.approx(6 / 6 / 2)
    assert intra(FEATURES, LABELS, CENTRES, torch.tensor([1.0, 0.0, 1.0])).item() == pytest.approx(2 / 4 / 2)
    assert intra(FEATURES, LABELS, CENTRES, torch.tensor([0.1, 0.0, 0.3])).item() == pytest.approx(0.4 / 0.8 / 2)
    assert intra(FEATURES, LABELS, CENTRES, torch.zeros(3)).item() == 0


def test_inter_by_hand():
    """Pairs at squared distances 4, 1 and 5 add up to 10, over K (K - 1) = 6 and a width of 2."""
    centres = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    assert inter(centres).item() == pytest.approx(10 / 6 / 2)
    assert margin_penalty(centres, 1.0).item() == pytest.approx(1 - 10 / 12)
    assert margin_penalty(centres, 0.5).item() == 0


def test_inter_is_the_sum_over_pairs():
    centres = rows(7, 5)
    pairs = torch.pdist(centres).square().sum() / (7 * 6) / 5
    torch.testing.assert_close(inter(centres), pairs)


def test_agreement_by_hand():
    """Squared distances 4 and 0, over K = 2 and a width of 2."""
    other = torch.tensor([[0.0, 2.0], [2.0, 1.0]])
    assert agreement(CENTRES, other).item() == pytest.approx(1.0)


@pytest.mark.parametrize("width", [4, 64, 4096])
def test_random_centres_are_one_apart_at_any_width(width):
    assert inter(rows(7, width)).item() == pytest.approx(1, abs=4 / width**0.5)


def test_standardised_features_reach_at_most_k_over_k_minus_1():
    """Seven equally frequent classes without any variance inside: all of the variance, 1, is between them."""
    centres = rows(7, 6)
    centres = (centres - centres.mean(0)) / centres.std(0, correction=0)
    assert inter(centres).item() == pytest.approx(7 / 6)


@pytest.mark.parametrize("term", [
    lambda h, c: intra(h, torch.tensor([0, 1, 1, 2]), c), lambda h, c: inter(c) + 0 * h.sum(),
    lambda h, c: margin_penalty(c, 9.0) + 0 * h.sum(), lambda h, c: agreement(c, h[:3])])
def test_gradients(term):
    h, c = (rows(n, 5, seed, dtype=torch.float64).requires_grad_() for n, seed in ((4, 0), (3, 1)))
    assert gradcheck(term, (h, c))


def test_terms_do_not_know_order_place_or_turn():
    h, c, y = rows(6, 4), rows(3, 4, 1), torch.tensor([0, 1, 2, 0, 1, 2])
    turn = torch.linalg.qr(rows(4, 4, 2)).Q
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    value = intra(h, y, c)
    torch.testing.assert_close(intra(h[order], y[order], c), value)
    torch.testing.assert_close(intra(h @ turn + 3, y, c @ turn + 3), value)
    torch.testing.assert_close(inter(c @ turn + 3), inter(c))


def test_class_means_by_hand_and_for_an_absent_class():
    means = class_means(FEATURES, LABELS, 3, otherwise=torch.full((3, 2), 9.0))
    assert means.tolist() == [[0.5, 1.0], [3.0, 1.0], [9.0, 9.0]]
    weighted = class_means(FEATURES, LABELS, 2, weights=torch.tensor([1, 0, 0]))
    assert weighted.tolist() == [[1.0, 0.0], FEATURES.mean(0).tolist()]
    assert class_means(FEATURES, torch.tensor([0, -1, 1]), 2).tolist() == [[1.0, 0.0], [3.0, 1.0]]


@pytest.mark.parametrize("width", [3, 200])
def test_centres_go_to_the_class_means_at_the_same_pace_whatever_the_width(width):
    """Half of the distance that is left after log 2 / 0.1 steps, and all of it after many."""
    torch.manual_seed(0)
    metric, labels = SemanticMetric(4, width, margin=0.0), torch.arange(4).repeat(8)
    features = rows(4, width)[labels] + 0.1 * rows(32, width, 1)
    optimiser, means = metric.optimiser(0.1), class_means(features, labels, 4)
    start = (metric.centres[SOURCE] - means).norm().item()
    left = []
    for _ in range(100):
        optimiser.zero_grad()
        metric(SOURCE, features, labels).backward()
        optimiser.step()
        left.append((metric.centres[SOURCE] - means).norm().item() / start)
    assert left[6] == pytest.approx(0.9**7, rel=0.01) and left[-1] < 1e-3


def test_the_margin_keeps_centres_apart_whose_classes_coincide():
    torch.manual_seed(0)
    metric, labels = SemanticMetric(3, 8, margin=0.5), torch.arange(3).repeat(4)
    metric.place(SOURCE, 0.1 * rows(3, 8))
    optimiser = metric.optimiser(0.02)
    for _ in range(200):
        optimiser.zero_grad()
        (metric(SOURCE, torch.zeros(12, 8), labels) + metric.between()["penalty"]).backward()
        optimiser.step()
    assert inter(metric.centres[SOURCE]).item() == pytest.approx(0.5, abs=0.05)


def test_domains_have_centres_of_their_own():
    metric = SemanticMetric(2, 2, margin=0.0, align=0.25)
    metric.place(SOURCE, CENTRES)
    metric.place(TARGET, CENTRES + 1)
    assert metric(SOURCE, CENTRES, torch.tensor([0, 1])).item() == 0
    assert metric(TARGET, CENTRES, torch.tensor([0, 1])).item() == pytest.approx(0.5)
    assert metric.between()["align"].item() == pytest.approx(0.25)


def test_the_penalty_is_that_of_both_domains():
    metric = SemanticMetric(2, 2, margin=3.0)
    metric.place(SOURCE, torch.zeros(2, 2))
    metric.place(TARGET, CENTRES)                                         # inter 5 / 2 / 2
    assert metric.between()["penalty"].item() == pytest.approx(3 + (3 - 1.25))


def test_centres_keep_their_rate_when_others_cool():
    optimiser = SemanticMetric(2, 3).optimiser(0.1)
    set_rates([optimiser], 0.5)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.1 * 2 * 3)


def share_of_a_batch(weights):
    """Return the gradient on this process's rows of a batch of six, as DistributedDataParallel averages it."""
    import torch.distributed as dist
    mine = slice(None) if not dist.is_initialized() else slice(3 * dist.get_rank(), 3 * dist.get_rank() + 3)
    centres = rows(3, 4, 1, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    intra(rows(6, 4, dtype=torch.float64)[mine], labels[mine], centres, weights[mine]).backward()
    return centres.grad


@pytest.mark.parametrize("weights", [[1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                                     [0.0, 0.1, 0.0, 0.0, 0.2, 0.0]])
def test_two_processes_have_the_gradient_of_one(weights):
    """Also where fewer faces count than there are processes."""
    weights = torch.tensor(weights, dtype=torch.float64)
    one = share_of_a_batch(weights)
    both = sum(twice(share_of_a_batch, weights)) / 2
    torch.testing.assert_close(both, one)
