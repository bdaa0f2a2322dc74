"""Checkers of lesson 02, contrast: its mask, loss and temperature, what wrong labels do, and what needs no label."""

import math

import torch
import torch.nn.functional as F

from .answers import call, expect, generator, number, require, tensor, told_after, trains, two
from .base import checker


def _made(count=6, classes=3, width=4, seed=0):
    """Return embeddings [2 count, width], labels and faces of two stacked views."""
    draw = generator(seed)
    embeddings = torch.randn(2 * count, width, generator=draw)
    labels = (torch.arange(count) % classes)[torch.randperm(count, generator=draw)]
    return embeddings, labels.repeat(2), torch.arange(10, 10 + count).repeat(2)


def _wsc(labels, faces):
    same = faces[:, None] == faces
    positive = same & ~torch.eye(len(faces), dtype=torch.bool)
    return positive, positive | (labels[:, None] != labels)


def _supcon(labels):
    oneself = torch.eye(len(labels), dtype=torch.bool)
    return (labels[:, None] == labels) & ~oneself, ~oneself


@checker(10, 2, hints=(
    "Two questions for every pair of rows: is it the same face, and is it the same class? Each is one comparison of "
    "a column with a row, such as `x[:, None] == x`.",
    "The same face, but not the very same row, attracts. A row is compared with these, and with the rows of other "
    "classes. Rows of the own class that show other faces are in neither mask.",
    "Begin with the diagonal, `torch.eye(len(faces), dtype=torch.bool)`, and the rows of the same face, "
    "`faces[:, None] == faces`. How do these two make `positive`? And which rows does `kept` hold besides?"))
def masks(answer):
    """Write the two masks of WSC, `positive` and `kept`, boolean [M, M], from labels [M] and faces [M]."""
    _, labels, faces = _made()
    order = torch.tensor([3, 0, 7, 11, 5, 1, 9, 2, 6, 10, 4, 8])
    labels, faces = labels[order], faces[order]
    positive, kept = _two_masks(call(answer, labels, faces), len(labels))
    right, wanted = _wsc(labels, faces)
    alike, oneself = labels[:, None] == labels, torch.eye(len(labels), dtype=torch.bool)
    require(not (positive & oneself).any() and not (kept & oneself).any(),
            "a row is compared with itself. Its cosine is always 1 and teaches nothing: the diagonal is False.")
    require(not torch.equal(positive, alike & ~oneself),
            "these are SupCon's positives: every view of the class attracts. In WSC only the other view does.")
    require(torch.equal(positive, right), "`positive` is off: each row has exactly one, the other view of its face, "
                                          "wherever it stands in the batch.")
    require(not torch.equal(kept, ~oneself),
            "`positive` is right, but `kept` is SimCLR's: other faces of the own class repel. WSC leaves them out.")
    require(not torch.equal(kept, ~alike),
            "`positive` is right, but `kept` lacks the positive itself; it stands in the sum over K of (2.1), too.")
    require(torch.equal(kept, wanted), "`positive` is right, but `kept` is not: it holds the positive and the rows of "
                                       "other classes, nothing else.")
    _, labels, faces = _made(4)
    with told_after("right for 12 rows, but not for 8"):
        found = _two_masks(call(answer, labels, faces), len(labels))
        require(all(map(torch.equal, found, _wsc(labels, faces))), "is a number written in?")
    return "one line of difference to SimCLR, and another to SupCon"


def _two_masks(given, count):
    given = two(given, "your function must return two masks: `return positive, kept`.")
    return (tensor(mask, [count, count], f"`{name}` has", dtype="bool")
            for name, mask in zip(("positive", "kept"), given))


BY_HAND = {
    "wsc": "Take two orthogonal faces of two classes with equal views: by hand, every row costs log(1 + 2 exp(-1/t)).",
    "supcon": "Take four views of one class, two at (1, 0) and two at (0, 1): by hand, every row costs "
              "log(exp(1/t) + 2) - 1/(3t).",
}


@checker(15, 3, hints=(
    "Formula (2.1) has two terms a row: a log of a sum over `kept`, and a mean of similarities over `positive`.",
    "Cosines come from `F.normalize(z, dim=1)`. What must not count in the sum can be set to minus infinity with "
    "`masked_fill(~kept, -torch.inf)`; `logsumexp` then leaves it out and never overflows.",
    "Begin with `s = unit @ unit.T / temperature`. The second term of a row is a sum over its positives; by what is it "
    "divided, and what is done with the rows at the end?"))
