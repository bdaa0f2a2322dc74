"""Checkers of lesson 01, the baseline: its loss, its score of each class, its neighbours, and wrong labels."""

import math

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from .answers import all_classes, call, expect, generator, number, require, tensor, told_after, trains
from .base import checker
from .lesson00 import another_set


@checker(10, 2, hints=(
    "Formula (1.3) has two parts: the logit of the true class, and the logarithm of a sum over all classes.",
    "Subtract the largest logit of each row from that row first: nothing changes in formula (1.2), and no "
    "exponential can overflow. `torch.logsumexp` does the same for you.",
    "Begin with the true logits, `logits[torch.arange(len(labels)), labels]`, one a face. From what are they taken "
    "away, and what becomes of the faces at the end?"))
def cross_entropy(answer):
    """Write the mean cross-entropy of logits [B, C] and labels [B], safe for logits of any size."""
    logits = 3 * torch.randn(6, 7, generator=generator(1))
    labels = torch.randint(0, 7, (6,), generator=generator(2))
    with all_classes():
        found = number(call(answer, logits, labels), "your loss is")
    losses = F.cross_entropy(logits, labels, reduction="none")
    shares = logits.softmax(1).gather(1, labels[:, None])[:, 0]
    expect(found, losses.mean().item(), {
        "this is the sum over the faces; a loss that does not grow with the batch is their mean.": losses.sum(),
        "the sign is turned round: a right and certain face must cost nothing, a wrong one much.": -losses.mean(),
        "this is the mean probability of the true class; the logarithm is missing.": shares.mean(),
        "this is 1 minus the probability of the true class; formula (1.3) takes its logarithm.": 1 - shares.mean(),
        "take the logarithm of each face's probability first, then the mean.": -shares.mean().log(),
        "softmax is applied twice: the logits are turned into probabilities before a function that does so itself.":
            F.cross_entropy(logits.softmax(1), labels),
        "the shares are taken over the faces; those of one face, along dimension 1, sum to 1.":
            F.nll_loss(logits.log_softmax(0), labels),
        "`logits[:, labels]` is a table of every face's logit for everybody's class; each face has one true logit.":
            (logits.logsumexp(1)[:, None] - logits[:, labels]).mean(),
        "the largest logit is taken away inside the sum only; take it from the true logit, too.":
            (losses - logits.max(1).values).mean(),
        "this is only minus the logit of the true class; in (1.3) stands the logarithm of a sum over all classes, too.":
            -logits.gather(1, labels[:, None]).mean(),
    }, "it is not the mean of formula (1.3). Try three faces, two classes and logits of 0: it must be log 2.")
    _safe(answer)
    with _Ready() as ready:
        call(answer, logits, labels)
    require(not ready.used, f"the number is right, but your function calls `{ready.used}`, and this task does without "
                            "it. Write formula (1.3) yourself.")
    trains(answer, logits, labels, learnt={"logits": 0})
    return "and it stays finite for logits in the thousands, as `F.cross_entropy` does"


class _Ready(TorchFunctionMode):
    """Note in `used` which function of torch that does the whole task is called inside the `with` block."""

    used = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "").removeprefix("special_")
        if name in ("cross_entropy", "log_softmax"):
            self.used = name
        return func(*args, **(kwargs or {}))


def _safe(answer):
    """Try logits whose exponentials overflow, or all vanish; their loss is known by hand: 0, and the gap of 2,000."""
    logits = torch.tensor([[1000.0, -1000.0], [-1000.0, -3000.0]])
    with told_after("right for 7 classes, but not for 2 (is their number written in?)"):
        found = call(answer, logits, torch.tensor([0, 1]))
    found = number(found, "your loss is", finite=False)
    require(math.isfinite(found),
            "right on small logits, but logits of 1,000 and -1,000 give NaN or infinity: exp(1000) is too large for a "
            "float, and exp(-1000) is 0 in it. Take the largest logit of each row away first, and take no logarithm of "
            "a share, which may be 0: use the right side of (1.3).")
    expect(found, 1000.0, otherwise="right on small logits, but not on logits of 1,000. "
                                    "Is something added inside the logarithm, or clamped?")


