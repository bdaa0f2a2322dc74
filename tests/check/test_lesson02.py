"""Answers to lesson 02, right ones and those with the mistakes people make; test_answers tries them."""

import math

import torch
import torch.nn.functional as F

from fercourse.check import lesson02
from fercourse.losses.consistency import view_consistency
from fercourse.losses.contrastive import Masks, Pairs, instance_contrast


def wsc_masks(labels, faces):
    oneself = torch.eye(len(faces), dtype=torch.bool)
    positive = (faces[:, None] == faces) & ~oneself
    return positive, positive | (labels[:, None] != labels)


def loss_by_hand(z, positive, kept, temperature):
    unit = F.normalize(z, dim=1)
    s = unit @ unit.T / temperature
    return (s.masked_fill(~kept, -torch.inf).logsumexp(1) - (s * positive).sum(1) / positive.sum(1)).mean()


def by_share(z, positive, kept, temperature):
    s = F.cosine_similarity(z[:, None], z[None], dim=2) / temperature
    log_share = s.masked_fill(~kept, -torch.inf).log_softmax(1)
    return -torch.stack([row[mine].mean() for row, mine in zip(log_share, positive)]).mean()


def counted(positive, kept, truth):
    alike = truth[:, None] == truth
    return (positive & ~alike).sum(), (kept & ~positive & alike).sum()


def divergences(first, second):
    p, q = first.log_softmax(1), second.log_softmax(1)
    middle = torch.logaddexp(p, q) - math.log(2)
    return sum(F.kl_div(middle, one, reduction="none", log_target=True).sum(1) for one in (p, q)) / 2


def of_agreeing(first, second, losses):
    return losses[first.argmax(1) == second.argmax(1)].mean()


def across(first, second):
    p, q = first.log_softmax(1), second.log_softmax(1)
    return ((p.exp() - q.exp()) * (p - q)).sum(1) / 2


def with_shares(first, second):
    """Right but for shares of 0."""
    p, q = first.softmax(1), second.softmax(1)
    losses = sum((one * (one / ((p + q) / 2)).log()).sum(1) for one in (p, q)) / 2
    same = first.argmax(1) == second.argmax(1)
    return losses[same].sum() / same.sum().clamp(min=1)


def sure_for_nothing(first, second):
    """Right but for shares of 0, which it lets cost nothing."""
    found = with_shares(first, second)
    return torch.where(found.isnan(), 0, found)


def summed_inside(z, positive, kept, temperature):
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    return (s.masked_fill(~kept, -torch.inf).logsumexp(1) - s.masked_fill(~positive, -torch.inf).logsumexp(1)).mean()


def summed_up(z, positive, kept, temperature):
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    return (s.masked_fill(~kept, -torch.inf).logsumexp(1) - (s * positive).sum(1)).mean()


def from_cosines(z, positive, kept, temperature, dims=(1, 1), fill=-torch.inf):
    """Right with the dims 1 and 1; sums over `kept` and over `positive` run along these."""
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    pulled = (s * positive).sum(dims[1]) / positive.sum(dims[1])
    return (s.masked_fill(~kept, fill).logsumexp(dims[0]) - pulled).mean()


def first_of_the_positives(z, positive, kept, temperature):
    s = F.normalize(z, dim=1) @ F.normalize(z, dim=1).T / temperature
    return F.cross_entropy(s.masked_fill(~kept, -torch.inf), positive.float().argmax(1))


def masks_of_twelve(labels, faces):
    positive = (faces[:, None] == faces) & ~torch.eye(12, dtype=torch.bool)
    return positive, positive | (labels[:, None] != labels)