def contrast(answer):
    """Write the contrastive loss (2.1) of embeddings [M, D] under two masks, safe for a temperature of 0.001."""
    z, labels, faces = _made(7)                              # classes of three, two and two faces
    for rule, (positive, kept) in (("wsc", _wsc(labels, faces)), ("supcon", _supcon(labels))):
        found = number(call(answer, z, positive, kept, 0.5), "your loss is")
        expect(found, _loss(z, positive, kept, 0.5), _slips(z, positive, kept, 0.5),
               f"it is not (2.1) under the mask of {rule}. {BY_HAND[rule]}")
    with told_after("right under symmetric masks of 14 rows, but not under others of 10 rows"):
        _lopsided(answer)
    _sharp(answer, z, *_wsc(labels, faces))
    trains(answer, z, *_wsc(labels, faces), 0.5, learnt={"z": 0})
    return "and it survives a temperature of 0.001"


def _loss(z, positive, kept, temperature, unit=True):
    z = F.normalize(z.double(), dim=1) if unit else z.double()
    logits = z @ z.T / temperature
    return (logits.masked_fill(~kept, -torch.inf).logsumexp(1) - (logits * positive).sum(1) / positive.sum(1)).mean()


def _slips(z, positive, kept, temperature):
    unit = F.normalize(z.double(), dim=1)
    logits = unit @ unit.T / temperature
    pulled = (logits * positive).sum(1) / positive.sum(1)
    pushed = logits.masked_fill(~(kept & ~positive), -torch.inf).logsumexp(1)
    spread = logits.masked_fill(~kept, -torch.inf).logsumexp(1)
    return {
        "the embeddings are not made to length 1: these are products, not cosines.":
            _loss(z, positive, kept, temperature, unit=False),
        "the temperature is not used: divide every cosine by it.": _loss(z, positive, kept, 1.0),
        "the temperature multiplies; it must divide.": _loss(z, positive, kept, 1 / temperature),
        "the sum runs over the negatives only; the positive belongs into it, so that the loss cannot fall below 0.":
            (pushed - pulled).mean(),
        "one mean runs over all pairs that attract; (2.1) takes a mean for every row and then that of the rows.":
            spread.mean() - logits[positive].mean(),
        "this is the sum over the rows; take their mean.": (spread - pulled).sum(),
        "the sign is turned round: a view that finds its other view must cost little.": (pulled - spread).mean(),
        "the sum runs over all rows, the row itself too; `kept` is not used.": (logits.logsumexp(1) - pulled).mean(),
        **({} if positive.sum(1).max() == 1 else {
            "the positives of a row are added up inside the logarithm; (2.1) takes the mean of their similarities.":
                (spread - logits.masked_fill(~positive, -torch.inf).logsumexp(1)).mean(),
            "the similarities of a row's positives are added up; take their mean.":
                (spread - (logits * positive).sum(1)).mean(),
            "only the first positive of a row counts; (2.1) takes the mean over all of them.":
                F.cross_entropy(logits.masked_fill(~kept, -torch.inf), positive.double().argmax(1))}),
    }


def _lopsided(answer):
    """Try masks of which one row holds fewer views than its column."""
    z, labels, faces = _made(5)                              # classes of two, two and one faces
    positive, kept = _supcon(labels)
    row = (labels == 0).nonzero()[0]
    positive[row, (positive[row] & (faces != faces[row])).nonzero()[0, 1]] = False
    kept[row, (labels != 0).nonzero().flatten()[:3]] = False
    expect(number(call(answer, z, positive, kept, 0.5), "your loss is"), _loss(z, positive, kept, 0.5), {
        "P(i) and K(i) are row i of the masks, not column i: sum along dim=1.": _loss(z, positive.T, kept.T, 0.5),
        "K(i) is row i of `kept`, not column i: sum along dim=1.": _loss(z, positive, kept.T, 0.5),
        "P(i) is row i of `positive`, not column i: sum along dim=1.": _loss(z, positive.T, kept, 0.5),
    }, "is a number written in?")


