"""Consistency of the two spaces, by hand and over two processes; who is pulled and who is not."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse.distributed import gather, share
from fercourse.losses.consistency import similarity_consistency, view_consistency
from fercourse.losses.contrastive import Pairs, all_pairs
from tests.twice import twice


def spaces(views=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(views, width, generator=generator, dtype=torch.float64) for width in (5, 7)]


def pairs_of(faces, classes, rule="wsc"):
    return Pairs((torch.arange(faces) % classes).repeat(2), torch.arange(faces).repeat(2), rule)


# ---------------------------------------------------------------------- form A

def test_two_spaces_by_hand():
    """One face of each of two classes; in u all views are one, in z the other class is at right angles."""
    u, z = torch.ones(4, 3), torch.tensor([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    p, q = [1 / 3] * 3, [math.e / (math.e + 2), 1 / (math.e + 2), 1 / (math.e + 2)]
    kl = lambda a, b: sum(x * math.log(x / y) for x, y in zip(a, b))                     # noqa: E731
    found = similarity_consistency(u, z, pairs_of(2, 2), 1.0, 1.0)
    assert found.item() == pytest.approx((kl(p, q) + kl(q, p)) / 2, rel=1e-5)


def test_it_is_its_sums_over_the_partial_set():
    u, z = spaces()
    pairs, losses = pairs_of(6, 3), []
    for i, kept in enumerate(pairs.masks()[1]):
        p, q = (torch.softmax(F.cosine_similarity(s[i][None], s[kept]) / t, 0) for s, t in ((u, 0.2), (z, 0.1)))
        losses.append(F.kl_div(q.log(), p, reduction="sum") / 2 + F.kl_div(p.log(), q, reduction="sum") / 2)
    torch.testing.assert_close(similarity_consistency(u, z, pairs), torch.stack(losses).mean())


def test_spaces_that_agree_cost_nothing_and_pull_nothing():
    u = spaces()[0].requires_grad_()
    turned = u.detach() @ torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q * 3
    found = similarity_consistency(u, turned, pairs_of(6, 3), 0.2, 0.2)
    assert found.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(found, u)[0].abs().max() < 1e-9


def test_each_space_follows_the_other_as_it_stands():
    """The gradient on z is that of KL(P || Q) / 2 with P held, that on u is of KL(Q || P) / 2 with Q held."""
    u, z = (space.requires_grad_() for space in spaces())
    pairs = pairs_of(6, 3)
    found = torch.autograd.grad(similarity_consistency(u, z, pairs), (u, z))
    kept = pairs.masks()[1]
    p, q = ((F.normalize(s, dim=1) @ F.normalize(s, dim=1).T / t).masked_fill(~kept, -1e9).log_softmax(1)
            for s, t in ((u, 0.2), (z, 0.1)))
    kl = lambda a, b: (a.exp() * (a - b)).sum(1).mean() / 2                              # noqa: E731
    torch.testing.assert_close(found[0], torch.autograd.grad(kl(q.detach(), p), u)[0])
    torch.testing.assert_close(found[1], torch.autograd.grad(kl(p.detach(), q), z)[0])


def test_one_class_leaves_nothing_to_agree_on():
    u, z = spaces()
    z.requires_grad_()
    found = similarity_consistency(u, z, pairs_of(6, 1))
    assert found.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(found, z)[0].abs().max() < 1e-12


def _in_one_of_two():
    u, z = (s.view(2, 6, -1) for s in spaces())
    rows, weight = share(torch.arange(6)), torch.eye(7, dtype=torch.float64).requires_grad_()
    pairs = all_pairs(rows % 3, rows)
    loss = similarity_consistency(u[:, rows].flatten(0, 1), z[:, rows].flatten(0, 1) @ weight, pairs)
    loss.backward()
    return gather(loss.detach()[None]).mean(), gather(weight.grad[None]).mean(0)


def test_two_processes_have_the_gradient_of_one():
    alone = _in_one_of_two()
    for loss, slope in twice(_in_one_of_two):
        assert (loss - alone[0]).abs() <= 1e-6 * alone[0]
        assert (slope - alone[1]).norm() <= 1e-6 * alone[1].norm()


# ---------------------------------------------------------------------- form B

def test_views_by_hand():
    """Views that agree on class 0, with shares (.8, .2) and (.6, .4); the second face disagrees and does not count."""
    p, q = [0.8, 0.2], [0.6, 0.4]
    middle = [0.7, 0.3]
    kl = lambda a, b: sum(x * math.log(x / y) for x, y in zip(a, b))                     # noqa: E731
    first, second = torch.tensor([p, [0.9, 0.1]]).log(), torch.tensor([q, [0.1, 0.9]]).log()
    assert view_consistency(first, second).item() == pytest.approx((kl(p, middle) + kl(q, middle)) / 2, rel=1e-5)
    assert view_consistency(first[1:], second[1:]).item() == 0
    assert view_consistency(first, first).item() == pytest.approx(0, abs=1e-7)


def _views_in_one_of_two():
    """One face of eight agrees, so that one process has none."""
    weight = torch.eye(4, dtype=torch.float64).requires_grad_()
    first = 3 * torch.eye(4, dtype=torch.float64).repeat(2, 1)
    second = first.roll(1, 0)
    second[5] = 2 * first[5]
    rows = share(torch.arange(8))
    view_consistency(first[rows] @ weight, second[rows]).backward()
    return gather(weight.grad[None]).mean(0)


def test_two_processes_have_the_gradient_of_one_where_one_of_them_has_no_face_that_agrees():
    alone = _views_in_one_of_two()
    assert alone.norm() > 1e-3
    for slope in twice(_views_in_one_of_two):
        torch.testing.assert_close(slope, alone)


def test_gradients_are_checked():
    first, second = (2 * torch.randn(6, 4, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a: view_consistency(a, second), first.requires_grad_())


def test_views_in_half_precision_are_compared_in_single():
    first = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    second = 2 * first
    torch.testing.assert_close(view_consistency(first, second), view_consistency(first.float(), second.float()))


def test_cosines_stay_in_single_precision_under_autocast():
    u, z = (space.float() for space in spaces())
    plain = similarity_consistency(u, z, pairs_of(6, 3))
    with torch.autocast("cpu", torch.bfloat16):
        half = similarity_consistency(u, z, pairs_of(6, 3))
    torch.testing.assert_close(half, plain, rtol=1e-5, atol=1e-6)
