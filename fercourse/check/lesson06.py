"""Checkers of lesson 06, identity-invariant FER: concordance, retrieval, vCLUB, and what is left beyond the label."""

import torch
import torch.nn.functional as F

from .answers import call, expect, generator, number, require, tensor, trains
from .base import checker


@checker(10, 2, hints=(
    "Formula (6.1) has three parts: twice the covariance above; two variances and a squared gap of the means below.",
    "Means, variances and the covariance all run over the faces, dimension 0, and divide by N.",
    "Begin with `cov = ((guess - guess.mean(0)) * (truth - truth.mean(0))).mean(0)`. By which number does `var` "
    "divide, and by which `mean`?"))
def concordance(answer):
    """Return the CCC of each column of guess and truth, [N, K] each."""
    truth = torch.rand(40, 2, generator=generator(3)).double() * 2 - 1
    guess = 0.5 * truth + 0.3 + 0.2 * torch.randn(40, 2, generator=generator(4)).double()
    found = tensor(call(answer, guess, truth), [2], dtype="float")
    cov = ((guess - guess.mean(0)) * (truth - truth.mean(0))).mean(0)
    one, other, gap = guess.var(0, correction=0), truth.var(0, correction=0), (guess.mean(0) - truth.mean(0)).square()
    over = len(guess) / (len(guess) - 1)
    expect(found, 2 * cov / (one + other + gap), {
        "this is Pearson's correlation: it forgives a wrong scale and a wrong mean, and CCC does not.":
            cov / (one * other).sqrt(),
        "the squared gap between the means is missing below.": 2 * cov / (one + other),
        "the gap between the means is not squared.": 2 * cov / (one + other + gap.sqrt()),
        "the gap between the means is not squared, and can make the sum below smaller.":
            2 * cov / (one + other + truth.mean(0) - guess.mean(0)),
        "the factor 2 is missing: equal columns must give 1.": cov / (one + other + gap),
        "these are standard deviations below; formula (6.1) has variances.":
            2 * cov / (one.sqrt() + other.sqrt() + gap),
        "covariance and variances divide by different numbers: `var` divides by N - 1 unless correction=0.":
            2 * cov / (guess.var(0) + truth.var(0) + gap),
        "covariance and variances divide by N - 1, as `var`, `std`, `cov` do unless told; here all divide by N.":
            2 * cov * over / (guess.var(0) + truth.var(0) + gap),
        "the covariance divides by N - 1, the variances by N; in formula (6.1) all divide by N.":
            2 * cov * over / (one + other + gap),
        "this is 1 - CCC, the loss; return CCC itself.": 1 - 2 * cov / (one + other + gap),
        "the squared gap between the means is taken away below; it is added.": 2 * cov / (one + other - gap),
        "with sums in place of averages, the squared gap between the means must count N times, too.":
            2 * cov / (one + other + gap / len(guess)),
        "one mean stands for both columns; each column has its own: `mean(0)`.": _with_one_mean(guess, truth),
    }, "it is not formula (6.1). By hand: guesses 1 and 3 for truths 0 and 2 give 2/3, whatever a second column holds.")
    trains(answer, guess, truth, learnt={"guess": 0})
    return "a guess of half the right size is punished, which Pearson would not notice"


def _with_one_mean(guess, truth):
    """Return the CCC of each column about the mean of all columns."""
    guess_off, truth_off = guess - guess.mean(), truth - truth.mean()
    below = guess_off.square().mean(0) + truth_off.square().mean(0) + (guess.mean() - truth.mean()).square()
    return 2 * (guess_off * truth_off).mean(0) / below


@checker(10, 1, hints=(
    "Three steps: cosines of faces and sentences, times the scale, softmax over the sentences of one face.",
    "A cosine is the product of two vectors of length 1: `F.normalize(images, dim=1)`, and the same for the texts.",
    "Begin with all cosines at once: one matrix product, faces in its rows and sentences in its columns, [N, K]. "
    "Which dimension are then the sentences of one face?"))
