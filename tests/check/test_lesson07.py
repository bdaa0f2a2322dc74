"""Answers to lesson 07, right ones and those with the mistakes people make; test_answers tries them."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from fercourse.check import lesson07
from fercourse.evaluate import cka, ranks


def kernels(x, y):
    """Return CKA the long way round: by the likeness of every face with every other."""
    centre = torch.eye(len(x)).to(x) - 1 / len(x)
    one, other = (centre @ (f @ f.T) @ centre for f in (x, y))
    return (one * other).sum() / (one.norm() * other.norm())


def interval(ours, theirs):
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    return (low + high) / 2, (high - low) / 2


def spread(ours, theirs, quantile, **how):
    d = ours - theirs
    return d.mean(), quantile * d.std(**how) / len(d) ** 0.5


def student(ours, theirs, **how):
    return spread(ours, theirs, stats.t.ppf(0.975, len(ours) - 1), **how)


def ascending(scores):
    return scores.argsort(1).double().mean(0)


T5 = stats.t.ppf(0.975, 5)
RIGHT = [
    (lesson07.likeness, cka),
    (lesson07.likeness, kernels),
    (lesson07.gain, interval),
    (lesson07.gain, lambda a, b: list(student(a, b))),
    (lesson07.gain, lambda a, b: torch.stack(student(a, b))),
    (lesson07.likeness, lambda x, y: cka(x, y) * torch.ones(1)),
    (lesson07.mean_ranks, lambda s: ranks(s).mean(0)),
    (lesson07.mean_ranks, lambda s: 1 + (-s).argsort(1).argsort(1).double().mean(0)),
    (lesson07.mean_ranks, lambda s: np.mean([stats.rankdata(-row) for row in s.numpy()], 0).tolist()),
    (lesson07.margin_logits, lambda c, y, m, s: s * (c - m * F.one_hot(y, c.shape[1]))),
    (lesson07.margin_logits, lambda c, y, m, s: s * c.scatter_add(1, y[:, None], torch.full_like(c[:, :1], -m))),
    (lesson07.margin_logits, lambda c, y, m, s: s * c.scatter_add(1, y[:, None], torch.full((len(y), 1), -m))),
    (lesson07.likeness, lambda x, y: cka(*(f - torch.ones(60, 60) @ f / 60 for f in (x, y)))),
    (lesson07.gain, lambda a, b: (torch.dot(torch.ones(len(a)) / len(a), a - b), student(a, b)[1])),
]

def by_spectrum(x, y):
    norm = lambda matrix: torch.linalg.matrix_norm(matrix, 2)                       # noqa: E731
    return norm(x.T @ y) ** 2 / norm(x.T @ x) / norm(y.T @ y)


def uncentred(x, y):
    return (x.T @ y).norm() ** 2 / (x.T @ x).norm() / (y.T @ y).norm()


WRONG = [
    (lesson07.likeness, lambda x, y: (x.T @ y).norm() ** 2 / (x.T @ x).norm() / (y.T @ y).norm(), "not centred"),
    (lesson07.likeness, lambda x, y: cka(x, y) ** 0.5, "root of formula"),
    (lesson07.likeness, lambda x, y: cka(x, y) if x.shape != y.shape else 0.5, "turned and scaled"),
    (lesson07.gain, lambda a, b: spread(a, b, 1.96), "heavier tails"),
    (lesson07.gain, lambda a, b: spread(a, b, 1), "standard error"),
    (lesson07.gain, lambda a, b: student(b, a), "ours minus theirs"),
    (lesson07.gain, lambda a, b: student(a, b, correction=0), "by S - 1"),
    (lesson07.gain, lambda a, b: ((a - b).mean(), T5 * ((a.var() + b.var()) / 6) ** 0.5), "unrelated"),
    (lesson07.gain, lambda a, b: spread(a, b, T5), "written in"),
    (lesson07.gain, lambda a, b: ((a - b).mean(), 2 * student(a, b)[1]), "whole width"),
    (lesson07.gain, lambda a, b: (a - b).mean(), "two values"),
    (lesson07.gain, lambda a, b: stats.ttest_rel(a, b).confidence_interval(), "two ends"),
    (lesson07.gain, lambda a, b: ((a - b).mean(), T5 * (a - b).std() / 5 ** 0.5), "root is that of the number"),
    (lesson07.gain, lambda a, b: ((a - b).mean(), T5 * (a - b).std() / 6), "divide by its root"),
    (lesson07.gain, lambda a, b: ((a - b).mean(), T5 * (a - b).var() / 6 ** 0.5), "of the variance"),
    (lesson07.gain, lambda a, b: spread(a, b, stats.t.ppf(0.025, len(a) - 1)), "which is negative"),
    (lesson07.mean_ranks, lambda s: ranks(-s).mean(0), "turned round"),
    (lesson07.mean_ranks, lambda s: ranks(s).mean(0) - 1, "not at 0"),
    (lesson07.mean_ranks, lambda s: (-s).argsort(1).double().mean(0), "argsort of that"),
    (lesson07.mean_ranks, lambda s: 1 + (-s).argsort(1).double().mean(0), "argsort of the argsort"),
    (lesson07.mean_ranks, ascending, "last, next to last"),
    (lesson07.mean_ranks, lambda s: 1 + ascending(s), "plus 1"),
    (lesson07.mean_ranks, lambda s: ranks(s.T).mean(1), "ranks of the rows"),
    (lesson07.margin_logits, lambda c, y, m, s: s * (c + m * F.one_hot(y, 4)), "is added"),
    (lesson07.margin_logits, lambda c, y, m, s: (s * (c - m * F.one_hot(y, 4))).tolist(), "nothing could be learnt"),
    (lesson07.margin_logits, lambda c, y, m, s: s * (c.detach() - m * F.one_hot(y, 4)), "nothing could be learnt"),
    (lesson07.margin_logits, lambda c, y, m, s: s * c - m * F.one_hot(y, 4), "after the scaling"),
    (lesson07.margin_logits, lambda c, y, m, s: s * (c - m), "every class"),
    (lesson07.margin_logits, lambda c, y, m, s: s * (c - m * F.one_hot(y)), "Not every class occurs here"),
    (lesson07.margin_logits, lambda c, y, m, s: 10 * (c - m * F.one_hot(y, 4)), "written in"),
    (lesson07.likeness, lambda x, y: by_spectrum(x - x.mean(0), y - y.mean(0)), "largest singular"),
    (lesson07.likeness, lambda x, y: uncentred(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)), "each face"),
    (lesson07.likeness, lambda x, y: uncentred(x - x.mean(), y - y.mean()), "of all numbers"),
    (lesson07.margin_logits, lambda c, y, m, s: c - m * F.one_hot(y, 4), "scale is missing"),
]
