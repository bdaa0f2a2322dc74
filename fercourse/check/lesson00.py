"""Checkers of lesson 00: an expression, a vote, noise, neighbours."""

import math

import torch

from ..errors import InputError
from .answers import call, expect, generator, number, require, tensor
from .base import WrongAnswer, checker


@checker(minutes=8, difficulty=1, hints=(
    "Surprise and fear share the lifted inner brows and the wide eyes. Compare their columns in the table above: "
    "which units does only fear use, and which does only surprise use, or use much more?",
    "Start from the units of surprise. Let the outer brows come down part of the way, nearly close the jaw, and leave "
    "the funnel out. Then add one unit for the brows, at about half strength, and one for the mouth, stronger.",
    "Begin with `browInnerUp` and `eyeWide` as in surprise. AU 4 draws the brows together, AU 20 pulls the lips "
    "sideways: what are these two called in the table above, and how strong are they in fear?",
))
def fear(units):
    """A pose that reads as fear by eq. (0.1), with drawn brows: a dict of facial units and weights."""
    strength = _action_units(units)
    require(strength["AU1"] >= 0.4, "the inner ends of the brows hardly rise. Fear lifts them, like surprise.")
    require(strength["AU5"] >= 0.4, "the eyes are not wide open.")
    require(strength["AU12"] <= 0.3, "the corners of the mouth smile.")
    require(strength["AU4"] >= 0.2, "the brows are hardly drawn together. In surprise they go up freely.")
    require(strength["AU20"] >= 0.4, "the corners of the mouth are hardly pulled sideways, as fear does it.")
    require(strength["AU26"] <= 0.6, "the jaw is so wide open that nobody sees the lips stretch. Close it to 0.6.")
    word = _reading(strength)
    require(word == "fear", f"eq. (0.1) reads it as {word}. Which units of the {word} column are strong in your pose, "
                            "though they are weak or missing in the fear column?")
    return "lifted and drawn together above, pulled sideways below."


def _reading(strength):
    """Return the class whose textbook pose has the largest cosine with these action units, eq. (0.1)."""
    from ..synth.units import RECIPES, action_units, expression
    words = [word for word in RECIPES if word != "neutral"]
    textbook = torch.tensor([action_units(expression(word, 1.0)).tolist() for word in words])
    given = torch.tensor(list(strength.values()))
    return words[int(torch.cosine_similarity(given[None], textbook, dim=1).argmax())]


def _action_units(units):
    from ..synth.units import ACTION_UNITS, action_units, both_sides
    if units is None:
        raise WrongAnswer("it is not written yet: it is None.")
    if not isinstance(units, dict) or not all(isinstance(name, str) for name in units):
        raise WrongAnswer(f"a pose is a dict of names and weights, such as {{'jawOpen': 0.5}}, not {units!r:.60}.")
    weights = {name: number(weight, f"the weight of {name} is", 0, 1.5) for name, weight in units.items()}
    try:
        moved = action_units(both_sides(weights)).tolist()               # of float32, in which 0.6 is a little more
        return {name: round(value, 6) for name, value in zip(ACTION_UNITS, moved)}
    except InputError as error:
        raise WrongAnswer(f"{error}.") from None


VOTES = torch.tensor([
    [7, 1, 2, 0, 0, 0, 0],       # clear
    [0, 0, 0, 5, 5, 0, 0],       # two equals
    [1, 0, 1, 0, 0, 4, 3],       # clear once single votes are gone
    [4, 0, 2, 0, 0, 0, 2],       # exactly half
    [0, 5, 0, 1, 0, 4, 0],       # clear once the single vote is gone
    [3, 0, 3, 0, 2, 0, 2],       # nothing near half
    [1, 1, 1, 1, 1, 1, 1],       # single votes only
    [0, 0, 0, 0, 3, 0, 1],       # three of four
])


def _vote(votes, least=2, enough=lambda top, total: 2 * top > total, some=True):
    kept = torch.where(votes >= least, votes, 0)
    top, label = kept.max(1)
    return torch.where(enough(top, kept.sum(1)) & ((top > 0) | (not some)), label, -1)


