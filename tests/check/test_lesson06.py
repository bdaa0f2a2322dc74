"""Answers to lesson 06, right ones and those with the mistakes people make; test_answers tries them."""

import torch
import torch.nn.functional as F

from fercourse.check import checkers_of, lesson06
from fercourse.losses import concordance as cc
from fercourse.losses import mutual_information as mi


def shares(images, texts, scale):
    return (scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T).softmax(1)


def line(features, label):
    ones = torch.cat([label, torch.ones(len(label), 1).to(label)], 1)
    return features - ones @ torch.linalg.lstsq(ones, features).solution


def all_pairs(mean, log_variance, y):
    apart = (y[None] - mean[:, None]).square() / log_variance.exp()[:, None]
    pairs = -(apart + log_variance[:, None]).sum(2) / 2
    return pairs.diagonal().mean() - pairs.mean()


def by_torch(guess, truth, above=1, below=1):
    """Return CCC with the corrections that torch's own functions take."""
    pairs = [torch.cov(torch.stack(pair), correction=above)[0, 1] for pair in zip(guess.T, truth.T)]
    gap = (guess.mean(0) - truth.mean(0)).square()
    return 2 * torch.stack(pairs) / (guess.var(0, correction=below) + truth.var(0, correction=below) + gap)


def about_one_mean(guess, truth):
    cov = ((guess - guess.mean()) * (truth - truth.mean())).mean(0)
    apart = [(one - one.mean()).square().mean(0) for one in (guess, truth)]
    return 2 * cov / (sum(apart) + (guess.mean() - truth.mean()).square())


def with_gap(guess, truth, times):
    """Return CCC in which the squared gap between the means counts another number of times."""
    covered = ((guess - guess.mean(0)) * (truth - truth.mean(0))).mean(0)
    gap = (guess.mean(0) - truth.mean(0)).square()
    return 2 * covered / (guess.var(0, correction=0) + truth.var(0, correction=0) + times * gap)


def with_variance(mean, log_variance, y, variance):
    pairs = -((y[None] - mean[:, None]).square() / variance[:, None] + log_variance[:, None]).sum(2) / 2
    return pairs.diagonal().mean() - pairs.mean()


def against(mean, log_variance, y, partners):
    """Return the bound with another second mean: of one partner for each face."""
    log_q = lambda y: -((y - mean).square() / log_variance.exp() + log_variance).sum(1).mean() / 2       # noqa: E731
    return log_q(y) - log_q(partners)


RIGHT = [
    (lesson06.retrieve, shares),
    (lesson06.retrieve, lambda i, t, s: (s * F.cosine_similarity(i[:, None], t[None], dim=2)).softmax(-1).tolist()),
    (lesson06.concordance, cc.concordance),
    (lesson06.concordance, lambda g, t: by_torch(g, t, 0, 0)),
    (lesson06.beyond, line),
    (lesson06.beyond, lambda f, y: (f - f.mean(0)) - (y - y.mean(0)) @ torch.linalg.pinv(y - y.mean(0)) @ (
        f - f.mean(0))),
    (lesson06.beyond, lambda f, y: mi.beyond(f, y, ridge=1e-9)),
    (lesson06.club, all_pairs),
    (lesson06.club, mi.vclub),
]

WRONG = [
    (lesson06.retrieve, lambda i, t, s: (s * i @ t.T).softmax(1), "not scaled to length 1"),
    (lesson06.retrieve, lambda i, t, s: (s * F.cosine_similarity(i[:, None], t[None], dim=2)).softmax(0),
     "over the faces"),
    (lesson06.retrieve, lambda i, t, s: shares(i, t, 1), "scale is missing"),
    (lesson06.retrieve, lambda i, t, s: (s * F.normalize(i, dim=1) @ t.T).softmax(1), "only the images"),
    (lesson06.retrieve, lambda i, t, s: (s * i @ F.normalize(t, dim=1).T).softmax(1), "only the texts"),
    (lesson06.retrieve, lambda i, t, s: F.one_hot(shares(i, t, s).argmax(1), len(t)), "hard choice"),
    (lesson06.concordance, cc.correlation, "Pearson"),
    (lesson06.concordance, lambda g, t: cc.concordance(g - g.mean(0), t - t.mean(0)), "gap between the means"),
    (lesson06.concordance, lambda g, t: 1 - cc.concordance(g, t), "the loss"),
    (lesson06.concordance, lambda g, t: by_torch(g, t), "covariance and variances divide by N - 1"),
    (lesson06.concordance, lambda g, t: by_torch(g, t, below=0), "the covariance divides by N - 1, the variances by N"),
    (lesson06.concordance, lambda g, t: by_torch(g, t, above=0), "divide by different numbers"),
    (lesson06.concordance, about_one_mean, "each column has its own"),
    (lesson06.concordance, lambda g, t: with_gap(g, t, -1), "taken away below"),
    (lesson06.concordance, lambda g, t: with_gap(g, t, 1 / len(g)), "must count N times"),
    (lesson06.concordance, lambda g, t: with_gap(g, t, 2), "give 2/3"),
    (lesson06.concordance, lambda g, t: cc.concordance(g.detach(), t), "cannot train"),
    (lesson06.club, lambda m, v, y: with_variance(m, v, y, v), "not by itself"),
    (lesson06.club, lambda m, v, y: against(m, v, y, y[torch.randperm(len(y))]), "take all pairs"),
    (lesson06.club, lambda m, v, y: against(m, v, y, y.mean(0)), "log q of the mean y"),
    (lesson06.club, lambda m, v, y: 2 * with_variance(m, v, y, 3 * v.exp()), "give 0.5"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v, y).item(), "cannot train"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v.detach(), y), "no gradient reaches `log_variance`"),
    (lesson06.beyond, lambda f, y: f - y @ torch.linalg.lstsq(y, f).solution, "column of ones"),
    (lesson06.beyond, lambda f, y: f - line(f, y), "what is left"),
    (lesson06.beyond, lambda f, y: f - f.mean(0), "only the mean"),
    (lesson06.club, lambda m, v, y: -all_pairs(m, v, y), "sign is turned round"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v / 3, y), "not formula"),
    (lesson06.club, lambda m, v, y: all_pairs(m, 0 * v, y), "variance is not used"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v / 2, y), "not by the root"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v, y).clamp(min=0), "cut nothing off"),
    (lesson06.beyond, lambda f, y: line(f, y) + f.mean(0), "put back"),
    (lesson06.beyond, lambda f, y: f - (y - y.mean(0)) @ torch.linalg.lstsq(y - y.mean(0), f).solution, "put back"),
    (lesson06.club, lambda m, v, y: all_pairs(m, 2 * v, y), "not of the standard deviation"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v, y) / m.shape[1], "mean over the columns"),
    (lesson06.club, lambda m, v, y: all_pairs(m, v, y) if len(m) == 7 else 0.1, "says the same of everybody"),
]


def test_the_exercises_stand_in_the_order_of_the_lesson():
    assert [one.name for one in checkers_of(lesson06)] == ["concordance", "retrieve", "club", "beyond"]
