"""Checkers of lesson 07, the comparison: likeness of features, paired gains, ranks, and a margin."""

import torch
import torch.nn.functional as F

from .answers import all_classes, call, expect, generator, number, require, tensor, two
from .base import checker


@checker(12, 2, hints=(
    "Centre both features first: take away the mean over the faces, dimension 0.",
    "Three products: x'y, x'x and y'y, of widths D x E, D x D, E x E. `torch.linalg.norm` of a matrix is Frobenius's.",
    "Begin with `x, y = x - x.mean(0), y - y.mean(0)`. Then read formula (7.1): which of the three norms is squared?"))
def likeness(answer):
    """Return the linear CKA of two features [N, D] and [N, E] of the same faces, formula (7.1)."""
    x = torch.randn(60, 4, generator=generator(1)).double() + 2
    y = torch.cat([x[:, :2] * 3, torch.randn(60, 3, generator=generator(11)).double() - 1], 1)
    found = number(call(answer, x, y), "your likeness is")
    one, other = x - x.mean(0), y - y.mean(0)
    shared, below = (one.T @ other).square().sum(), (one.T @ one).norm() * (other.T @ other).norm()
    expect(found, shared / below, {
        "the features are not centred: take away the mean of each column, over the faces.": _alike(x, y),
        "the norm above is not squared.": shared.sqrt() / below,
        "both norms below are of the first feature; the second is that of Y'Y.": shared / (one.T @ one).norm().square(),
        "the norm of Y'Y is missing below.": shared / (one.T @ one).norm(),
        "the norms below are squared; they are not in formula (7.1).": shared / below.square(),
        "this is the root of formula (7.1).": (shared / below).sqrt(),
        "these are the largest singular values; the norms of (7.1) are Frobenius's.":
            torch.linalg.norm(one.T @ other, 2) ** 2 / torch.linalg.norm(one.T @ one, 2)
            / torch.linalg.norm(other.T @ other, 2),
        "the mean of each face is taken away; take the mean of each column, over the faces.":
            _alike(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)),
        "one mean of all numbers is taken away; every column has its own.": _alike(x - x.mean(), y - y.mean()),
        "the columns are divided by their spread; they are only centred in (7.1).":
            _alike(one / one.std(0), other / other.std(0)),
    }, "it is not formula (7.1). Features compared with themselves must give 1.")
    turn = torch.linalg.qr(torch.randn(4, 4, generator=generator(3)).double())[0]
    same = number(call(answer, x, 5 * x @ turn), "your likeness is")
    require(abs(same - 1) < 1e-4, "features that are only turned and scaled must give 1.")
    return "turning and scaling a feature changes nothing, and widths may differ"


def _alike(x, y):
    return (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())


@checker(12, 2, hints=(
    "Subtract seed by seed first; everything else is done with the differences.",
    "The standard error is the standard deviation of the differences (S - 1 below) over the root of their number.",
    "Begin with `d = ours - theirs`. Half the width is a quantile of Student's t, `t.ppf(share, degrees)`, times the "
    "standard error: which share leaves 2.5 % above it, and how many degrees of freedom have S differences?"))
def gain(answer):
    """Return the mean paired difference of two methods over seeds, and half the width of its 95 % interval."""
    from scipy.stats import t
    theirs = torch.tensor([0.61, 0.70, 0.66, 0.74, 0.63, 0.69]).double()
    ours = theirs + torch.tensor([0.02, 0.05, 0.03, 0.01, 0.04, -0.01]).double()
    mean, half = _mean_and_half(answer, ours, theirs)
    gap, count = ours - theirs, len(ours)
    error, quantile = gap.std() / count ** 0.5, float(t.ppf(0.975, count - 1))
    expect(mean, gap.mean(), {
        "the sign is turned round: ours minus theirs.": -gap.mean(),
        "these are the two ends of the interval. Return its middle, the mean, and half its width.":
            gap.mean() - quantile * error,
    }, "the first value is not the mean of the differences.")
    apart = ((ours.var() + theirs.var()) / count).sqrt()
    expect(half, quantile * error, {
        "1.96 is for hundreds of seeds; with few, Student's t has heavier tails. How many degrees of freedom has it?":
            1.96 * error,
        "this takes the two methods' seeds for unrelated: use the spread of the differences.": quantile * apart,
        "this takes the two methods' seeds for unrelated, with 2 S - 2 degrees of freedom: use the spread of the "
        "differences.":
            float(t.ppf(0.975, 2 * count - 2)) * apart,
        "the root of the number of seeds is missing.": quantile * gap.std(),
        "the root is that of the number of seeds. Only the standard deviation and the degrees of freedom have S - 1.":
            quantile * gap.std() / (count - 1) ** 0.5,
        "this divides by the number of seeds; divide by its root.": quantile * gap.std() / count,
        "this is made of the variance; take its root, the standard deviation.": quantile * gap.var() / count ** 0.5,
        "the quantile is that of 2.5 %, which is negative: 0.975 has 2.5 % above it.": -quantile * error,
        "this is the standard error; multiply it by the quantile of Student's t.": error,
        "the standard deviation divides by S; with few seeds by S - 1.":
            quantile * gap.std(correction=0) / count ** 0.5,
        "this is the whole width; return half of it.": 2 * quantile * error,
        "the quantile is one-sided: 0.975 leaves 2.5 % on each side.": float(t.ppf(0.95, count - 1)) * error,
        "Student's t has S - 1 degrees of freedom here.": float(t.ppf(0.975, count)) * error,
    }, "the second value is not half the width of a 95 % interval of Student's t.")
    _, half = _mean_and_half(answer, ours[:3], theirs[:3])
    expect(half, float(t.ppf(0.975, 2)) * gap[:3].std() / 3 ** 0.5,
           otherwise="right for six seeds, but not for three. Is a number written in?")
    return "paired: what a seed gives to both methods drops out"


