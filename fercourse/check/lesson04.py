"""Checkers of lesson 04, HNCL: points from heatmaps, faces laid on a mean, the queue, and the neighbours' loss."""

import math

import torch
import torch.nn.functional as F

from .answers import call, expect, generator, number, require, tensor, trains
from .base import WrongAnswer, checker


def _heat():
    """Return heatmaps [2, 3, 6, 8] with the sum 1; not square, so that rows and columns cannot be mistaken."""
    heat = torch.rand(2, 3, 6, 8, generator=generator(1)) ** 4
    heat[0, 0] = 0
    heat[0, 0, 4, 1] = 1
    return heat / heat.sum((2, 3), keepdim=True)


def _mean_place(heat, swap=False, corner=0.5):
    across, down = (torch.arange(float(side)) + corner for side in (heat.shape[3], heat.shape[2]))
    pair = [heat.sum(2) @ across, heat.sum(3) @ down]
    return torch.stack(pair[::-1] if swap else pair, 2)


@checker(10, 1, hints=(
    "A heatmap says how likely the point is in each cell. You want the mean place, so every cell votes with its heat.",
    "Sum the rows away first: `heat.sum(2)` is [N, L, W], how likely each column is. Then weigh the columns' places.",
    "Begin with the middles of the columns, `torch.arange(W) + 0.5`. Which are those of the rows? And along which "
    "dimension are x and y stacked, so that [N, L, 2] comes out?"))
def centre(answer):
    """Return the mean place (x, y) of heatmaps [N, L, H, W], each with the sum 1, in cells: [N, L, 2]."""
    heat = _heat()
    found = tensor(call(answer, heat), [2, 3, 2], dtype="float")
    peak = heat.flatten(2).argmax(2)
    expect(found, _mean_place(heat), {
        "x and y are swapped: x counts columns, y counts rows.": _mean_place(heat, swap=True),
        "everything is half a cell too far to the upper left: a cell's middle is half a cell from its edge.":
            _mean_place(heat, corner=0),
        "these are the hottest cells. The mean place uses all of them, and falls between cells.":
            torch.stack([peak % 8 + 0.5, peak // 8 + 0.5], 2).float(),
        "these are the hottest cells, and their edges at that. Take the mean over all cells, at their middles.":
            torch.stack([peak % 8, peak // 8], 2).float(),
        "these are shares of the sides; cells are wanted.":
            _mean_place(heat) / torch.tensor([8, 6]),
    }, "the places are not the means. A heatmap with all its heat in row 4, column 1 must give (1.5, 4.5).")
    return "between cells, so that a coarse heatmap gives a fine point"


def _similar(shape, mean, turn=True, size=True, shift=True):
    """Lay shapes [N, L, 2] on a mean by least squares, without one of the three if asked."""
    x, m = _without_centres(shape, mean)
    factor = (x.conj() * m).sum(1, keepdim=True) / x.abs().square().sum(1, keepdim=True)
    factor = factor if size else factor / factor.abs()
    factor = factor if turn else factor.abs()
    return torch.view_as_real(factor * x) + (mean.mean(0) if shift else 0)


def _without_centres(shape, mean):
    """Return shapes [N, L] and mean [L] as complex numbers about 0."""
    return [torch.view_as_complex((v - v.mean(-2, keepdim=True)).double().contiguous()) for v in (shape, mean)]


def _faces():
    """Return a mean [12, 2] away from 0 and shapes [5, 12, 2]: other place, size, roll, and a little expression."""
    mean = torch.randn(12, 2, generator=generator(2)) + torch.tensor([3.0, 1.0])
    angle = torch.linspace(-1.2, 1.0, 5)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], 1), torch.stack([angle.sin(), angle.cos()], 1)], 1)
    shape = (mean + 0.1 * torch.randn(5, 12, 2, generator=generator(3))) @ turn
    shape[4, :, 0] *= -1                                                 # no turn lays a mirror image on the mean
    return mean, shape * torch.linspace(0.5, 3, 5)[:, None, None] + torch.randn(5, 1, 2, generator=generator(4))


@checker(15, 2, hints=(
    "Do it in two parts: take both centres away, then find the one turn and size that bring shape and mean together.",
    "In the plane, a turn with a size is one complex number: `torch.view_as_complex` reads [N, L, 2] as [N, L].",
    "Begin with x, the shapes less their centres, as complex numbers, and m likewise. For real numbers the best factor "
    "is sum(x * m) / sum(x^2) over a face's points. For complex ones x^2 becomes |x|^2, and one of x and m in the "
    "product is conjugated: which one? And what is added at the end?"))