@checker(8, 1, hints=(
    "Recall looks at the faces that truly belong to a class, and asks how many of them were found.",
    "For class c: among the rows where `labels == c`, which share has `predicted == c`?",
    "Begin with one class: `predicted[labels == 0]` is what was said about the faces that truly are of class 0. Which "
    "share of it is 0? Then do so for every class, and make one tensor of the shares."))
def recalls(answer):
    """Return the recall of each of `count` classes, [count], from predictions [N] and labels [N]."""
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
    predicted = torch.tensor([0, 0, 0, 1, 1, 0, 2, 0, 0, 1])
    with all_classes():
        found = tensor(call(answer, predicted, labels, 3), [3], dtype="float")
    expect(found, torch.tensor([0.75, 0.5, 0.25]), {
        "this is precision: it asks which predictions are right. Divide by the number of faces truly of the class.":
            torch.tensor([3 / 6, 1 / 3, 1.0]),
        "these are counts; divide each by the number of faces of its class.": torch.tensor([3.0, 1.0, 1.0]),
        "you divide by the number of all faces; divide by the number of faces of the class.":
            torch.tensor([0.3, 0.1, 0.1]),
        "you divide by the number of right predictions; divide by the number of faces of the class.":
            torch.tensor([0.6, 0.2, 0.2]),
    }, "at least one class is off. Take class 0 alone, and count by hand.")
    labels, predicted = torch.tensor([0, 1, 1, 2, 3, 3]), torch.tensor([0, 1, 0, 2, 2, 0])
    with all_classes():
        found = tensor(call(answer, predicted, labels, 4), [4], dtype="float",
                       what="right for 3 classes, but for 4 your function returns")
    expect(found, torch.tensor([1, 0.5, 1, 0]),
           otherwise="right for 3 classes, but not for 4, of which one is never predicted. Is `count` used?")
    return "their mean counts a rare class as much as a common one"


@checker(12, 2, hints=(
    "Cosine similarity is the product of two vectors of length 1; `F.normalize(x, dim=1)` makes them so.",
    "One product of two matrices holds all similarities, [M, N]; `topk` finds the largest of each row, and where they "
    "are; `torch.mode` tells the most frequent of several numbers.",
    "Begin with the similarities, faces that are asked about in rows, and the rows of the training faces most alike. "
    "What are then the votes, [M, count], and along which dimension are they counted?"))
def neighbours(answer):
    """Predict each test face [M] by the majority of its `count` nearest training faces, by cosine."""
    train, labels, test, direction = _cone()
    found = tensor(call(answer, train, labels, test, 3), [len(test)], dtype="int")
    expect(found, torch.tensor(direction), {
        "the neighbours are those of the largest plain product; scale all vectors to length 1 first.":
            _voted(train @ test.T, labels),
        "the neighbours are the nearest by distance; scale all vectors to length 1 first.":
            _voted(-torch.cdist(train, test), labels),
        "only the single nearest neighbour decides; let `count` of them vote.":
            _voted(F.normalize(train, dim=1) @ F.normalize(test, dim=1).T, labels, 1),
        "these are the neighbours least alike; take the largest similarities.":
            _voted(-F.normalize(train, dim=1) @ F.normalize(test, dim=1).T, labels),
        "these are numbers of rows, not classes: look the neighbours' classes up, `labels[rows]`.":
            _voted(F.normalize(train, dim=1) @ F.normalize(test, dim=1).T, torch.arange(len(labels))),
    }, "at least one face is given the wrong class. Are the votes those of its own neighbours?")
    _split_votes(answer)
    _outvoted(answer)
    _crowd(answer)
    return "no training at all: the embedding does the work"