@checker(minutes=10, difficulty=2, hints=(
    "Three steps, in this order: drop single votes, find the class with most votes, ask whether it has more than half.",
    "`torch.where(votes > 1, votes, 0)` gives new votes without touching the old ones; `.max(1)` gives the most votes "
    "and their class together.",
    "Begin with the votes that count, `kept`, and `top, label = kept.max(1)`. What must `top` be compared with, if not "
    "with ten?",
))
def majority(vote):
    """A function from votes [N, C] to labels [N], -1 where the vote is open."""
    found = tensor(call(vote, VOTES), [len(VOTES)], dtype="int")
    expect(found, _vote(VOTES), {
        "every face gets a label. Some votes are open: they get -1.": VOTES.argmax(1),
        "single votes still count, at least in the total. Drop them first.": _vote(VOTES, least=1),
        "exactly half is not more than half.": _vote(VOTES, enough=lambda top, total: 2 * top >= total),
        "exactly half is not more than half; and where no vote counts, 0 is not more than half of 0.":
            _vote(VOTES, enough=lambda top, total: 2 * top >= total, some=False),
        "where no vote counts, 0 / 0 is NaN, and NaN <= 0.5 is false. Such a face gets no label, either.":
            torch.where((VOTES > 1).any(1), _vote(VOTES), 0),
        "the half is that of ten votes. It should be half of the votes that are left.":
            _vote(VOTES, enough=lambda top, total: top > 5),
        "pairs of votes are dropped, too. Only single ones go.": _vote(VOTES, least=3),
    }, "some labels are not what the rule gives. Try it by hand on votes 4, 3, 1, 1, 1, on votes 5, 5, and on seven "
       "single votes.")
    wide = torch.cat([torch.zeros(len(VOTES), 1, dtype=torch.long), VOTES], 1)
    expect(tensor(call(vote, wide), [len(VOTES)], dtype="int"), _vote(wide),
           otherwise="right for 7 classes, but not for 8. Is their number written in?")
    return "and some faces have no label."


@checker(minutes=10, difficulty=2, hints=(
    "Two draws are needed: which faces change, and what each of them becomes.",
    "`torch.randperm(len(labels))[:count]` draws faces, each at most once. To land on another class, do not draw the "
    "class: draw how many steps to go.",
    "Begin with the faces that change, as in hint 2. Draw 1 to C - 1 steps for each and go round: "
    "`(label + steps) % C`. Into which tensor is that written, so that the given labels stay?",
))
def spoil(noise):
    """A function (labels, rate, classes) that returns labels of which exactly that share is wrong."""
    labels = torch.arange(1400) % 7
    found = _spoilt(noise, labels, 0.3)
    steps = (found - labels) % 7
    wrong = int((steps > 0).sum())
    if 320 <= wrong <= 400:
        raise WrongAnswer(f"{wrong} labels are wrong, expected 420. Either some faces drew their own class again, "
                          "or some faces were drawn twice.")
    if wrong != 420 and 370 <= wrong <= 470:
        raise WrongAnswer(f"{wrong} labels are wrong, expected exactly 420. Draw the faces, not a coin for each.")
    require(wrong == 420, f"{wrong} of 1400 labels are wrong, expected 420 at a rate of 0.3.")
    counts = steps.bincount(minlength=7)[1:]
    require(counts.max() < 420, "every wrong label is the same number of steps away. All other classes are to occur.")
    even = "the other classes are not equally likely."
    require(counts.min() > 35, even)
    many = torch.arange(14000) % 7
    require(((_spoilt(noise, many, 0.3) - many) % 7).bincount(minlength=7)[1:].max() < 850, even)
    changed = (steps > 0).float()
    require(0.2 < changed[:700].mean() < 0.4, "the faces that change are not spread over the set. Draw them.")
    require((_spoilt(noise, labels, 0.0) == labels).all(), "at a rate of 0 some labels change.")
    another_set(noise)
    return "exactly as many as asked, and none by accident."


def _spoilt(noise, labels, rate, classes=7):
    found = tensor(call(noise, labels, rate, classes), [len(labels)], dtype="int")
    require(found.min() >= 0 and found.max() < classes, f"some labels lie outside 0 to {classes - 1}" + (
        "." if classes == 7 else f", though there are {classes} classes. Is another number written in?"))
    return found


