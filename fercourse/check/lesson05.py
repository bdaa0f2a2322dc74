"""Checkers of lesson 05, two domains: pull and margin of class centres, a gradient turned round, whom to believe."""

import math

import torch

from .answers import call, expect, generator, number, require, tensor, told_after, trains
from .base import WrongAnswer, checker


def _made(count=9, classes=3, width=5, seed=0):
    """Return features, labels and centres; every class occurs."""
    draw = generator(seed)
    features = torch.randn(count, width, generator=draw)
    labels = (torch.arange(count) % classes)[torch.randperm(count, generator=draw)]
    return features, labels, torch.randn(classes, width, generator=draw)


@checker(8, 1, hints=(
    "Formula (5.1) wants one centre for every face: the one of its class. Labels can be used as rows of a matrix.",
    "`centres[labels]` has the shape of `features`. Take the squared distance of each row, a sum over its columns.",
    "Begin with `distance = (features - centres[labels]).pow(2).sum(1)`, one number a face. Which numbers of (5.1) is "
    "their sum divided by, and which one of ours?"))
def pull(answer):
    """Write the intra-class term (5.1), divided by the width, of features [B, D], labels [B] and centres [K, D]."""
    h, y, c = _made(13)                                      # classes of five, four and four faces
    found = number(call(answer, h, y, c), "your term is")
    squared = (h - c[y]).double().square().sum(1)
    expect(found, squared.mean() / 2 / 5, {
        "the width is missing: divide by D, so that wide features do not count for more.": squared.mean() / 2,
        "a factor of 2 is missing: formula (5.1) has 1 / (2 B).": squared.mean() / 5,
        "factor and width are missing: divide by 2 B D.": squared.mean(),
        "this is the sum over the faces; divide by their number, too.": squared.sum() / 2 / 5,
        "these are distances; the formula wants their squares.": squared.sqrt().mean() / 2 / 5,
        "these are absolute values; the formula wants squares.": (h - c[y]).abs().sum(1).mean() / 2 / 5,
        "the sum over the faces is divided by the number of classes; divide it by the number of faces.":
            squared.sum() / 3 / 2 / 5,
        "these are the squared distances of the class means; (5.1) has those of the faces.":
            torch.stack([(h[y == k].mean(0) - c[k]).square().sum() for k in range(3)]).mean() / 2 / 5,
        "a mean is taken in each class first; (5.1) has one mean over all faces.":
            torch.stack([squared[y == k].mean() for k in range(3)]).mean() / 2 / 5,
        "every face is compared with every centre; it has to do with the centre of its own class only.":
            torch.cdist(h.double(), c.double()).square().mean() / 2 / 5,
    }, "it is not (5.1). By hand: faces at (1, 1, 0) and (3, 0, 0), of one class with its centre at 0, give 11/12.")
    at_home = number(call(answer, c[y].clone(), y, c), "your term is")
    expect(at_home, 0.0, otherwise="where every face lies on its centre, the term must be 0.")
    trains(answer, h, y, c, learnt={"features": 0, "centres": 2})
    return "and 0 where every face lies on its centre"


@checker(12, 2, hints=(
    "Two steps: `inter`, how far apart the centres are, counts every pair once; the penalty is what is missing to the "
    "margin, and never negative.",
    "`torch.pdist(centres)` has the distance of each pair once. The formula squares them, adds them up and divides by "
    "K (K - 1), and we divide by the width.",
    "Begin with `apart = torch.pdist(centres).pow(2).sum()`; two divisions make it `inter`. What is missing to the "
    "margin, and what if nothing is?"))
def margin(answer):
    """Write the margin penalty (5.2) of centres [K, D], with `inter` divided by the width."""
    for count, width, wanted in ((3, 5, 25.0), (7, 4, 20.0)):
        centres = _made(count=count, classes=count, width=width, seed=count)[2]
        squares = torch.pdist(centres.double()).square()
        inter = squares.sum() / (count * (count - 1)) / width
        found = number(call(answer, centres, wanted), "your penalty is")
        expect(found, wanted - inter, {
            "the sign is turned round: it must be large where the centres lie together.": inter - wanted,
            "the sign is turned round, or everything is cut off: centres that lie together must cost much.": 0.0,
            "the width is missing: divide by D.": wanted - inter * width,
            "the whole penalty is divided by D; divide `inter` alone, the margin stays as it is.":
                (wanted - inter * width) / width,
            "this is twice the sum: it runs over i < j, and is divided by K (K - 1), twice the number of such pairs.":
                wanted - 2 * inter,
            "these are distances; the formula wants their squares.":
                wanted - squares.sqrt().sum() / (count * (count - 1)) / width,
        }, "it is not (5.2). Random centres from N(0, 1) have an `inter` of about 1, at any width.")
    halves = squares / 2 / width
    some = number(call(answer, centres, float(halves.mean()) + 0.2), "your penalty is")
    expect(some, 0.2, {
        "the penalty is cut off pair by pair; in (5.2) only the whole is, once.":
            (halves.mean() + 0.2 - halves).clamp(min=0).mean(),
    }, "right for a large margin, but not for a small one. Is a number written in?")
    far = number(call(answer, 100 * centres, 5.0), "your penalty is")
    expect(far, 0.0, otherwise="centres that are far enough apart must cost nothing: cut the penalty off at 0.")
    trains(answer, centres, 20.0, learnt={"centres": 0})
    return "and nothing is left to push once the margin is reached"


