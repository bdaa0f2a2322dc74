"""Answers to lesson 03, right ones and those with the mistakes people make; test_answers tries them."""

import math

import torch
import torch.nn.functional as F

from fercourse.check import lesson03
from fercourse.losses.masked_image import masked_l1
from fercourse.pacing import thresholds


def error(rebuilt, images, hidden):
    return (rebuilt - images).abs()[hidden.expand_as(images)].mean()


def easy(losses, labels, shares, whole=round):
    found = torch.zeros(len(losses), dtype=torch.bool)
    for c, share in enumerate(shares):
        rows = (labels == c).nonzero().flatten()
        found[rows[losses[rows].argsort()[:whole(float(share) * len(rows))]]] = True
    return found


def by_quantile(losses, labels, shares, below=torch.le):
    limits = torch.stack([losses[labels == c].quantile(shares[c]) for c in range(len(shares))])
    return below(losses, limits[labels]) & (shares[labels] > 0)


def by_sorting(losses, labels, shares, place=lambda count: count - 1, below=torch.le):
    """Return the faces below the loss at a place of their class; right but for the count of 0."""
    found = torch.zeros(len(losses), dtype=torch.bool)
    for c in range(len(shares)):
        rows = labels == c
        count = round(float(shares[c]) * int(rows.sum()))
        found |= rows & below(losses, losses[rows].sort().values[place(count)])
    return found


def by_ranks(losses, labels, shares):
    found = torch.zeros(len(losses), dtype=torch.bool)
    for c, share in enumerate(shares):
        found[labels == c] = losses[labels == c].argsort().argsort() < (share * (labels == c).sum()).round()
    return found


def counted_once(hard, faces, labels, classes, count):
    cosines, rows = (F.normalize(hard, dim=1) @ F.normalize(faces, dim=1).T).clamp(min=0).topk(count, dim=1)
    shares = torch.zeros(len(hard), classes)
    for i in range(len(hard)):
        shares[i, labels[rows[i]]] += cosines[i]
    return shares / shares.sum(1, keepdim=True)


def sums(hard, faces, labels, classes, count):
    cosines, rows = (F.normalize(hard, dim=1) @ F.normalize(faces, dim=1).T).topk(count, dim=1)
    return (F.one_hot(labels[rows], classes) * cosines.clamp(min=0)[:, :, None]).sum(1)


def added_to_zeros(hard, faces, labels, classes, count):
    """Right only where every class has an easy face."""
    shares = torch.zeros(len(hard), classes)
    shares += vote(hard, faces, labels, int(labels.max()) + 1, count)
    return shares


def vote(hard, faces, labels, classes, count):
    cosines, rows = (F.normalize(hard, dim=1) @ F.normalize(faces, dim=1).T).topk(count, dim=1)
    ballots = (F.one_hot(labels[rows], classes) * cosines.clamp(min=0)[:, :, None]).sum(1)
    return ballots / ballots.sum(1, keepdim=True)


def loop(hard, faces, labels, classes, count):
    shares = torch.zeros(len(hard), classes)
    for i, face in enumerate(hard):
        cosines = torch.cosine_similarity(face[None], faces)
        for j in cosines.argsort(descending=True)[:count]:
            shares[i, labels[j]] += cosines[j].clamp(min=0)
    return shares / shares.sum(1, keepdim=True)


RIGHT = [
    (lesson03.masked_error, error),
    (lesson03.masked_error, masked_l1),
    (lesson03.easy_faces, easy),
    (lesson03.easy_faces, by_ranks),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s).tolist()),
    (lesson03.easy_faces, lambda x, y, s: x <= thresholds(x, y, s)[y]),
    (lesson03.vote, vote),
    (lesson03.vote, loop),
    (lesson03.noise_found, lambda f, w: ((f & w).sum() / f.sum(), (f & w).sum() / w.sum())),
    (lesson03.noise_found, lambda f, w: [w[f].float().mean(), f[w].float().mean()]),
]


def unweighted(hard, faces, labels, classes, count):
    rows = (F.normalize(hard, dim=1) @ F.normalize(faces, dim=1).T).topk(count, dim=1).indices
    return F.one_hot(labels[rows], classes).float().mean(1)