def another_set(noise):
    """Try symmetric noise (labels, rate, classes) where no face is of the last class, and rates need rounding."""
    labels, classes = torch.arange(1000) % 4, 5
    for rate in (0.2507, 0.4103):
        found = _spoilt(noise, labels, rate, classes)
        wrong = int((found != labels).sum())
        sentence = (f"right for 7 classes and a rate of 0.3, but with {classes} classes and a rate of {rate}, {wrong} "
                    "of 1,000 labels are wrong")
        if wrong != round(rate * 1000):
            require(wrong not in (250, 411), f"{sentence}. Round to the nearest number of faces, neither down nor up.")
            raise WrongAnswer(f"{sentence}. Is a number written in where `rate` or `classes` belongs?")
        require((found == classes - 1).any(), "no face gets a class that did not occur before. "
                                              "`classes` says how many there are; the labels need not show it.")


def _neighbour_share(points, groups, count, apart=None, itself=False, farthest=False, looked_up=True):
    apart = (torch.cdist(points, points) if apart is None else apart).clone()
    if itself and farthest:
        apart.fill_diagonal_(math.inf)
    if not itself:
        apart.fill_diagonal_(-math.inf if farthest else math.inf)
    rows = apart.topk(count, largest=farthest).indices
    return ((groups[rows] if looked_up else rows) == groups[:, None]).double().mean()


@checker(minutes=12, difficulty=2, hints=(
    "Four steps: all distances, forget the distance of each face to itself, the nearest `count`, compare their groups.",
    "`torch.cdist` gives all distances, `fill_diagonal_` writes into a diagonal, and `topk` finds the extremes of each "
    "row, and where they are: look at its `largest`.",
    "Begin with `apart = torch.cdist(points, points)`. What must stand in its diagonal, so that nobody is their own "
    "neighbour? When the nearest rows are known, whose groups are compared with whose?",
))
def neighbours(share):
    """A function (points, groups, count): how often the nearest faces belong to the same group."""
    points = torch.randn(60, 3, generator=generator(4))
    groups = (points[:, 0] > 0).long() + 2 * (points[:, 1] > 0.5).long()
    found = call(share, points, groups, 5)
    if isinstance(found, torch.Tensor) and found.shape == (60,):
        raise WrongAnswer("there is one number for each face. Take the mean over faces, too.")
    found, truth = number(found, "your function returns"), _neighbour_share(points, groups, 5)
    unit = torch.nn.functional.normalize(points)
    expect(found, truth, {
        "every face counts as its own neighbour. Forget the diagonal.":
            _neighbour_share(points, groups, 5, itself=True),
        "every face counts as its own neighbour, beside the others.":
            _neighbour_share(points, groups, 6, itself=True),
        "these are the farthest faces. Mind `largest` in topk.":
            _neighbour_share(points, groups, 5, farthest=True),
        "these are the farthest faces, and the face itself. Mind `largest` in topk.":
            _neighbour_share(points, groups, 5, farthest=True, itself=True),
        "these are percent. Return the share, from 0 to 1.": 100 * truth,
        "this counts neighbours. Divide by how many there are.": 5 * truth,
        "this is the sum over all faces and neighbours; take the mean.": 300 * truth,
        "these are sums of absolute differences. Take the usual distance, as `torch.cdist` has it.":
            _neighbour_share(points, groups, 5, apart=torch.cdist(points, points, p=1)),
        "you compare numbers of rows with groups. Look the neighbours' groups up, `groups[rows]`.":
            _neighbour_share(points, groups, 5, looked_up=False),
        "these are neighbours by angle. Take the distance.":
            _neighbour_share(points, groups, 5, apart=1 - unit @ unit.T),
    }, "the share is not right. Take one face, write down the groups of its five nearest; how many are the face's own?")
    expect(number(call(share, points, groups, 2), "your function returns"), _neighbour_share(points, groups, 2),
           otherwise="right for 5 neighbours, but not for 2. Is a number written in where `count` belongs?")
    return "no face is its own neighbour."