def lay_on(answer):
    """Lay shapes [N, L, 2] on a mean [L, 2] by the best shift, size and turn (least squares): [N, L, 2]."""
    mean, shape = _faces()
    found = tensor(call(answer, shape, mean), [5, 12, 2], dtype="float")
    right = _similar(shape, mean)
    x, m = _without_centres(shape, mean)
    over, square = lambda z: z.sum(1, keepdim=True), x.abs().square().sum(1, keepdim=True)
    laid = lambda factor, x=x: torch.view_as_real(factor * x) + mean.mean(0)         # noqa: E731
    unturned, size = over(x.conj() * m), m.abs().square().sum()
    by_norms = unturned / unturned.abs() * size.sqrt() / square.sqrt()
    left, sizes, turned = torch.linalg.svd(torch.view_as_real(x).mT @ torch.view_as_real(m))
    mirrored = (sizes.sum(1) / square[:, 0])[:, None, None] * torch.view_as_real(x) @ left @ turned
    raw, raw_mean = (torch.view_as_complex(v.double().contiguous()) for v in (shape, mean))
    raw_laid = torch.view_as_real(over(raw.conj() * raw_mean) / over(raw.abs().square()) * raw)
    ones = torch.cat([shape, torch.ones(5, 12, 1)], 2).double()
    sheared = ones @ torch.linalg.lstsq(ones, mean.double().expand(5, -1, -1)).solution
    expect(found, right, {
        "place and size are right, but the faces still roll. The factor must turn, too.":
            _similar(shape, mean, turn=False),
        "place and roll are right, but the faces keep their size.": _similar(shape, mean, size=False),
        "the faces lie about 0. Add the centre of the mean at the end.": _similar(shape, mean, shift=False),
        "only the centres are moved; turn and size are missing.":
            shape - shape.mean(1, keepdim=True) + mean.mean(0),
        "every face is made as large as the mean; the best size by least squares is smaller, where shapes differ.":
            laid(by_norms),
        "one face lies there mirrored, which no turn does: the determinant of a turn is 1.": mirrored + mean.mean(0),
        "the turn goes the wrong way: which of the two is conjugated?": laid(over(x * m.conj()) / square),
        "nothing is conjugated in the product. Without that, turns of shape and mean are added, not taken from one "
        "another.": laid(over(x * m) / square),
        "below stands the sum of x^2; for complex numbers it is that of |x|^2, which has no turn.":
            laid(unturned / over(x**2)),
        "this is the formula of real numbers: in the product one of the two is conjugated, and x^2 becomes |x|^2.":
            laid(over(x * m) / over(x**2)),
        "all faces have one factor; each face needs its own: sum over its points only.":
            laid(unturned.sum() / square.sum()),
        "below stands the sum over the mean's points; there belongs the one over the face's.": laid(unturned / size),
        "the mean is laid on the faces, and that turned back. Least squares here asks how far faces end from the mean.":
            laid(size / over(m.conj() * x)),
        "each face has its own centre back; it goes to that of the mean.":
            laid(unturned / square) - mean.mean(0) + shape.mean(1, keepdim=True),
        "the centres are not taken away first: the factor turns about 0, and that is not the middle of the face.":
            raw_laid,
        "the faces are stretched and sheared, too. One shift, one size and one turn are allowed, four numbers a face.":
            sheared,
        "this is the mean itself, for every face. What is left after laying on is the expression: keep it.":
            mean.expand(5, -1, -1),
    }, "the faces are not where least squares puts them. Try 2 x the mean + 5: it must come to lie on the mean. And "
       "try two different faces at once: each must lie where it lies alone.")
    return "what is left is shape: pose, person, expression"


@checker(12, 2, hints=(
    "The queue is a ring: after its last place comes its first. Where does the next key go, and the one after it?",
    "Count on from `start`, one number a key, and begin again at 0 after the last place: `%` does that.",
    "Begin with `places = (start + torch.arange(len(keys))) % len(queue)`. What is written there, into which two "
    "tensors, and which place follows the last one?"))