def _split_votes(answer):
    """Try five neighbours who disagree: in neither test face do three of them, or an average, give the majority."""
    turns, labels = torch.tensor([0, 1, 2, 3, 4, 30, 31, 32, 33, 34]) / 20, torch.tensor([2, 2, 0, 0, 0, 3, 1, 0, 2, 0])
    train, test = (torch.stack([angle.cos(), angle.sin()], 1) for angle in (turns, torch.tensor([0.0, 1.5])))
    found = tensor(call(answer, train, labels, test, 5), [2], dtype="int")
    votes, averages = labels.view(2, 5), "these are averages of class numbers, but classes have no order: count votes."
    expect(found, torch.tensor([0, 0]), {
        "you let another number of neighbours vote than `count`.": labels.view(2, 5)[:, :3].mode(1).values,
        averages: votes.float().mean(1).round(), averages + " The median is one, too.": votes.median(1).values,
    }, "right for three neighbours, but not where five of them disagree. Which class has most of the votes?")


def _outvoted(answer):
    """Try a near face against two of another class beyond a right angle: votes weighted by cosine would let it win."""
    angles, labels = torch.tensor([0.02, 1.7, -1.7, 3.1]), torch.tensor([1, 0, 0, 2])
    train, test = (torch.stack([turn.cos(), turn.sin()], 1) for turn in (angles, torch.tensor([0.0, 0.04])))
    found = tensor(call(answer, train, labels, test, 3), [2], dtype="int")
    expect(found, torch.tensor([0, 0]), {
        "a nearer neighbour's vote counts more in yours. Each of the `count` has one vote: two that agree outvote a "
        "third, however near it is.": torch.tensor([1, 1])},
        "right where the neighbours are near, but not where one is near and two are far. Which class has most votes?")


def _crowd(answer):
    """Try faces all around of which one neighbour more, fewer or left out would change some; ties are not asked."""
    draw = generator(21)
    train, test = (torch.randn(count, 4, generator=draw) for count in (60, 12))
    labels = torch.randint(0, 4, (60,), generator=draw)
    alike = F.normalize(train, dim=1) @ F.normalize(test, dim=1).T
    for count in (3, 5):
        votes = F.one_hot(labels[alike.topk(count, dim=0).indices], 4).sum(0).topk(2, dim=1).values
        asked = votes[:, 0] > votes[:, 1]
        found = tensor(call(answer, train, labels, test[asked], count), [int(asked.sum())], dtype="int")
        ranked = labels[alike[:, asked].topk(count + 1, dim=0).indices]
        expect(found, ranked[:count].mode(0).values, {
            "the nearest face is left out, but nobody asked about is a training face: all neighbours are others.":
                ranked[1:].mode(0).values,
            "one neighbour more than `count` votes.": ranked.mode(0).values,
            "one neighbour fewer than `count` votes.": ranked[:count - 1].mode(0).values,
        }, f"right for a few faces, but not among many with {count} neighbours. Do just these vote, and does the most "
           "frequent class win?")


def _cone():
    """Return vectors whose direction gives the class and whose length misleads, and the right answer."""
    angles = torch.tensor([0.0, 0.10, 0.20, 1.0, 1.1, 1.2, 2.0, 2.1, 2.2, 0.02, 1.02])
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 1, 2])           # the last two are wrong neighbours
    length = torch.tensor([1, 1, 1, 6, 6, 6, 2.5, 2.5, 2.5, 1, 6])
    train = length[:, None] * torch.stack([angles.cos(), angles.sin()], 1)
    asked = torch.tensor([0.03, 1.03, 2.05, 0.15])
    test = torch.tensor([4.0, 0.5, 1.0, 5.0])[:, None] * torch.stack([asked.cos(), asked.sin()], 1)
    return train, labels, test, [0, 1, 2, 0]