def _mean_and_half(answer, ours, theirs):
    given = two(call(answer, ours, theirs), "return two values: the mean and half the width.")
    return [number(value, f"the {place} value is") for place, value in zip(("first", "second"), given)]


@checker(10, 2, hints=(
    "A method's rank in a row is one more than the number of methods that are better there.",
    "Compare every method with every other at once: `scores[:, :, None] < scores[:, None, :]` is [N, K, K].",
    "Begin with one row: entry (k, l) of `scores[0, :, None] < scores[0, None, :]` says whether l beats k. What does a "
    "sum along l count?"))
def mean_ranks(answer):
    """Return the mean rank [K] of each method over the rows of scores [N, K]; the highest score has rank 1."""
    scores = torch.rand(9, 5, generator=generator(4)).double()
    found = tensor(call(answer, scores), [5], dtype="float")
    rank = 1.0 + (scores[:, :, None] < scores[:, None, :]).sum(2)
    down = 1.0 + (scores[:, :, None] > scores[:, None, :]).sum(2)
    over = 1.0 + (scores[:, None] < scores[None]).sum(1)
    order, rising = (scores.argsort(1, descending=turned).double().mean(0) for turned in (True, False))
    no_ranks = "`argsort` tells which is last, next to last, …; the rank of a method is the argsort of that plus 1"
    expect(found, rank.mean(0), {
        "the order is turned round: rank 1 is the highest score.": down.mean(0),
        "ranks begin at 1, not at 0.": (rank - 1).mean(0),
        "ranks begin at 1, and rank 1 is the highest score.": (down - 1).mean(0),
        "these are ranks of the rows; rank the methods of each row.": over.mean(0),
        "`argsort` tells which method is first, second, …; the rank of a method is the argsort of that plus 1.": order,
        f"{no_ranks}, and the highest score has rank 1.": rising,
        f"{no_ranks}; without it, 1 added makes no rank. And the highest score has rank 1.": rising + 1,
        "adding 1 to `argsort` makes no ranks of it: that needs the argsort of the argsort.": order + 1,
    }, "the ranks are not right. Try one row of three scores by hand.")
    return "whatever the size of a gap, a rank only says who was before whom"


@checker(10, 2, hints=(
    "Only one entry of each row changes: that of the face's own class.",
    "`F.one_hot(labels, cosines.shape[1])` is 1 there and 0 elsewhere.",
    "Begin with the margin: times the one-hot rows, it is 0 wherever nothing changes. Does formula (7.2) scale before "
    "or after it is taken away?"))
def margin_logits(answer):
    """Return logits [B, C] with a margin, formula (7.2), from cosines, labels, margin and scale."""
    cosines = torch.rand(6, 4, generator=generator(5)).double() * 2 - 1
    labels = torch.tensor([0, 3, 1, 2, 2, 0])
    found = tensor(call(answer, cosines, labels, 0.3, 10.0), [6, 4], dtype="float")
    own = F.one_hot(labels, 4).double()
    expect(found, 10 * (cosines - 0.3 * own), {
        "the margin is added: training would then be content before the face is right.": 10 * (cosines + 0.3 * own),
        "the margin is taken from every class; then it changes nothing at all.": 10 * (cosines - 0.3),
        "the margin is taken from the other classes; it makes the task easier, not harder.":
            10 * (cosines - 0.3 * (1 - own)),
        "the margin is taken after the scaling, so it is ten times too small here.": 10 * cosines - 0.3 * own,
        "the scale is missing: a softmax of bare cosines can never be sure.": cosines - 0.3 * own,
        "the margin is missing.": 10 * cosines,
        "only a face's own class is left; the others stay as they are, times the scale.":
            10 * (cosines - 0.3) * own,
    }, "it is not formula (7.2). Cosines 0.5 and 0.2, class 0, a margin of 0.3 and a scale of 10 give logits 2 and 2.")
    found = call(answer, cosines.float().requires_grad_(), labels, 0.3, 10.0)
    require(isinstance(found, torch.Tensor) and found.requires_grad,
            "the numbers are right, but nothing could be learnt from them: training goes back from the logits to the "
            "cosines. Stay with operations on tensors, without lists, numpy and `detach`.")
    labels = torch.tensor([0, 1, 2, 2, 1, 0])                # nobody is of the last class
    with all_classes():
        found = tensor(call(answer, cosines, labels, 0.1, 30.0), [6, 4], dtype="float")
    expect(found, 30 * (cosines - 0.1 * F.one_hot(labels, 4)),
           otherwise="right for one margin and one scale, but not for others. Is a number written in?")
    return "margin 0 is a softmax over cosines"