def _sharp(answer, z, positive, kept):
    z, kept = z.clone(), kept.clone()
    z[0] = -z[positive[0]][0]                                # view 0 is compared with far views alone
    kept[0] &= F.cosine_similarity(z[:1], z) < -0.2
    found = number(call(answer, z, positive, kept, 1e-3), "your loss is", finite=False)
    require(math.isfinite(found),
            "right at a temperature of 0.5, but not finite at 0.001: exp(1000) is too large for a float, exp(-1000) "
            "is 0 in it. Subtract the largest similarity in `kept` first, as `logsumexp` does, leave the others out by "
            "`masked_fill(~kept, -torch.inf)` (infinity times 0 is NaN), and take no logarithm of a share, which may "
            "be 0.")
    expect(found, _loss(z, positive, kept, 1e-3),
           otherwise="right at a temperature of 0.5, but not at 0.001. Is something added inside the logarithm, or "
                     "clamped? Is what `kept` leaves out made a number such as -100? There a cosine of -1 is -1000.")


@checker(8, 2, hints=(
    "By (2.3) a negative pushes with its share of a softmax. Only the negatives share here, not the positive.",
    "The share of negative k is exp(s_k / t) over the sum of all; a smaller t makes the largest cosine win.",
    "Begin with `softmax(0)`, which makes shares of numbers. Of which numbers here, and which one is asked for?"))
def hardest(answer):
    """Return the share of the push that comes from the nearest of the negatives, given their cosines [N]."""
    for temperature, cosines in ((0.1, torch.tensor([0.1, -0.9, 0.7, 0.5, 0.0])),
                                 (1.0, torch.tensor([0.2, 0.7, -0.4, -0.9, 0.1]))):
        shares = (cosines.double() / temperature).softmax(0)
        found = number(call(answer, cosines, temperature), "your share is")
        expect(found, shares.max(), {
            "this is the share of the farthest negative, or of the largest in size; the largest cosine is nearest.":
                shares.min(),
            "this is the share of the first negative; the nearest may stand anywhere.": shares[0],
            "this is the share of the last negative; the nearest may stand anywhere.": shares[-1],
            "the temperature is not used.": cosines.double().softmax(0).max() if temperature != 1 else -1.0,
            "the temperature multiplies; it must divide.":
                (cosines.double() * temperature).softmax(0).max() if temperature != 1 else -1.0,
            "this is its cosine, not a share.": 0.7,
            "this is its cosine over the temperature, not a share.": 0.7 / temperature,
        }, f"at a temperature of {temperature:g} it is not the largest share of a softmax over cosines / temperature.")
    return "the temperature decides whether one neighbour speaks or all"


@checker(12, 2, hints=(
    "Attracted, but truly of another class: a false attraction. Repelled, but truly of the same class: a false "
    "repulsion.",
    "Repelled is what is kept and not positive. Truly alike is `truth[:, None] == truth`; the given labels are "
    "already in the masks.",
    "Begin with `(positive & ~alike).sum()`, the first number. Which rows repel, and which of them should not?"))
def harm(answer):
    """Count false attractions and false repulsions of two masks [M, M], given the true classes [M]."""
    _, labels, faces = _made(8, 3)
    mislabelled = labels.view(2, -1).clone()
    mislabelled[:, [1, 4]] = (mislabelled[:, [1, 4]] + 1) % 3
    mislabelled, oneself = mislabelled.flatten(), torch.eye(len(labels), dtype=torch.bool)
    alike = labels[:, None] == labels
    for positive, kept in (((mislabelled[:, None] == mislabelled) & ~oneself, ~oneself), _wsc(mislabelled, faces)):
        truth = torch.tensor([(positive & ~alike).sum(), (kept & ~positive & alike).sum()])
        found = tensor(call(answer, positive, kept, labels), [2])
        expect(found, truth, {
            "the two are the other way round: attractions first.": truth.flip(0),
            "every pair of rows stands in the mask twice, and both count: do not halve.": truth // 2,
            "you count right pairs: a false attraction is between different true classes.":
                torch.tensor([(positive & alike).sum(), (kept & ~positive & ~alike).sum()]),
            "positives of the same class count as repelled: `kept` holds them, too.":
                torch.tensor([(positive & ~alike).sum(), (kept & alike).sum()]),
            "what is in neither mask does not repel, such as a row and itself.":
                torch.tensor([(positive & ~alike).sum(), (~positive & alike).sum()]),
            "what is in neither mask does not repel: WSC ignores such a pair.":
                torch.tensor([(positive & ~alike).sum(), (~positive & alike & ~oneself).sum()]),
        }, "at least one count is off. Draw a batch of three faces and count by hand.")
    return "a wrong label can make WSC repel a friend; it cannot make it attract a stranger"