def _voted(similarity, labels, count=3):
    return labels[similarity.topk(count, dim=0).indices].mode(0).values


@checker(12, 2, hints=(
    "Two draws: which faces get a wrong label, and which wrong label each of them gets.",
    "An exact number of faces comes from `torch.randperm(len(labels), generator=g)[:round(rate * len(labels))]`.",
    "Begin with `g = torch.Generator().manual_seed(seed)`: the faces come from it. A step of 1 to classes - 1, modulo "
    "`classes`, reaches every class but the face's own. How many steps are drawn, and from which generator?"))
def wrong_labels(answer):
    """Return labels of which exactly round(rate * N) are another class, drawn uniformly; the seed decides."""
    labels = torch.arange(7).repeat(300)
    noisy = tensor(call(answer, labels, 7, 0.3, 0), [2100], dtype="int")
    require(((noisy >= 0) & (noisy < 7)).all(), "some labels are not between 0 and classes - 1; "
                                                "take the sum modulo `classes`.")
    _exact(noisy, labels)
    again = tensor(call(_elsewhere(answer), labels, 7, 0.3, 0), [2100], dtype="int")
    require(torch.equal(noisy, again), "the same seed gives other labels the second time; draw everything from "
                                       "`torch.Generator().manual_seed(seed)`.")
    other = tensor(call(answer, labels, 7, 0.3, 1), [2100], dtype="int")
    require(not torch.equal(noisy, other), "another seed gives the same labels; is the seed used?")
    _even(noisy, labels)
    require(not torch.equal(noisy != labels, other != labels),
            "another seed changes the same faces; the seed decides these, too: draw from one generator.")
    steps = _steps(noisy, labels)                            # dealt out evenly, they are the same for every seed
    require(steps.max() - steps.min() <= 1 or not torch.equal(steps, _steps(other, labels)),
            "with another seed just as many labels go 1, 2, … 6 classes further as before: draw these steps from the "
            "seed's generator, too.")
    clean = tensor(call(answer, labels, 7, 0.0, 0), [2100], dtype="int")
    require(torch.equal(clean, labels), "at rate 0 every label must stay as it is.")
    another_set(lambda labels, rate, classes: answer(labels, classes, rate, 0))
    return "630 of 2,100 labels are wrong, neither more nor fewer"


def _elsewhere(answer):
    """Return the same function, begun at another place of torch's own random numbers; `call` always starts at one."""
    def begun(*inputs):
        torch.default_generator.manual_seed(1)
        return answer(*inputs)
    return begun


def _exact(noisy, labels):
    """Require 630 wrong labels of 2,100; drawing among all classes, or faces with replacement, gives about 540."""
    wrong = int((noisy != labels).sum())
    if 500 <= wrong < 590:
        hint = ("about a seventh too few. Either the new label is sometimes the old one (draw among the other classes "
                "only), or some faces are drawn twice.")
    else:
        hint = ("the number varies when every face is decided on its own; choose exactly round(rate * N) faces."
                if 560 <= wrong <= 700 else "the number of changed faces is round(rate * N).")
    require(wrong == 630, f"{wrong} of 2,100 labels are wrong at rate 0.3; expected 630: {hint}")


def _steps(noisy, labels):
    """Return how often a wrong label is 1, 2, … 6 classes further than the right one."""
    return ((noisy - labels) % 7).bincount(minlength=7)[1:]


def _even(noisy, labels):
    """Require every class and every step from old to new label about equally often."""
    changed = noisy != labels
    steps = _steps(noisy, labels)
    require(steps.min() > 60 and steps.max() < 146, "some classes are hardly ever, or too often, chosen as the "
                                                    "wrong label; draw uniformly among all the other classes.")
    places, classes = changed.view(7, 300).sum(1), labels[changed].bincount(minlength=7)
    require(min(places.min(), classes.min()) > 45,
            "the wrong labels lie together in one part of the set, or in some classes; choose faces at random.")
