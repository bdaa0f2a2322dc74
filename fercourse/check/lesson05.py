"""Checkers of lesson 05, two domains: pull and margin of class centres, a gradient turned round, whom to believe."""

import math

import torch

from .answers import call, expect, number, require, tensor
from .base import WrongAnswer, checker


def _made(count=9, classes=3, width=5, seed=0):
    """Return features, labels and centres; every class occurs."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(count, width, generator=generator)
    labels = (torch.arange(count) % classes)[torch.randperm(count, generator=generator)]
    return features, labels, torch.randn(classes, width, generator=generator)


@checker(8, 1, hints=(
    "Formula (5.1) wants one centre for every face: the one of its class. Labels can be used as rows of a matrix.",
    "`centres[labels]` has the shape of `features`. Take the squared distance of each row, a sum over its columns.",
    "Begin with `distance = (features - centres[labels]).pow(2).sum(1)`; three divisions are left: by 2, by the number "
    "of faces, by the width."))
def pull(answer):
    """Write the intra-class term (5.1), divided by the width, of features [B, D], labels [B] and centres [K, D]."""
    h, y, c = _made()
    found = number(call(answer, h, y, c), "your term is")
    squared = (h - c[y]).double().square().sum(1)
    expect(found, squared.mean() / 2 / 5, {
        "the width is missing: divide by D, so that wide features do not count for more.": squared.mean() / 2,
        "a factor of 2 is missing: formula (5.1) has 1 / (2 B).": squared.mean() / 5,
        "factor and width are missing: divide by 2 B D.": squared.mean(),
        "this is the sum over the faces; divide by their number, too.": squared.sum() / 2 / 5,
        "these are distances; the formula wants their squares.": squared.sqrt().mean() / 2 / 5,
        "every face is compared with every centre; it has to do with the centre of its own class only.":
            torch.cdist(h.double(), c.double()).square().mean() / 2 / 5,
    }, "it is not (5.1). By hand: one face at (1, 0), its centre at (0, 0), width 2, gives 1/4.")
    at_home = number(call(answer, c[y].clone(), y, c), "your term is")
    expect(at_home, 0.0, otherwise="where every face lies on its centre, the term must be 0.")
    return "and 0 where every face lies on its centre"


@checker(12, 2, hints=(
    "Two steps: `inter`, how far apart the centres are, counts every pair once; the penalty is what is missing to the "
    "margin, and never negative.",
    "`torch.pdist(centres)` has the distance of each pair once. The formula squares them, adds them up and divides by "
    "K (K - 1), and we divide by the width.",
    "Begin with `apart = torch.pdist(centres).pow(2).sum()`; two divisions make it `inter`. What is missing to the "
    "margin, and what if nothing is?"))
def margin(answer):
    """Write the margin penalty (5.2), divided by the width, of centres [K, D]."""
    for count, width in ((3, 5), (7, 4)):
        centres = _made(count=count, classes=count, width=width, seed=count)[2]
        squares = torch.pdist(centres.double()).square()
        inter = squares.sum() / (count * (count - 1)) / width
        found = number(call(answer, centres, 5.0), "your penalty is")
        expect(found, 5 - inter, {
            "the sign is turned round: it must be large where the centres lie together.": inter - 5,
            "the width is missing: divide by D.": max(5 - inter * width, torch.tensor(0.0)),
            "each pair counts twice: the sum runs over i < j.": 5 - 2 * inter,
            "this divides by the number of pairs; the formula by K (K - 1), which is twice that.":
                5 - squares.mean() / width,
            "these are distances; the formula wants their squares.":
                5 - squares.sqrt().sum() / (count * (count - 1)) / width,
        }, "it is not (5.2). Random centres from N(0, 1) have an `inter` of about 1, at any width.")
    far = number(call(answer, 100 * centres, 5.0), "your penalty is")
    expect(far, 0.0, otherwise="centres that are far enough apart must cost nothing: cut the penalty off at 0.")
    return "and nothing is left to push once the margin is reached"


@checker(15, 3, hints=(
    "The value must be that of x, the slope another one. `detach()` gives a value without any slope: put two such "
    "pieces together.",
    "`-strength * x` has the right slope and the wrong value. Add something without a slope that repairs the value.",
    "What is missing to x after `-strength * x` is `(1 + strength) * x`. Where does the `detach()` go?"))
def reverse(answer):
    """Write gradient reversal: the values of x [B, D]; the gradient times minus strength. Use x and x.detach() only."""
    for strength in (1.0, 0.3, 0.0):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
        turned = call(answer, x, strength, may_change=True)
        if not isinstance(turned, torch.Tensor):
            raise WrongAnswer(f"your function returns {type(turned).__name__}; expected a tensor.")
        require(turned.shape == x.shape and torch.allclose(turned, x),
                f"with strength {strength} the values are not those of x: going forward, nothing may change.")
        require(turned.requires_grad, "the result has no gradient at all: `detach()` stands around everything.")
        (slope,) = torch.autograd.grad((turned**2).sum(), x)
        expect(slope, -strength * 2 * x.detach(), {
            "the gradient is not turned round: it is that of x itself.": 2 * x.detach(),
            "the gradient is scaled by the strength, but not turned round.": strength * 2 * x.detach(),
            "the gradient is turned round, but the strength is not used.": -2 * x.detach(),
        }, f"with strength {strength} the gradient is not minus {strength} times the plain one.")
    return "the same going forward, the opposite going back"


@checker(12, 2, hints=(
    "Work class by class: of the faces **told** class k, take the surest ones. The sets are different for each class.",
    "`sure, told = shares.max(1)`. For a class, `rows = (told == k).nonzero().flatten()`; `sure[rows].argsort(...)` "
    "sorts them.",
    "How many: `math.ceil(share * len(rows))`. Begin with `believed = torch.zeros(len(shares), dtype=torch.bool)` and "
    "set the chosen rows of every class to True."))
def believe(answer):
    """Write class-balanced selection: of the faces told each class, believe the surest share, rounded up; bool [N]."""
    shares = (3 * torch.randn(60, 4, generator=torch.Generator().manual_seed(5)) + torch.tensor([2.0, 0, 0, -2])
              ).double().softmax(1)
    for share in (0.5, 0.9):
        _believed(tensor(call(answer, shares, share), [60], dtype="bool"), shares, share)
    return "no class is crowded out"


def _believed(found, shares, share):
    """Judge who is believed at one share: bool [N], of class shares [N, K]."""
    sure, told = shares.max(1)
    right, wrong_end, of_all = (torch.zeros_like(found) for _ in range(3))
    for word in told.unique():
        rows = (told == word).nonzero().flatten()
        best, count = rows[sure[rows].argsort(descending=True)], math.ceil(share * len(rows))
        right[best[:count]] = True
        wrong_end[best.flip(0)[:count]] = True
    of_all[sure.argsort(descending=True)[:round(share * len(sure))]] = True
    require(not torch.equal(found, of_all),
            "these are the surest of all faces: easy classes take the places of difficult ones. Choose in each class.")
    require(not torch.equal(found, sure > share), "this is a threshold on the share; here it is a rank in each class.")
    require(not torch.equal(found, wrong_end), "these are the least sure ones: sort from large to small.")
    more = torch.stack([(found & (told == k)).sum() - (right & (told == k)).sum() for k in range(shares.shape[1])])
    require((more.abs() <= 1).all(), "some class has too many or too few: of n faces told a class, share x n.")
    require((more >= 0).all(), f"with share {share}, one too few in some class: round up, whatever is left over, so "
                               "that a class that is told of one face keeps it.")
    require((more <= 0).all(), f"with share {share}, one too many in some class: where share x n is whole, that many. "
                               "Round up; do not add one.")
    require(torch.equal(found, right), "the numbers are right, but not the faces: take the surest of each class.")
