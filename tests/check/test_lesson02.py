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


RIGHT = [
    (lesson02.masks, wsc_masks),
    (lesson02.masks, lambda labels, faces: Pairs(labels, faces, "wsc").masks()),
    (lesson02.contrast, loss_by_hand),
    (lesson02.contrast, by_share),
    (lesson02.contrast, lambda z, p, k, t: loss_by_hand(z, p, k, t).reshape(1)),
    (lesson02.masks, lambda labels, faces: torch.stack(wsc_masks(labels, faces))),
    (lesson02.contrast, lambda z, p, k, t: instance_contrast(z, Masks(p, k), t)),
    (lesson02.hardest, lambda c, t: (c / t).softmax(0).max()),
    (lesson02.hardest, lambda c, t: float((c.max() / t).exp() / (c / t).exp().sum())),
    (lesson02.harm, lambda p, k, y: [int(n) for n in counted(p, k, y)]),
    (lesson02.harm, lambda p, k, y: torch.stack(counted(p, k, y))),
    (lesson02.harm, lambda p, k, y: [count.float() for count in counted(p, k, y)]),
    (lesson02.agree, view_consistency),
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
