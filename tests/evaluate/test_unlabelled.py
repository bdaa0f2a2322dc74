"""Criteria without labels: by hand, at their limits, and what each of them cannot see."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse.evaluate.unlabelled import entropy, information, neighbourhood_density


def sure(labels, count=4):
    return 100.0 * F.one_hot(torch.as_tensor(labels), count)


def test_entropy_by_hand():
    given = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    hand = (math.log(2) - 0.75 * math.log(0.75) - 0.25 * math.log(0.25)) / 2 / math.log(2)
    assert entropy(given) == pytest.approx(hand, rel=1e-5)
    assert entropy(torch.zeros(3, 7)) == pytest.approx(1) and entropy(sure([0, 1, 2])) == pytest.approx(0, abs=1e-6)


def test_collapse_looks_sure_but_carries_no_information():
    assert entropy(sure([2] * 8)) == pytest.approx(0, abs=1e-6) == information(sure([2] * 8))
    assert information(sure([0, 1, 2, 3])) == pytest.approx(1)
    assert information(torch.zeros(5, 4)) == pytest.approx(0, abs=1e-6)


def test_density_by_hand():
    """Three faces of one class have two equal neighbours each; one alone has three that are equally far."""
    hand = (3 * math.log(2) + math.log(3)) / 4
    assert neighbourhood_density(sure([0, 0, 0, 1])) == pytest.approx(hand, abs=1e-3)
    shares = torch.tensor([math.e, math.e, 1.0]) / (2 * math.e + 1)                  # at temperature 1, of 0 0 0 1
    warm = (3 * -(shares * shares.log()).sum().item() + math.log(3)) / 4
    assert neighbourhood_density(sure([0, 0, 0, 1]), temperature=1.0) == pytest.approx(warm, abs=1e-3)


def test_density_in_chunks_and_in_another_order():
    given = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    whole = neighbourhood_density(given)
    assert neighbourhood_density(given, chunk=7) == pytest.approx(whole, rel=1e-5)
    assert neighbourhood_density(given.flip(0)) == pytest.approx(whole, rel=1e-5)


def test_density_does_not_see_collapse():
    tight, collapsed = sure([0, 1, 2, 3] * 5), sure([0] * 20)
    assert neighbourhood_density(collapsed) > neighbourhood_density(tight)


def test_density_of_large_sets_is_that_of_a_sample():
    given = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    whole, state = neighbourhood_density(given), torch.get_rng_state()
    sampled = neighbourhood_density(given, most=100)
    assert sampled == neighbourhood_density(given, most=100) != neighbourhood_density(given, most=100, seed=1)
    assert sampled < whole and neighbourhood_density(given, most=300) == whole
    assert torch.equal(torch.get_rng_state(), state)