def held_against(middle_of, turned=False, sides=2, over=torch.sum):
    """Return an answer to `agree`: right if it takes the middle of the shares and nothing is turned round."""
    def answer(first, second):
        views = [one.log_softmax(1) for one in (first, second)]
        middle = middle_of(first, second, *views)
        pairs = [(middle, one) if turned else (one, middle) for one in views[:sides]]
        losses = sum(over(p.exp() * (p - q), dim=1) for p, q in pairs) / sides
        same = first.argmax(1) == second.argmax(1)
        return (losses * same).sum() / same.sum().clamp(min=1)
    return answer


def of_shares(first, second, p, q):
    return torch.logaddexp(p, q) - math.log(2)


TURNED, ONE_VIEW, OVER_CLASSES, OF_LOGITS, OF_LOGS, TWICE = (
    held_against(of_shares, turned=True), held_against(of_shares, sides=1), held_against(of_shares, over=torch.mean),
    held_against(lambda first, second, p, q: ((first + second) / 2).log_softmax(1)),
    held_against(lambda first, second, p, q: (p + q) / 2),
    held_against(lambda first, second, p, q: torch.logaddexp(p, q)))


def without_a_slope(first, second):
    """Right, but with a gradient of NaN where a share is 0."""
    p, q = first.log_softmax(1), second.log_softmax(1)
    middle = ((p.exp() + q.exp()) / 2).log()
    losses = sum(torch.where(one.exp() > 0, one.exp() * (one - middle), 0).sum(1) for one in (p, q)) / 2
    same = first.argmax(1) == second.argmax(1)
    return (losses * same).sum() / same.sum().clamp(min=1)


RIGHT = [
    (lesson02.masks, wsc_masks),
    (lesson02.masks, lambda labels, faces: Pairs(labels, faces, "wsc").masks()),
    (lesson02.contrast, loss_by_hand),
    (lesson02.contrast, by_share),
    (lesson02.contrast, from_cosines),
    (lesson02.contrast, lambda z, p, k, t: from_cosines(z, p, k, t, fill=-1e4)),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z.double(), p, k, t)),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z, p, k, t).reshape(1)),
    (lesson02.masks, lambda labels, faces: torch.stack(wsc_masks(labels, faces))),
    (lesson02.contrast, lambda z, p, k, t: instance_contrast(z, Masks(p, k), t)),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0).max()),
    (lesson02.hardest, lambda c, t: float((c.max() / t).exp() / (c / t).exp().sum())),
    (lesson02.harm, lambda p, k, y: [int(n) for n in counted(p, k, y)]),
    (lesson02.harm, lambda p, k, y: torch.stack(counted(p, k, y))),
    (lesson02.harm, lambda p, k, y: [count.float() for count in counted(p, k, y)]),
    (lesson02.agree, view_consistency),
    (lesson02.agree, held_against(of_shares)),
    (lesson02.agree, lambda a, b: [view_consistency(a, b)]),
    (lesson02.agree, lambda a, b: divergences(a, b)[a.argmax(1) == b.argmax(1)].sum()
                                  / (a.argmax(1) == b.argmax(1)).sum().clamp(min=1)),
]


def unscaled(z, positive, kept, temperature):
    s = z @ z.T / temperature
    return (s.masked_fill(~kept, -torch.inf).logsumexp(1) - (s * positive).sum(1) / positive.sum(1)).mean()


def clamped(z, positive, kept, temperature):
    """Right but for sharp temperatures, at which it stays finite."""
    unit = F.normalize(z, dim=1)
    s = (unit @ unit.T / temperature).clamp(-80, 80)
    return (s.masked_fill(~kept, -torch.inf).logsumexp(1) - (s * positive).sum(1) / positive.sum(1)).mean()


def with_exponentials(z, positive, kept, temperature):
    unit = F.normalize(z, dim=1)
    e = (unit @ unit.T / temperature).exp()
    return -((e / (e * kept).sum(1, keepdim=True)).log() * positive).sum(1).div(positive.sum(1)).mean()


def over_all_pairs(z, positive, kept, temperature):
    unit = F.normalize(z, dim=1)
    s = unit @ unit.T / temperature
    return s.masked_fill(~kept, -torch.inf).logsumexp(1).mean() - s[positive].mean()


