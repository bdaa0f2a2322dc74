"""Concordance and the affect loss: by hand, with weights, and their slopes."""

import pytest
import torch

from fercourse.losses import concordance as cc

GUESS, TRUTH = torch.randn(2, 12, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_concordance_by_hand():
    guess, truth = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[2.0], [3.0], [4.0]])
    assert cc.concordance(guess, truth).item() == pytest.approx(2 * 2 / 3 / (2 / 3 + 2 / 3 + 1))
    assert cc.correlation(guess, truth).item() == pytest.approx(1)


def test_correlation_forgives_what_concordance_does_not():
    torch.testing.assert_close(cc.correlation(3 * TRUTH + 1, TRUTH), torch.ones(2, dtype=torch.float64))
    assert (cc.concordance(3 * TRUTH + 1, TRUTH) < 0.8).all()
    torch.testing.assert_close(cc.concordance(TRUTH, TRUTH), torch.ones(2, dtype=torch.float64))
    assert cc.concordance(torch.zeros(5, 1), torch.zeros(5, 1)).item() == 0
    assert cc.correlation(torch.zeros(5, 1), torch.arange(5.0)[:, None]).item() == 0


@pytest.mark.parametrize("measure", [cc.concordance, cc.correlation, *(
    lambda *rows, part=part: cc.affect_loss(*rows)[part] for part in ("squared", "correlation", "concordance"))])
def test_a_weight_of_two_is_a_row_twice(measure):
    weight = torch.tensor([1.0, 2, 1, 1, 3, 1, 1, 1, 1, 1, 1, 2], dtype=torch.float64)
    rows = torch.arange(12).repeat_interleave(weight.long())
    torch.testing.assert_close(measure(GUESS, TRUTH, weight), measure(GUESS[rows], TRUTH[rows]))
    torch.testing.assert_close(measure(GUESS, TRUTH, torch.ones(12, dtype=torch.float64)), measure(GUESS, TRUTH))


def test_each_column_may_have_weights_of_its_own():
    weight = torch.rand(12, 2, dtype=torch.float64)
    both = cc.concordance(GUESS, TRUTH, weight)
    alone = [cc.concordance(GUESS[:, k:k + 1], TRUTH[:, k:k + 1], weight[:, k])[0] for k in (0, 1)]
    torch.testing.assert_close(both, torch.stack(alone))


def test_the_affect_loss_is_its_formula():
    parts = cc.affect_loss(GUESS, TRUTH)
    squared = (GUESS - TRUTH).square().mean(0)
    torch.testing.assert_close(parts["squared"], squared[0] + squared[1])
    torch.testing.assert_close(parts["correlation"], 0.5 * (1 - cc.correlation(GUESS, TRUTH).mean()))
    torch.testing.assert_close(parts["concordance"], 0.5 * (1 - cc.concordance(GUESS, TRUTH).mean()))
    assert sum(cc.affect_loss(TRUTH, TRUTH).values()).item() == pytest.approx(0, abs=1e-12)


def test_slopes():
    guess, weight = GUESS.clone().requires_grad_(), torch.rand(12, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda g: sum(cc.affect_loss(g, TRUTH, weight).values()), guess)


@pytest.mark.parametrize("spread", [1e-7, 1e-3, 1.0])
def test_columns_of_any_spread_are_measured(spread):
    guess, truth = spread * GUESS, spread * TRUTH
    torch.testing.assert_close(cc.concordance(guess, guess), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(cc.correlation(guess, truth), cc.correlation(GUESS, TRUTH))


@pytest.mark.parametrize("spread", [0.0, 1e-8, 1e-4])
def test_guesses_that_are_nearly_constant_do_not_drown_the_other_gradients(spread):
    guess = (spread * GUESS).requires_grad_()
    for part, value in cc.affect_loss(guess, TRUTH).items():
        assert torch.autograd.grad(value, guess, retain_graph=True)[0].norm() < 50, part