def enqueue(answer):
    """Write keys [B, E] and index [B] into the rings `queue` and `rows` from place `start`; return the place after."""
    queue, rows = _ring()
    start, given = 5, (torch.arange(8.0).view(4, 2), torch.tensor([10, 11, 12, 13]))
    follows = _beyond_the_end(answer, queue, rows, *given, start)
    require(follows is not None, "your function returns None. Return the place where the next step goes on.")
    changed = [not torch.equal(*pair) for pair in zip((queue, rows), _ring())]
    require(any(changed), "the queue itself must change; write into it with `queue[…] = …`.")
    require(all(changed), "only one of the two rings has changed. Write the keys into `queue`, `index` into `rows`.")
    expect(rows, _written([5, 6, 0, 1], given[1]), {
        "the keys that do not fit at the end are lost. After the last place comes the first.":
            _written([5, 6], given[1][:2]),
        "the keys begin at place 0. They go on where the last step stopped.": _written([0, 1, 2, 3], given[1]),
        "the keys lie in reverse.": _written([1, 0, 6, 5], given[1]),
        "what was in the ring is wiped. Keys of earlier steps stay, until their place is taken.":
            torch.tensor([12, 13, -1, -1, -1, 10, 11]),
    }, "the rows are not in the right places. Four keys from place 5 of 7 fill 5, 6, 0 and 1, and the others stay."
       if torch.isin(given[1], rows).all() else
       "not all numbers of `index` stand in `rows`. They are written there as they are, each once.")
    there = (queue[:, None] == given[0]).all(2).any(0).all()
    expect(queue, _written([5, 6, 0, 1], given[0], 0), otherwise=(
        "the rows are right, but the keys are not beside them. Write both to the same places." if there else
        "the rows are right, but not all of the given keys stand in the queue. Write them as they are."))
    expect(number(follows, "your function returns"), 2, {
        "9 is beyond the ring: the next place is counted round, too.": 9,
        "this is the last place written. The next one follows it.": 1,
    }, "the next place is not right: after 5, 6, 0, 1 comes 2.")
    _without_a_turn(answer)
    return "the oldest keys leave first, and nothing is ever moved"


def _beyond_the_end(answer, *inputs):
    """Call the answer; if a slice beyond the ring's last place stops it, say what becomes of the keys left over."""
    try:
        return call(answer, *inputs, may_change=True)
    except WrongAnswer as wrong:
        require("must match the existing size" not in str(wrong),
                "from place 5 of 7 only two places are left before the ring's end, and four keys came. A slice stops "
                "at the end: what is left over goes on at place 0.")
        raise


def _ring():
    """Return a queue [7, 2] and its rows [7], both full already."""
    return -torch.arange(1.0, 15).view(7, 2), torch.arange(100, 107)


def _written(places, new, which=1):
    """Return the queue (0) or its rows (1) with something new at these places."""
    ring = _ring()[which]
    ring[places] = new
    return ring


def _without_a_turn(answer):
    """Let three keys stand where the end of the ring is not passed: at its beginning, and up to its last place."""
    for start, after in ((0, 3), (4, 0)):
        sentence = f"right where keys go on at the beginning, but not with three keys from place {start} of 7"
        queue, rows = _ring()
        keys, places = torch.arange(6.0).view(3, 2), list(range(start, start + 3))
        try:
            follows = call(answer, queue, rows, keys, torch.arange(3), start, may_change=True)
        except WrongAnswer as wrong:
            raise WrongAnswer(f"{sentence}: {wrong}") from None
        expect(rows, _written(places, torch.arange(3)), otherwise=f"{sentence}: these fill {start} to {start + 2}.")
        expect(queue, _written(places, keys, 0), otherwise=f"{sentence}: the keys are not beside their rows.")
        expect(number(follows, "your function returns"), after,
               otherwise=f"{sentence}: the next step goes on at place {after}.")


def _contrast(queries, queue, neighbours, negatives, temperature, all_below=False, one=False):
    logits = F.normalize(queries, dim=1) @ F.normalize(queue, dim=1).T / temperature
    rows = []
    for scores, near, far in zip(logits.double(), neighbours, negatives):
        below = scores[far].exp().sum()
        below = below + scores[near].exp().sum() if all_below else below
        losses = -torch.log(scores[near].exp() / (below if all_below else scores[near].exp() + below))
        rows.append(losses[:1].mean() if one else losses.mean())
    return torch.stack(rows)


def _sharp(answer):
    """Ask for the loss at temperature 0.001, where cosines of -1 and 1 lie 2000 apart after dividing."""
    near, far = torch.tensor([[True, False, False]]), torch.tensor([[False, True, True]])
    for cosines, truth, place in (((-1, -1, -1), math.log(3), "all cosines are -1"),
                                  ((1, 1, 1), math.log(3), "all cosines are 1"),
                                  ((-1, 1, -1), 2000.0, "the neighbour's cosine is -1 and a negative's is 1"),
                                  ((1, -1, -1), 0.0, "the neighbour's cosine is 1 and the negatives' are -1")):
        query, queue = torch.ones(1, 1, dtype=torch.float32), torch.tensor(cosines).float()[:, None]
        found = number(call(answer, query, queue, near, far, 0.001), "your loss is", finite=False)
        require(abs(found - truth) < 0.01, f"right at temperature 0.2, but not at 0.001 where {place}: e^1000 is too "
                                           "large for a float, and e^-1000 is 0 in it. Stay with logarithms.")


