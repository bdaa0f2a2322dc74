"""The loss of HNCL by hand, as MoCo's and SupCon's, its limits, and its gradients in one process and in two."""

import math

import pytest
import torch
import torch.nn.functional as F

from fercourse.distributed import gather, rank, share
from fercourse.losses.neighbour_contrast import neighbour_contrast
from tests.twice import twice


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=-1)


def masks(*rows):
    return torch.tensor(rows, dtype=torch.bool)


def test_by_hand():
    """One query along x; its key at 60 degrees; a queue of a neighbour (x), two negatives (y, -x), itself (x)."""
    query, key = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.5, math.sqrt(0.75)]])
    queue = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]])
    own, near = neighbour_contrast(query, key, queue, masks([1, 0, 0, 0]), masks([0, 1, 1, 0]), temperature=0.5)
    against = math.exp(0 / 0.5) + math.exp(-1 / 0.5)
    assert own.item() == pytest.approx(-math.log(math.exp(0.5 / 0.5) / (math.exp(0.5 / 0.5) + against)), rel=1e-5)
    assert near.item() == pytest.approx(-math.log(math.exp(1 / 0.5) / (math.exp(1 / 0.5) + against)), rel=1e-5)


def test_without_neighbours_it_is_mocos_loss():
    queries, keys, queue = unit(6, 5), unit(6, 5, seed=1), unit(20, 5, seed=2)
    none, every = torch.zeros(6, 20, dtype=torch.bool), torch.ones(6, 20, dtype=torch.bool)
    own, near = neighbour_contrast(queries, keys, queue, none, every, temperature=0.2)
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), queries @ queue.T], 1) / 0.2
    torch.testing.assert_close(own.double(), F.cross_entropy(logits, torch.zeros(6, dtype=torch.int64)), rtol=1e-5,
                               atol=1e-6)
    assert near == 0


def test_mocos_loss_of_an_independent_library():
    lightly = pytest.importorskip("lightly.loss", reason="the oracle is in the bench extra")
    queries, keys, queue = (v.float() for v in (unit(6, 5), unit(6, 5, seed=1), unit(20, 5, seed=2)))
    oracle = lightly.NTXentLoss(temperature=0.2, memory_bank_size=(20, 5))
    oracle.memory_bank.bank, oracle.memory_bank.bank_ptr = queue.clone(), torch.zeros(1, dtype=torch.int64)
    none, every = torch.zeros(6, 20, dtype=torch.bool), torch.ones(6, 20, dtype=torch.bool)
    own, _ = neighbour_contrast(queries, keys, queue, none, every, temperature=0.2)
    torch.testing.assert_close(own, oracle(queries, keys.requires_grad_()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("positives", [0, 1, 4])
def test_with_oracle_neighbours_it_is_supcon_less_what_positives_lose_to_each_other(positives):
    """SupCon (L_out) on one anchor with P positives, S = their sum, T = the negatives' sum, is

        mean_p log( (T + S) / e^p )  =  mean_p log( (T + e^p) / e^p )  +  mean_p log( (T + S) / (T + e^p) ).

    The first part is ours with equal weights for the key and each neighbour; the rest is 0 for a single positive.
    """
    query, key, queue = unit(1, 4), unit(1, 4, seed=1), unit(9, 4, seed=2)
    near = torch.arange(9)[None] < positives
    ours, beside = neighbour_contrast(query, key, queue, near, ~near, temperature=0.3)
    ours = (ours + positives * beside) / (1 + positives)
    scores = (query @ torch.cat([key, queue]).T / 0.3)[0].exp()
    chosen, negative = scores[:1 + positives], scores[1 + positives:].sum()
    supcon = torch.log((negative + chosen.sum()) / chosen).mean()
    rest = torch.log((negative + chosen.sum()) / (negative + chosen)).mean()
    assert ours.item() == pytest.approx((supcon - rest).item(), rel=1e-5)
    assert rest.item() == pytest.approx(0, abs=1e-9) if positives == 0 else rest > 0.01


def test_scales_and_orders_do_not_matter():
    queries, keys, queue = unit(5, 4), unit(5, 4, seed=1), unit(12, 4, seed=2)
    near = torch.rand(5, 12, generator=torch.Generator().manual_seed(3)) < 0.2
    first = neighbour_contrast(queries, keys, queue, near, ~near)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(4))
    other = neighbour_contrast(3 * queries, 0.1 * keys, 7 * queue[order], near[:, order], ~near[:, order])
    torch.testing.assert_close(first, other)


def test_an_empty_queue_costs_nothing_and_pulls_nowhere():
    queries = unit(3, 4).requires_grad_()
    nothing = torch.zeros(3, 5, dtype=torch.bool)
    own, near = neighbour_contrast(queries, unit(3, 4, seed=1), torch.zeros(5, 4).double(), nothing, nothing)
    (own + near).backward()
    assert own == 0 and near == 0 and queries.grad.abs().max() < 1e-6


def test_rows_without_neighbours_count_as_zero():
    queries, keys, queue = unit(2, 4), unit(2, 4, seed=1), unit(6, 4, seed=2)
    near = masks([1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0])
    _, both = neighbour_contrast(queries, keys, queue, near, ~near)
    _, first = neighbour_contrast(queries[:1], keys[:1], queue, near[:1], ~near[:1])
    torch.testing.assert_close(both, first / 2)


def test_gradients():
    queue, near = unit(7, 3, seed=2), masks([1, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0])
    def loss(queries, keys):
        own, beside = neighbour_contrast(queries, keys, queue, near, ~near, 0.5)
        return own + 0.8 * beside
    inputs = (unit(2, 3).requires_grad_(), unit(2, 3, seed=1).requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-6, atol=1e-6)
    assert loss(*inputs).dtype == torch.float64


def test_a_sharp_temperature_stays_finite():
    queries = unit(4, 8).float().requires_grad_()
    every = torch.ones(4, 16, dtype=torch.bool)
    own, _ = neighbour_contrast(queries, -queries.detach(), queries.detach().repeat(4, 1), ~every, every, 0.001)
    own.backward()
    assert own.isfinite() and queries.grad.isfinite().all()


def gradient():
    """Return the gradient of this process's share, averaged as DistributedDataParallel does."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 4).double()
    faces, other, queue = unit(8, 6), unit(8, 6, seed=1), unit(10, 4, seed=2)
    near = torch.arange(80).view(8, 10) % 7 == 0
    mine = share(torch.arange(8))
    own, beside = neighbour_contrast(layer(faces[mine]), layer(other[mine]).detach(), queue, near[mine], ~near[mine])
    (own + beside).backward()
    return gather(layer.weight.grad[None]).mean(0) if rank() >= 0 else None


def test_two_processes_have_the_gradient_of_one():
    alone, (first, second) = gradient(), twice(gradient)
    assert (first - alone).norm() <= 1e-9 * alone.norm() and torch.equal(first, second)


def test_cosines_stay_in_single_precision_under_autocast():
    given = (unit(6, 5).float(), unit(6, 5, seed=1).float(), unit(8, 5, seed=2).float(), torch.eye(6, 8).bool(),
             ~torch.eye(6, 8).bool())
    plain = neighbour_contrast(*given)
    with torch.autocast("cpu", torch.bfloat16):
        half = neighbour_contrast(*given)
    torch.testing.assert_close(half, plain, rtol=1e-5, atol=1e-6)