def unscaled(hard, faces, labels, classes, count):
    weights, rows = (hard @ faces.T).topk(count, dim=1)
    ballots = (F.one_hot(labels[rows], classes) * weights.clamp(min=0)[:, :, None]).sum(1)
    return ballots / ballots.sum(1, keepdim=True)


def cut_off_late(hard, faces, labels, classes, count):
    cosines, rows = (F.normalize(hard, dim=1) @ F.normalize(faces, dim=1).T).topk(count, dim=1)
    ballots = (F.one_hot(labels[rows], classes) * cosines[:, :, None]).sum(1).clamp(min=0)
    return ballots / ballots.sum(1, keepdim=True)


WRONG = [
    (lesson03.masked_error, lambda r, x, h: (r - x).abs().mean(), "all pixels; those"),
    (lesson03.masked_error, lambda r, x, h: error(r, x, ~h), "turn the mask"),
    (lesson03.masked_error, lambda r, x, h: ((r - x).abs() * h).mean(), "divide by all"),
    (lesson03.masked_error, lambda r, x, h: ((r - x).abs() * h).sum() / h.sum(), "three colours"),
    (lesson03.masked_error, lambda r, x, h: (r - x).square()[h.expand_as(x)].mean(), "squared"),
    (lesson03.masked_error, lambda r, x, h: torch.stack([error(*one) for one in zip(r, x, h)]).mean(), "has one vote"),
    (lesson03.easy_faces, by_quantile, "0.58: a quantile is not a count"),
    (lesson03.easy_faces, lambda x, y, s: by_sorting(x, y, s, lambda k: k, torch.lt), "0.58: your function stops"),
    (lesson03.easy_faces, by_sorting, "may be easy: all are. If the"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s[:3]), "the fourth class has no easy face"),
    (lesson03.vote, counted_once, "two neighbours of one class count once"),
    (lesson03.vote, lambda *a: sums(*a) / a[-1], "must add up to 1"),
    (lesson03.vote, sums, "must add up to 1"),
    (lesson03.vote, added_to_zeros, "right for 3 classes.*not for 5 classes.*your function stops with RuntimeError"),
    (lesson03.easy_faces, lambda x, y, s: x <= x.quantile(s.mean()), "one threshold"),
    (lesson03.easy_faces, lambda x, y, s: ~easy(x, y, s), "hard faces"),
    (lesson03.easy_faces, lambda x, y, s: easy(-x, y, s), "largest losses"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s.mean().expand(3)), "same share"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s).long(), "expected bool"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s.clamp(min=0.1)), "share of 0"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s, math.floor), "round down"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s, math.ceil), "round up"),
    (lesson03.easy_faces, lambda x, y, s: by_quantile(x, y, s, torch.lt), "too many or too few"),
    (lesson03.easy_faces, lambda x, y, s: easy(x, y, s, lambda n: len(x) // 4), "too many or too few"),
    (lesson03.vote, unweighted, "counts alike"),
    (lesson03.vote, unscaled, "length 1"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, c, len(e)), "all easy faces"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, c, k).argmax(1), "shape"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, c, 1), "not those of formula"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, int(y.max()) + 1, k), "but not for 5"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, c, 4), "another number of neighbours"),
    (lesson03.vote, lambda h, e, y, c, k: vote(h, e, y, c, k if k > 3 else 2), "3 neighbours: is a number"),
    (lesson03.vote, cut_off_late, "before they are added"),
    (lesson03.noise_found, lambda f, w: [(f & ~w).sum() / f.sum(), f[w].float().mean()], "not of those that are right"),
    (lesson03.noise_found, lambda f, w: [w[f].float().mean(), (f & w).sum() / (~f).sum()], "nobody flagged"),
    (lesson03.noise_found, lambda f, w: [3 / 5, 3 / 7], "written in"),
    (lesson03.noise_found, lambda f, w: [f[w].float().mean(), w[f].float().mean()], "other way round"),
    (lesson03.noise_found, lambda f, w: [(f & w).float().mean()] * 2, "all faces"),
    (lesson03.noise_found, lambda f, w: [(f == w).float().mean(), f[w].float().mean()], "accuracy"),
    (lesson03.noise_found, lambda f, w: f.sum(), "shape"),
]
