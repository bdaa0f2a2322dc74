"""Answers to lesson 05, right ones and those with the mistakes people make; test_answers tries them."""

import math

import torch

from fercourse.check import lesson05
from fercourse.losses.adversarial import reverse
from fercourse.losses.margin import intra, margin_penalty
from fercourse.pseudo import most_sure


def pull(h, y, c):
    return (h - c[y]).pow(2).sum(1).mean() / (2 * h.shape[1])


def margin(c, m):
    k, d = c.shape
    inter = torch.pdist(c).pow(2).sum() / (k * (k - 1)) / d
    return (m - inter).clamp(min=0)


def trick(x, strength):
    return (1 + strength) * x.detach() - strength * x


def believe(shares, share, edge=math.ceil):
    sure, told = shares.max(1)
    believed = torch.zeros(len(shares), dtype=torch.bool)
    for k in range(shares.shape[1]):
        rows = (told == k).nonzero().flatten()
        best = sure[rows].argsort(descending=True)[:edge(share * len(rows))]
        believed[rows[best]] = True
    return believed


def ranked_by(order):
    """Return an answer with the right numbers in every class, of faces in some other order."""
    def answer(shares, share):
        told, believed = shares.argmax(1), torch.zeros(len(shares), dtype=torch.bool)
        for k in range(shares.shape[1]):
            rows = order((told == k).nonzero().flatten(), shares)
            believed[rows[:math.ceil(share * len(rows))]] = True
        return believed
    return answer


def of_all(shares, share):
    believed = torch.zeros(len(shares), dtype=torch.bool)
    believed[shares.max(1).values.argsort(descending=True)[:int(share * len(shares))]] = True
    return believed


def above_the_median(shares, share):
    """At a share of a half, for torch's median is the lower of two: one face too many where n is even."""
    sure, told = shares.max(1)
    edges = torch.stack([sure[told == k].quantile(1 - share, interpolation="lower") for k in range(shares.shape[1])])
    return sure >= edges[told]


def class_by_class(h, y, c):
    return torch.stack([(h[y == k] - c[k]).pow(2).sum(1).mean() for k in range(len(c))]).mean() / 2 / h.shape[1]


def of_the_class_means(h, y, c):
    return torch.stack([(h[y == k].mean(0) - c[k]).square().mean() for k in range(len(c))]).mean() / 2


def by_pairs(c, m):
    """A hinge for each pair, with the whole's scale."""
    return (m - torch.pdist(c).pow(2) / 2 / c.shape[1]).clamp(min=0).mean()


def hooked(x, strength):
    x.register_hook(lambda slope: -strength * slope)
    return x


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        raise ValueError("not yet")


RIGHT = [
    (lesson05.pull, pull), (lesson05.pull, intra),
    (lesson05.margin, margin), (lesson05.margin, margin_penalty),
    (lesson05.reverse, trick), (lesson05.reverse, lambda x, s: trick(x, s).float()), (lesson05.reverse, reverse),
    (lesson05.reverse, lambda x, s: x.detach() - s * (x - x.detach())),
    (lesson05.reverse, lambda x, s: trick(x, s) if s else x.detach()),
    (lesson05.believe, believe), (lesson05.believe, lambda p, s: most_sure(p.log(), s)[1]),
]


def of_columns(shares, share):
    """Choose for each class among all faces, not among those predicted as it."""
    believed, told = torch.zeros(len(shares), dtype=torch.bool), shares.argmax(1)
    for k in range(shares.shape[1]):
        believed[shares[:, k].argsort(descending=True)[:math.ceil(share * (told == k).sum())]] = True
    return believed