def retrieve(answer):
    """Return the shares [N, K] of K sentences for each of N faces, from vectors of any length and a scale."""
    images, texts = (0.6 * torch.randn(n, 8, generator=generator(s)) for n, s in ((5, 1), (3, 2)))
    found = tensor(call(answer, images, texts, 10.0), [5, 3], dtype="float")
    cosines = F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    expect(found, (10 * cosines).softmax(1).double(), {
        "the vectors are not scaled to length 1: a product of long vectors is no cosine.":
            (10 * images @ texts.T).softmax(1),
        "only the texts are scaled to length 1; the images must be, too.":
            (10 * images @ F.normalize(texts, dim=1).T).softmax(1),
        "only the images are scaled to length 1; the texts must be, too.":
            (10 * F.normalize(images, dim=1) @ texts.T).softmax(1),
        "softmax runs over the faces; for each face the shares of the sentences must have the sum 1.":
            (10 * cosines).softmax(0),
        "the scale is missing: shares of bare cosines are all nearly equal.": cosines.softmax(1),
        "these are the cosines; shares come from a softmax over the sentences.": cosines,
        "these are the scaled cosines; shares come from a softmax over the sentences.": 10 * cosines,
        "this divides by the scale; it multiplies the cosines.": (cosines / 10).softmax(1),
        "this is a hard choice; return the shares, so that a close decision can be seen.":
            F.one_hot(cosines.argmax(1), 3),
    }, "the shares are not those of softmax(scale x cosine). Try one face and two sentences by hand.")
    return "and the best sentence of each face is its argmax, right or wrong"


def _log_q(mean, log_variance, y, power=2):
    """Return log q of all pairs, [N, N], but for terms that do not depend on y."""
    return -0.5 * ((y[None] - mean[:, None]).abs() ** power * (-log_variance).exp()[:, None]).sum(2)


@checker(15, 3, hints=(
    "Two means. The first over faces: how well does q, told x_i, predict the face's own y_i? The second over all "
    "pairs: how well does it predict the y_j of anybody?",
    "For Gaussians log q = -((y - mean)^2 / variance + log variance) / 2, summed over columns. All pairs at once: "
    "`mean[:, None]` against `y[None]`, [N, N, E].",
    "Begin with `apart = (y[None] - mean[:, None])**2`, and make of it one table of log q, [N, N]. Where in that table "
    "are the faces' own pairs?"))
