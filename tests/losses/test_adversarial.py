"""Reversed gradients flip exactly; the domain loss by hand, against its closed form, and at its limits."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse.losses.adversarial import (
    Discriminator,
    conditioned,
    domain_loss,
    domain_ramp,
    reverse,
    scale_gradient,
)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_reversal_flips_exactly(strength):
    x = torch.randn(5, 3, requires_grad=True)
    (straight,) = torch.autograd.grad((x**3).sum(), x)
    (turned,) = torch.autograd.grad((reverse(x, strength) ** 3).sum(), x)
    assert torch.equal(reverse(x, strength), x)
    assert torch.equal(turned, -strength * straight)


def test_scaled_gradients_keep_values():
    x = torch.randn(4, requires_grad=True)
    y = scale_gradient(x, 0.25)
    y.sum().backward()
    assert torch.equal(y, x) and torch.equal(x.grad, torch.full((4,), 0.25))


def test_the_discriminator_itself_learns_straight():
    """Behind a reversal its weights have the gradient they would have without one."""
    torch.manual_seed(0)
    judge, x = Discriminator(3, dropout=0.0), torch.randn(6, 3)
    gradients = []
    for features in (x, reverse(x.clone().requires_grad_(), 0.7)):
        loss = domain_loss(judge(features[:2]), judge(features[2:]))[0]
        gradients.append(torch.autograd.grad(loss, list(judge.parameters())))
    for one, other in zip(*gradients):
        torch.testing.assert_close(one, other)


def test_domain_loss_by_hand():
    """A source face at logit 0 and two target faces at log 3: (log 2 + log 4/3) / 2."""
    loss, right = domain_loss(torch.tensor([-1e-9]), torch.tensor([3.0, 3.0]).log())
    assert loss.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert right.item() == 1


def test_domain_loss_is_balanced_cross_entropy():
    source, target = torch.randn(8), torch.randn(8)
    loss, _ = domain_loss(source, target)
    truth = torch.cat([torch.zeros(8), torch.ones(8)])
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(torch.cat([source, target]), truth))
    twice = domain_loss(source.repeat(3), target)[0]
    torch.testing.assert_close(twice, loss)


def test_the_best_discriminator_measures_the_jensen_shannon_divergence():
    """For N(-1, 1) and N(1, 1) the best logit is 2 x; log 2 minus its loss is the divergence by quadrature."""
    x = torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    p, q = (torch.exp(-(x - m) ** 2 / 2) / math.sqrt(2 * math.pi) for m in (-1, 1))
    middle, step = (p + q) / 2, (x[1] - x[0]).item()
    divergence = 0.5 * ((p * (p / middle).log()).nansum() + (q * (q / middle).log()).nansum()).item() * step
    draws = torch.randn(400_000, generator=torch.Generator().manual_seed(0))
    found = math.log(2) - domain_loss(2 * (draws - 1), 2 * (draws + 1))[0].item()
    assert found == pytest.approx(divergence, abs=3e-3)


def test_the_ramp():
    assert domain_ramp(0) == 0
    assert domain_ramp(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert 0.999 < domain_ramp(1) < 1


def test_conditioning_by_hand():
    features, logits = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, math.log(3)]], requires_grad=True)
    found = conditioned(features, logits)
    torch.testing.assert_close(found, torch.tensor([[0.25, 0.5, 0.75, 1.5]]))
    assert not found.requires_grad                               # the shares are told, not taught


def test_the_discriminator_has_two_hidden_layers():
    weights = [p for p in Discriminator(7, 5).parameters() if p.ndim == 2]
    assert [tuple(w.shape) for w in weights] == [(5, 7), (5, 5), (1, 5)]


def test_the_discriminator_drops_half():
    assert [part.p for part in Discriminator(7).modules() if isinstance(part, torch.nn.Dropout)] == [0.5, 0.5]