WRONG = [
    (lesson05.pull, lambda h, y, c: pull(h, y, c) * h.shape[1], "the width is missing"),
    (lesson05.pull, lambda h, y, c: 2 * pull(h, y, c), "factor of 2"),
    (lesson05.pull, lambda h, y, c: pull(h, y, c) * len(h), "the sum over the faces"),
    (lesson05.pull, class_by_class, "in each class first"),
    (lesson05.pull, lambda h, y, c: torch.cdist(h, c).square().mean() / 2 / 5, "its own class only"),
    (lesson05.pull, lambda h, y, c: (h - c[y]).abs().mean() / 2, "absolute values"),
    (lesson05.pull, lambda h, y, c: pull(h, y, c) * len(h) / len(c), "number of classes"),
    (lesson05.pull, of_the_class_means, "the class means"),
    (lesson05.pull, lambda h, y, c: 3 * pull(h, y, c), "give 11/12"),
    (lesson05.pull, lambda h, y, c: pull(h, y, c).item(), "cannot train"),
    (lesson05.pull, lambda h, y, c: pull(h, y, c.detach()), "no gradient reaches `centres`"),
    (lesson05.pull, lambda h, y, c: pull(h.detach(), y, c), "no gradient reaches `features`"),
    (lesson05.margin, lambda c, m: torch.tensor(max(0.0, margin(c, m).item())), "cannot train"),
    (lesson05.margin, lambda c, m: -margin(c, m), "sign is turned round: it"),
    (lesson05.margin, lambda c, m: (m - margin(c, m) - m).clamp(min=0), "or everything is cut off"),
    (lesson05.margin, lambda c, m: m - 2 * (m - margin(c, m)), "twice the sum"),
    (lesson05.margin, lambda c, m: m - c.shape[1] * (m - margin(c, m)), "width is missing"),
    (lesson05.margin, by_pairs, "pair by pair"),
    (lesson05.margin, lambda c, m: margin(c, m if m > 5 else 5), "written in"),
    (lesson05.margin, lambda c, m: m - torch.pdist(c).pow(2).sum() / (len(c) * (len(c) - 1)) / c.shape[1], "cut"),
    (lesson05.reverse, lambda x, s: -s * x, "values are not those of x"),
    (lesson05.reverse, lambda x, s: x, "with strength 1.0 the gradient is not turned round"),
    (lesson05.reverse, lambda x, s: trick(x, s) if s else x, "with strength 0.0 the gradient is not turned round"),
    (lesson05.reverse, lambda x, s: 2 * x.detach() - x, "strength is not used"),
    (lesson05.reverse, lambda x, s: x.detach(), "no gradient at all"),
    (lesson05.reverse, lambda x, s: torch.no_grad()(trick)(x, s), "made under `no_grad`"),
    (lesson05.reverse, lambda x, s: x.detach().requires_grad_(), "cut off from x"),
    (lesson05.reverse, hooked, "of others who use x"),
    (lesson05.reverse, lambda x, s: Failing.apply(x), "going back, your function stops with ValueError"),
    (lesson05.believe, of_columns, "with share 0.9, some of these faces are predicted as another class"),
    (lesson05.believe, lambda p, s: believe(p, s) & (p.argmax(1) < 7), "not for eight"),
    (lesson05.believe, of_all, "surest of all faces"),
    (lesson05.believe, lambda p, s: p.max(1).values > 0.5, "threshold"),
    (lesson05.believe, ranked_by(lambda rows, p: rows), "but not the faces"),
    (lesson05.believe, ranked_by(lambda rows, p: rows[p.max(1).values[rows].argsort()]), "least sure ones"),
    (lesson05.believe, lambda p, s: believe(p, s, math.floor), "share 0.5, one too few.*round up"),
    (lesson05.believe, lambda p, s: believe(p, s, lambda n: int(n + 0.5)), "share 0.9, one too few.*round up"),
    (lesson05.believe, lambda p, s: believe(p, s, lambda n: int(n) + 1), "share 0.5, one too many"),
    (lesson05.believe, above_the_median, "share 0.5, one too many"),
]


def test_the_last_hint_of_the_margin_leaves_the_cut_to_the_student():
    assert "clamp" not in lesson05.margin.hints[-1] and "* (K - 1)" not in lesson05.margin.hints[-1]