@checker(15, 3, hints=(
    "The value must be that of x, the slope another one. `detach()` gives a value without any slope: put two such "
    "pieces together.",
    "Take first the piece that has the right slope, whatever its value. Then add something without a slope that "
    "repairs the value.",
    "Begin with `-strength * x`: its slope is right. What is missing to the value of x, and how does it come without a "
    "slope?"))
def reverse(answer):
    """Write gradient reversal: the values of x [B, D]; the gradient times minus strength. Use x and x.detach() only."""
    for strength in (1.0, 0.3, 0.0):
        x = torch.randn(4, 3, generator=generator(2), dtype=torch.float64).requires_grad_()
        with torch.enable_grad():
            turned = call(answer, x, strength, may_change=True)
        if not isinstance(turned, torch.Tensor):
            raise WrongAnswer(f"your function returns {type(turned).__name__}; expected a tensor.")
        require(turned.shape == x.shape and torch.allclose(turned.cpu().double(), x),
                f"with strength {strength} the values are not those of x: going forward, nothing may change.")
        if strength == 0 and not turned.requires_grad:       # no gradient is one of 0
            continue
        require(turned.requires_grad, "the result has no gradient at all: was everything detached, rebuilt by "
                                      "`torch.tensor`, or made under `no_grad`?")
        x, plain = x.detach(), _slope(turned, x)
        expect(plain, 1 - strength * 2 * x, {
            f"with strength {strength} the gradient is not turned round: it is that of x itself.": 1 + 2 * x,
            "the gradient is scaled by the strength, but not turned round.": 1 + strength * 2 * x,
            "the gradient is turned round, but the strength is not used.": 1 - 2 * x,
            "the result is cut off from x: nothing comes back. `requires_grad_()` starts anew, it mends nothing.":
                torch.ones_like(x),
            "every gradient that reaches x is turned, also of others who use x. Only what comes through your result "
            "may be.": -strength * (1 + 2 * x),
        }, f"with strength {strength} the gradient is not minus {strength} times the plain one.")
    return "the same going forward, the opposite going back"


def _slope(turned, x):
    """Return the gradient of x where somebody uses the turned copy, 2 x without turning, and somebody x itself: 1."""
    try:
        return torch.autograd.grad(turned.cpu().double().square().sum() + x.sum(), x)[0]
    except Exception as error:
        raise WrongAnswer(f"going back, your function stops with {type(error).__name__}: {error}") from None


@checker(12, 2, hints=(
    "Work class by class: of the faces **told** class k, take the surest ones. The sets are different for each class.",
    "`sure, told = shares.max(1)`. For a class, `rows = (told == k).nonzero().flatten()`; `sure[rows].argsort(...)` "
    "sorts them.",
    "Begin with `believed = torch.zeros(len(shares), dtype=torch.bool)`, and go through the classes. Which rows become "
    "True, how many are they, and what if a class is told of nobody?"))
def believe(answer):
    """Write class-balanced selection: of the faces told each class, believe the surest share, rounded up; bool [N]."""
    drawn = torch.randn(60, 4, generator=generator(5)).double()
    for sureness in (3, 1):                                  # in the second case one class is told of nobody
        shares = (sureness * drawn + torch.tensor([2.0, 0, 0, -2])).softmax(1)
        for share in (0.5, 0.9):
            _believed(tensor(call(answer, shares, share), [60], dtype="bool"), shares, share)
    shares = torch.randn(60, 8, generator=generator(6)).double().softmax(1)
    with told_after("right for four classes, but not for eight (is a number written in?)"):
        _believed(tensor(call(answer, shares, 0.5), [60], dtype="bool"), shares, 0.5)
    return "no class is crowded out"


def _believed(found, shares, share):
    """Judge who is believed at one share: bool [N], of class shares [N, K]."""
    sure, told = shares.max(1)
    right, wrong_end, of_all, of_column = (torch.zeros_like(found) for _ in range(4))
    for word in told.unique():
        rows = (told == word).nonzero().flatten()
        best, count = rows[sure[rows].argsort(descending=True)], math.ceil(share * len(rows))
        right[best[:count]] = True
        wrong_end[best.flip(0)[:count]] = True
        of_column[shares[:, word].argsort(descending=True)[:count]] = True
    of_all[sure.argsort(descending=True)[:round(share * len(sure))]] = True
    if torch.equal(found, right):
        return
    require(not torch.equal(found, of_column),
            f"with share {share}, some of these faces are predicted as another class. Choose a class's faces only "
            "among those that are predicted as it.")
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
    raise WrongAnswer("the numbers are right, but not the faces: take the surest of each class, those with the largest "
                      "share of the class they are told.")