def club(answer):
    """Return vCLUB from a critic's mean and log variance [N, E] and the features y [N, E]."""
    mean, log_variance, y = (torch.randn(7, 2, generator=generator(s)).double() for s in (7, 8, 9))
    y = y + mean
    found = number(call(answer, mean, log_variance, y), "your bound is")
    precision = (-log_variance).exp()[:, None]
    pairs = -0.5 * ((y[None] - mean[:, None]).square() * precision + log_variance[:, None]).sum(2)
    doubled = -((y[None] - mean[:, None]).square() * precision).sum(2)
    squared = -0.5 * ((y[None] - mean[:, None]).square() * precision.square() + log_variance[:, None]).sum(2)
    swapped = -0.5 * ((y[:, None] - mean[None]).square() * precision + log_variance[:, None]).sum(2)
    gap = lambda table: (table.diagonal().mean() - table.mean()).item()              # noqa: E731
    gap_of_mean = -0.5 * ((y.mean(0) - mean).square() * (-log_variance).exp() + log_variance).sum(1)
    others = ~torch.eye(7, dtype=torch.bool)
    expect(found, gap(pairs), {
        "the sign is turned round: own pairs first, all pairs taken away.": -gap(pairs),
        "this is only the mean over own pairs; the mean over all pairs is missing.": pairs.diagonal().mean(),
        "the one half is missing in log q.": gap(doubled),
        "this is the mean over the columns: log q of a face is the sum over its columns.": gap(pairs) / 2,
        "the mean over pairs leaves out a face's own; formula (6.4) takes all pairs.":
            (pairs.diagonal().mean() - pairs[others].mean()).item(),
        "`log_variance` is the logarithm of the variance, not of the standard deviation: divide by its exp once.":
            gap(squared),
        "the variance must come from the same row of the critic as the mean: that of x_i, not of y_j.": gap(swapped),
        "the variance is not used: each squared distance is divided by it.": gap(_log_q(mean, 0 * log_variance, y)),
        "the distances are multiplied with the variance; they are divided by it.": gap(_log_q(mean, -log_variance, y)),
        "`log_variance` is the logarithm of the variance: divide by its exp, not by the root of that.":
            gap(_log_q(mean, log_variance / 2, y)),
        "these are distances; log q has their squares.": gap(_log_q(mean, log_variance, y, power=1)),
        "`log_variance` is the logarithm of the variance: divide by its exp, not by itself.":
            gap(-0.5 * ((y[None] - mean[:, None]).square() / log_variance[:, None] + log_variance[:, None]).sum(2)),
        "one partner for each face, drawn by chance, is only a guess at the mean over all pairs: take all pairs.":
            (pairs.diagonal() - pairs[torch.arange(7), torch.randperm(7, generator=generator(0))]).mean().item(),
        "the second mean is that of log q over all y, not log q of the mean y.":
            (pairs.diagonal().mean() - gap_of_mean.mean()).item(),
        "this is the logarithm of a mean; (6.4) has the mean of logarithms.":
            (pairs.exp().diagonal().mean().log() - pairs.exp().mean().log()).item(),
    }, "it is not formula (6.4). By hand, one column: means 0 and 2, y 0 and 2, and variance 2 (its logarithm is "
       "0.693) for both, give 0.5.")
    below = gap(_log_q(mean, log_variance, -y))
    expect(number(call(answer, mean, log_variance, -y), "your bound is"), below,
           otherwise="right where the bound is above 0, but here it is below 0. Return it as it is; cut nothing off.")
    same = call(answer, torch.ones(5, 2).double(), torch.zeros(5, 2).double(), y[:5])
    require(abs(number(same, "your bound is")) < 1e-6, "a critic that says the same of everybody must give 0.")
    trains(answer, mean, log_variance, y, learnt={"mean": 0, "log_variance": 1, "y": 2})
    return "a critic that ignores x gives 0"


@checker(12, 2, hints=(
    "Fit a straight line from the label to the feature, and keep what the line does not explain.",
    "Put a column of ones beside the label; `torch.linalg.lstsq(A, features).solution` are the best coefficients.",
    "Begin with `A = torch.cat([label, torch.ones_like(label[:, :1])], dim=1)`, of the shape [N, G + 1]. What does A "
    "times the coefficients predict?"))
def beyond(answer):
    """Return the features [N, D] without what a straight line from the label [N, G] predicts of them."""
    label = torch.randn(50, 2, generator=generator(5)).double()
    noise = torch.randn(50, 3, generator=generator(6)).double()
    features = label @ torch.tensor([[1.0, 2, 0], [0, -1, 3]]).double() + noise + 4
    found = tensor(call(answer, features, label), [50, 3], dtype="float")
    ones = torch.cat([label, torch.ones(50, 1).double()], 1)
    fitted, bare = (a @ torch.linalg.lstsq(a, features).solution for a in (ones, label))
    expect(found, features - fitted, {
        "this is what the line predicts; return what is left of the features without it.": fitted,
        "the line goes through the origin: put a column of ones beside the label.": features - bare,
        "only the mean is taken away; fit a line from the label to each feature.": features - features.mean(0),
        "the sign is turned round: features minus prediction.": fitted - features,
        "a constant is left: the line's value where the label is 0 belongs to what it predicts.":
            features - label @ torch.linalg.lstsq(ones, features).solution[:2],
        "the mean is put back; what the line leaves has the mean 0.": features - fitted + features.mean(0),
    }, "it is not what the line leaves: each column must have the mean 0 and be uncorrelated with each of the label.",
           tolerance=1e-3)
    return "what is left is uncorrelated with the label: no straight line tells the label from it, though a curve may"
