"""Likeness of features and the comparison of many methods, against their definitions and scipy's."""

import pytest
import torch
from scipy import stats

from fercourse.evaluate import cka, critical_difference, ranks, wins


def test_cka_is_the_correlation_of_centred_kernels():
    x, y = torch.randn(30, 5, dtype=torch.float64) + 3, torch.randn(30, 8, dtype=torch.float64)
    centre = torch.eye(30, dtype=torch.float64) - 1 / 30
    one, other = (centre @ f @ f.T @ centre for f in (x, y))
    assert cka(x, y) == pytest.approx(((one * other).sum() / one.norm() / other.norm()).item())


def test_cka_by_hand():
    x = torch.tensor([[-1.0], [1.0], [0.0]])
    y = torch.tensor([[1.0], [1.0], [-2.0]])                   # uncorrelated with x
    assert cka(x, y) == pytest.approx(0)
    assert cka(x, -7 * x + 3) == pytest.approx(1)
    assert cka(x, torch.tensor([[0.0], [1.0], [0.0]])) == pytest.approx(1 / (2 * 2 / 3))   # 1 / (2 x 2/3), r squared


def test_cka_ignores_turns_and_scales_and_survives_a_constant():
    x, y = torch.randn(40, 6), torch.randn(40, 3)
    turn = torch.linalg.qr(torch.randn(6, 6))[0]
    assert cka(9 * x @ turn + 1, y) == pytest.approx(cka(x, y), abs=1e-5)
    assert cka(torch.ones(40, 2), y) == 0


def test_ranks_are_scipys_with_ties_shared():
    scores = torch.tensor([[0.3, 0.9, 0.9, 0.1], [0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.3, 0.4]])
    expected = torch.stack([torch.from_numpy(stats.rankdata(-row.numpy())) for row in scores])
    assert torch.equal(ranks(scores).double(), expected)


@pytest.mark.parametrize("methods, q", [(2, 1.960), (4, 2.569), (6, 2.850), (10, 3.164)])
def test_the_critical_difference_uses_the_quantiles_of_the_paper(methods, q):
    """Table 5a of Demšar 2006."""
    assert critical_difference(methods, 14) == pytest.approx(q * (methods * (methods + 1) / 84) ** 0.5, rel=1e-3)


def test_wins_of_two_methods_add_up_to_one_and_ties_count_a_half():
    found = wins(torch.tensor([[0.2, 0.1], [0.2, 0.2], [0.1, 0.3], [0.9, 0.3]]))
    assert found.tolist() == [[0.5, 0.625], [0.375, 0.5]]