@checker(12, 2, hints=(
    "Class shares are a softmax over each row. (2.6) holds both views against the middle of the two, not against each "
    "other, and looks only at faces of which both views name the same class.",
    "A share may be so small that a float makes it 0, and 0 has no logarithm: keep `log_softmax` of both views, p and "
    "q. The log of their middle is `torch.logaddexp(p, q) - math.log(2)`.",
    "Begin with one of the two divergences, `(p.exp() * (p - middle)).sum(1)`, one number a face. What is the other? "
    "Who counts, and by how many is the sum divided, if these may be none?"))
def agree(answer):
    """Write the consistency of two views (2.6) from their logits [B, C]; 0 where no face's views agree."""
    draw = generator(1)
    first, second = 2 * torch.randn(2, 9, 4, generator=draw)
    found = number(call(answer, first, second), "your consistency is")
    losses, same = _divergences(first, second)
    expect(found, losses[same].mean(), _astray(first, second),
           "it is not (2.6). Take one face with the shares (0.8, 0.2) and (0.6, 0.4): their middle is (0.7, 0.3), and "
           "it costs 0.0242.")
    with told_after("right where some faces' views agree, but where none does"):
        given = call(answer, first[:2], first[:2].flip(1))
        require(given is not None, "your function returns None; return 0.")
        nothing = tensor(given, finite=False)
        require(nothing.numel() == 1 and nothing == 0, "it must be 0. Do you divide by their number?")
    quite = torch.tensor([[300.0, -300, 0], [0, 200, -200]])
    require(abs(number(call(answer, quite, quite), "your consistency is", finite=False)) < 1e-6,
            "right, but not for views that are quite sure: equal views cost 0. A share of 0 has no logarithm; work "
            "with `log_softmax`.")
    sure, unsure = torch.tensor([[[200.0, 0, 0], [1, 0, 0]], [[1, 0, 0], [2, 0, 0]]])
    expect(number(call(answer, sure, unsure), "your consistency is"), _divergences(sure, unsure)[0].mean(),
           otherwise="right, but not where one view is quite sure and the other is not: where one share is 0, the "
                     "other view's share still costs something. Work with `log_softmax`.")
    for views, where in (((first, second), ""), ((quite, quite), "where both views are quite sure")):
        trains(answer, *views, learnt={"first": 0, "second": 1}, where=where)
    return "no label was needed, so none can be wrong"


def _divergences(first, second):
    """Return what (2.6) sums of each face, and whether its views agree."""
    p, q = (one.double().log_softmax(1) for one in (first, second))
    return _far(torch.logaddexp(p, q) - math.log(2), p, q), first.argmax(1) == second.argmax(1)


def _far(middle, *views):
    """Return half of how far the views together are from the middle, one number a face; all are log shares."""
    return sum((one.exp() * (one - middle)).sum(1) for one in views) / 2


def _astray(first, second):
    (losses, same), (p, q) = _divergences(first, second), (one.double().log_softmax(1) for one in (first, second))
    middle = torch.logaddexp(p, q) - math.log(2)
    return {
        "every face counts; only those of which both views name the same class should.": losses.mean(),
        "these are the faces whose views disagree.": losses[~same].mean(),
        "this is a sum over the faces; take their mean.": losses[same].sum(),
        "faces that do not agree are left out of the sum, but counted in the mean.": losses[same].sum() / len(losses),
        "the views are held against each other; (2.6) holds each against the middle of both.":
            (_far(q, p) + _far(p, q))[same].mean(),
        "the two divergences are added; (2.6) takes half of their sum.": 2 * losses[same].mean(),
        "it is in bits; (2.6) takes natural logarithms.": losses[same].mean() / math.log(2),
        "the divergences are turned round; (2.6) takes KL(p || m), and `F.kl_div(a, b)` is KL(b || a).":
            (_far(p, middle) + _far(q, middle))[same].mean(),
        "only one of the two views is held against the middle; (2.6) takes both.": 2 * _far(middle, p)[same].mean(),
        "this is a mean over the classes; a divergence is a sum over them.": losses[same].mean() / p.shape[1],
        "the middle is that of the logits; (2.6) takes that of the shares.":
            _far((first + second).double().div(2).log_softmax(1), p, q)[same].mean(),
        "the middle is that of the logarithms; (2.6) takes that of the shares.": _far((p + q) / 2, p, q)[same].mean(),
        "the middle is twice too large: it is half the sum of two shares.":
            _far(middle + math.log(2), p, q)[same].mean(),
    }