def without_the_positive(z, positive, kept, temperature):
    unit = F.normalize(z, dim=1)
    s = unit @ unit.T / temperature
    pushed = s.masked_fill(~(kept & ~positive), -torch.inf).logsumexp(1)
    return (pushed - (s * positive).sum(1) / positive.sum(1)).mean()


def halves(positive, kept, truth):
    return [int(n) // 2 for n in counted(positive, kept, truth)]


WRONG = [
    (lesson02.masks, lambda y, f: Pairs(y, f, "supcon").masks(), "SupCon's positives"),
    (lesson02.masks, lambda y, f: Pairs(y, f, "simclr").masks(), "SimCLR's"),
    (lesson02.masks, lambda y, f: (wsc_masks(y, f)[0], y[:, None] != y), "lacks the positive"),
    (lesson02.masks, lambda y, f: (f[:, None] == f, (f[:, None] == f) | (y[:, None] != y)), "diagonal"),
    (lesson02.masks, lambda y, f: (torch.eye(12).roll(6, 0).bool(), wsc_masks(y, f)[1]), "wherever it stands"),
    (lesson02.masks, lambda y, f: (wsc_masks(y, f)[0],) * 2, "nothing else"),
    (lesson02.masks, lambda y, f: wsc_masks(y, f)[0], "two masks"),
    (lesson02.masks, lambda y, f: [m.float() for m in wsc_masks(y, f)], "expected bool"),
    (lesson02.masks, masks_of_twelve, "right for 12 rows, but not for 8"),
    (lesson02.contrast, lambda *a: from_cosines(*a, dims=(0, 0)), "P.i. and K.i. are row i"),
    (lesson02.contrast, lambda *a: from_cosines(*a, dims=(0, 1)), "K.i. is row i of `kept`"),
    (lesson02.contrast, lambda *a: from_cosines(*a, dims=(1, 0)), "P.i. is row i of `positive`"),
    (lesson02.contrast, lambda *a: from_cosines(*a) * len(a[0]) / 14, "not under others of 10 rows: is a number"),
    (lesson02.contrast, lambda *a: from_cosines(*a, fill=-100), "0.001.*made a number such as -100"),
    (lesson02.contrast, first_of_the_positives, "only the first positive"),
    (lesson02.contrast, lambda *a: from_cosines(*a).item(), "it cannot train: no gradient reaches `z`"),
    (lesson02.contrast, unscaled, "length 1"),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z, p, k, 1), "not used"),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z, p, k, 1 / t), "multiplies"),
    (lesson02.contrast, without_the_positive, "below 0"),
    (lesson02.contrast, lambda z, p, k, t: 14 * loss_by_hand(z, p, k, t), "sum over the rows"),
    (lesson02.contrast, over_all_pairs, "a mean for every row"),
    (lesson02.contrast, lambda z, p, k, t: -loss_by_hand(z, p, k, t), "sign"),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z, p, torch.ones_like(k), t), "`kept` is not used"),
    (lesson02.contrast, with_exponentials, "0.001"),
    (lesson02.contrast, clamped, "clamped"),
    (lesson02.contrast, summed_inside, "added up inside"),
    (lesson02.contrast, summed_up, "positives are added up"),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0)[c.abs().argmax()], "or of the largest in size"),
    (lesson02.hardest, lambda c, t: c.max(), "its cosine, not"),
    (lesson02.agree, lambda a, b: view_consistency(a, b) if (a.argmax(1) == b.argmax(1)).any() else None,
     "returns None"),
    (lesson02.agree, lambda a, b: view_consistency(a, b) if (a.argmax(1) == b.argmax(1)).any() else torch.zeros(2),
     "it must be 0"),
    (lesson02.agree, sure_for_nothing, "still costs something"),
    (lesson02.contrast, lambda z, p, k: z, "4 inputs"),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0).min(), "farthest"),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0)[0], "first negative"),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0)[-1], "last negative"),
    (lesson02.hardest, lambda c, t: c.softmax(0).max(), "not used"),
    (lesson02.hardest, lambda c, t: (c * t).softmax(0).max(), "multiplies"),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0), "5 numbers"),
    (lesson02.harm, lambda p, k, y: counted(p, k, y)[::-1], "other way round"),
    (lesson02.harm, halves, "do not halve"),
    (lesson02.harm, lambda p, k, y: ((p & (y[:, None] == y)).sum(), (k & ~p & (y[:, None] != y)).sum()), "right pairs"),
    (lesson02.harm, lambda p, k, y: (counted(p, k, y)[0], (k & (y[:, None] == y)).sum()), "`kept` holds them"),
    (lesson02.harm, lambda p, k, y: (counted(p, k, y)[0], (~p & (y[:, None] == y)).sum()), "a row and itself"),
    (lesson02.harm, lambda p, k, y: (counted(p, k, y)[0], (~p & (y[:, None] == y)).sum() - len(y)), "WSC ignores"),
    (lesson02.agree, TURNED, "turned round"),
    (lesson02.agree, ONE_VIEW, "only one of the two views"),
    (lesson02.agree, OVER_CLASSES, "a mean over the classes"),
    (lesson02.agree, OF_LOGITS, "that of the logits"),
    (lesson02.agree, OF_LOGS, "that of the logarithms"),
    (lesson02.agree, TWICE, "twice too large"),
    (lesson02.agree, without_a_slope, "cannot train where both views are quite sure: the gradient of `first` is NaN"),
    (lesson02.agree, lambda a, b: view_consistency(a, b.detach()), "no gradient reaches `second`"),
    (lesson02.agree, lambda a, b: divergences(a, b).mean(), "every face counts"),
    (lesson02.agree, lambda a, b: divergences(a, b)[a.argmax(1) != b.argmax(1)].mean(), "disagree"),
    (lesson02.agree, lambda a, b: divergences(a, b)[a.argmax(1) == b.argmax(1)].sum(), "a sum over the faces"),
    (lesson02.agree, lambda a, b: (divergences(a, b) * (a.argmax(1) == b.argmax(1))).mean(), "counted in the mean"),
    (lesson02.agree, lambda a, b: of_agreeing(a, b, across(a, b)), "against each other"),
    (lesson02.agree, lambda a, b: of_agreeing(a, b, 2 * divergences(a, b)), "half of their sum"),
    (lesson02.agree, lambda a, b: of_agreeing(a, b, divergences(a, b) / math.log(2)), "in bits"),
    (lesson02.agree, lambda a, b: of_agreeing(a, b, divergences(a, b)), "divide by their number"),
    (lesson02.agree, with_shares, "quite sure"),
    (lesson02.agree, lambda a, b: divergences(a, b), "9 numbers"),
]


def test_the_example_that_a_hint_gives_tells_right_from_wrong():
    shares = (torch.tensor([[0.8, 0.2]]).log(), torch.tensor([[0.6, 0.4]]).log())
    found = [float(answer(*shares)) for answer in (TURNED, ONE_VIEW, OVER_CLASSES, OF_LOGITS, OF_LOGS, TWICE)]
    assert round(float(view_consistency(*shares)), 4) == 0.0242 not in [round(value, 4) for value in found]
    z, t = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]]), 0.5
    positive = kept = ~torch.eye(4, dtype=torch.bool)
    by_hand = math.log(math.exp(1 / t) + 2) - 1 / (3 * t)
    assert abs(by_hand - float(loss_by_hand(z, positive, kept, t))) < 1e-5
    for answer in (first_of_the_positives, summed_inside, summed_up):
        assert abs(by_hand - float(answer(z, positive, kept, t))) > 0.1