@checker(15, 3, hints=(
    "Formula (4.4) is the loss of one pair. A face has several neighbours: one loss for each, then their mean.",
    "With a = q.k/t and b = log of the sum over negatives of e^{q.n/t}, formula (4.4) is log(1 + e^{b - a}).",
    "Begin with `logits.masked_fill(~negatives, -torch.inf)`: what is no negative adds 0 to a sum of powers. torch "
    "has the logarithm of such a sum, and log(1 + e^x), as functions that stay finite: `logsumexp` and `F.softplus`. "
    "Of what is the second taken, for each neighbour, and by what is a face's sum divided?"))
def near(answer):
    """Mean over faces of the mean over neighbours of formula (4.4), from unit queries [B, E] and queue [Q, E]."""
    queries, queue = (F.normalize(torch.randn(n, 5, generator=generator(n)), dim=1) for n in (4, 14))
    neighbours = torch.zeros(4, 14, dtype=torch.bool)
    for row, places in enumerate(([0], [3, 7], [1, 2, 9], [5, 13])):
        neighbours[row, places] = True
    negatives = ~neighbours
    negatives[:, 11] = False                                      # somebody's own earlier key: neither
    given = queries, queue, neighbours, negatives
    found = call(answer, *given, 0.2)
    truth = _contrast(*given, 0.2)
    found = tensor(found, what="your loss is")
    if found.shape == (4,):
        expect(found, truth, otherwise="one loss for each face; the mean over faces is wanted.")
        require(False, "there is one loss for each face. Take their mean, too.")
    found = number(found, "your loss is")
    logits, mean = queries @ queue.T / 0.2, lambda x: ((x * neighbours).sum(1) / neighbours.sum(1)).mean()
    below = lambda mask: logits.masked_fill(~mask, -torch.inf).logsumexp(1, keepdim=True)         # noqa: E731
    losses = F.softplus(below(negatives) - logits)
    total = sum(_contrast(*given, 0.2)[i] * n for i, n in enumerate((1, 2, 3, 2)))
    expect(found, truth.mean(), {
        "the neighbours are weighed against each other: below the line, one neighbour and the negatives, no more.":
            _contrast(*given, 0.2, all_below=True).mean(),
        "every key that is no neighbour counts as negative, a face's own earlier key too. Use `negatives`.":
            _contrast(queries, queue, neighbours, ~neighbours, 0.2).mean(),
        "all keys of the queue stand below the line, a face's own earlier one too. There stand one neighbour and the "
        "negatives.": mean(-logits.log_softmax(1)),
        "the mask is the wrong way round: below the line stand the negatives, and here all others do.":
            mean(F.softplus(below(~negatives) - logits)),
        "a masked cosine of 0 still adds e^0 = 1 below the line. What is no negative must add nothing.":
            mean(F.softplus((logits * negatives).logsumexp(1, keepdim=True) - logits)),
        "the neighbour itself is missing below the line: log(1 + e^(b - a)), not b - a.":
            mean(below(negatives) - logits),
        "in log(1 + e^(b - a)) the two are the other way round: far neighbours must cost much.":
            mean(F.softplus(logits - below(negatives))),
        "a face's sum over its neighbours is divided by the number of its negatives.":
            ((losses * neighbours).sum(1) / negatives.sum(1)).mean(),
        "the sum over neighbours is divided by the number of all entries of the mask.": (losses * neighbours).mean(),
        "cosines are multiplied by the temperature; divide them.": _contrast(*given, 1 / 0.2).mean(),
        "the temperature is missing.": _contrast(*given, 1.0).mean(),
        "the sign is turned round.": -truth.mean(),
        "this is the mean over all pairs. Mean over a face's neighbours first, so that every face weighs the same.":
            total / 8,
        "this is the sum over pairs, not a mean of means.": total,
        "the losses of a face's neighbours are added up; take their mean.": total / 4,
        "the neighbours are added up inside the logarithm; each has a loss of its own.": torch.stack([
            (logits[i][neighbours[i] | negatives[i]].logsumexp(0) - logits[i][neighbours[i]].logsumexp(0))
            for i in range(4)]).mean(),
        "neighbours and negatives are the other way round.":
            _contrast(queries, queue, negatives, neighbours, 0.2).mean(),
        "only the attraction is there: what neighbours are compared with is missing.":
            -torch.stack([logits[i][neighbours[i]].mean() for i in range(4)]).mean(),
    }, "it is not formula (4.5). By hand: one face at temperature 0.5, a neighbour of cosine 1, two negatives of "
       "cosine 0, and a key of cosine 1 that is neither, give log(1 + 2 / e^2) = 0.24.")
    alone = [one[1:2] if one is not queue else one for one in given]
    expect(number(call(answer, *alone, 0.2), "your loss is"), truth[1],
           otherwise="right for four faces, but not for one of them alone. Is a number written in?")
    _sharp(answer)
    trains(answer, *given, 0.2, learnt={"queries": 0})
    return "and it stays finite for sharp temperatures"
