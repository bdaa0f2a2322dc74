"""Answers to lesson 04, right ones and those with the mistakes people make; test_answers tries them."""

import torch
import torch.nn.functional as F

from fercourse.check import lesson04
from fercourse.losses.neighbour_contrast import neighbour_contrast
from fercourse.models.descriptor import lay_on as ours
from fercourse.models.landmarks import centres


def centre_by_hand(heat):
    x, y = torch.arange(heat.shape[3]) + 0.5, torch.arange(heat.shape[2]) + 0.5
    return torch.stack([(heat * x).sum((2, 3)), (heat * y[:, None]).sum((2, 3))], 2)


def by_svd(shapes, mean):
    out = []
    for shape in shapes:
        a, b = shape - shape.mean(0), mean - mean.mean(0)
        u, s, v = torch.linalg.svd(a.T @ b)
        sign = torch.diag(torch.tensor([1.0, torch.sign(torch.det(u @ v))]))
        out.append((s * sign.diag()).sum() / a.square().sum() * a @ u @ sign @ v + mean.mean(0))
    return torch.stack(out)


def ring(queue, rows, keys, index, start, places=None, follows=None):
    places = (start + torch.arange(len(keys))) % len(queue) if places is None else places
    queue[places], rows[places] = keys, index
    return (start + len(keys)) % len(queue) if follows is None else follows


def two_pieces(queue, rows, keys, index, start):
    first = min(len(keys), len(queue) - start)
    for ring, new in ((queue, keys), (rows, index)):
        ring[start:start + first], ring[:len(keys) - first] = new[:first], new[first:]
    return (start + len(keys)) % len(queue)


def only_round(queue, rows, keys, index, start):
    first = len(queue) - start
    for ring, new in ((queue, keys), (rows, index)):
        ring[start:], ring[:len(keys) - first] = new[:first], new[first:]
    return start + len(keys) - len(queue)


def near_by_hand(q, queue, neighbours, negatives, t):
    logits = q @ queue.T / t
    against = logits.masked_fill(~negatives, -torch.inf).logsumexp(1, keepdim=True)
    return ((F.softplus(against - logits) * neighbours).sum(1) / neighbours.sum(1)).mean()


def naive(q, queue, neighbours, negatives, t, below="one", mean=True, sign=1):
    e = (q @ queue.T / t).exp()
    far = (e * negatives).sum(1, keepdim=True)
    far = far + (e * neighbours).sum(1, keepdim=True) - e if below == "all" else far
    losses = -sign * torch.log(e / (e + far)) * neighbours
    return (losses.sum(1) / neighbours.sum(1)).mean() if mean else losses.sum() / neighbours.sum()


def near_stably(q, queue, neighbours, negatives, t):
    a = q @ queue.T / t
    b = torch.where(negatives, a, -torch.inf).logsumexp(1, keepdim=True)
    losses = torch.where(neighbours, torch.logaddexp(a, b.expand_as(a)) - a, 0)
    return (losses.sum(1) / neighbours.sum(1)).mean()


def shifted(q, queue, neighbours, negatives, t):
    """Subtract the largest of each row and then use powers all the same."""
    a = q @ queue.T / t
    e = (a - a.max(1, keepdim=True).values).exp()
    losses = torch.where(neighbours, -torch.log(e / (e + (e * negatives).sum(1, keepdim=True))), 0)
    return (losses.sum(1) / neighbours.sum(1)).mean()


def log_of_power(q, queue, neighbours, negatives, t):
    a = q @ queue.T / t
    b = a.masked_fill(~negatives, -torch.inf).logsumexp(1, keepdim=True)
    losses = torch.where(neighbours, torch.log(1 + torch.exp(b - a)), 0)
    return (losses.sum(1) / neighbours.sum(1)).mean()


def shifted_by_negatives(q, queue, neighbours, negatives, t):
    a = q @ queue.T / t
    e = (a - a.masked_fill(~negatives, -torch.inf).max(1, keepdim=True).values).exp()
    far = torch.where(negatives, e, 0).sum(1, keepdim=True)
    losses = torch.where(neighbours, torch.log(e + far) - torch.log(e), 0)
    return (losses.sum(1) / neighbours.sum(1)).mean()


def clipped(q, queue, neighbours, negatives, t):
    """Cut the logits where powers would end; right for equal cosines only."""
    a = (q @ queue.T / t).clamp(-80, 80)
    return near_by_hand(a, torch.eye(a.shape[1]), neighbours, negatives, 1.0)


RIGHT = [
    (lesson04.centre, centre_by_hand),
    (lesson04.centre, lambda heat: centres(heat) * torch.tensor([heat.shape[3], heat.shape[2]])),
    (lesson04.lay_on, by_svd),
    (lesson04.lay_on, lambda shapes, mean: ours(shapes, torch.ones(shapes.shape[:2]), mean)),
    (lesson04.enqueue, ring),
    (lesson04.enqueue, two_pieces),
    (lesson04.near, near_by_hand),
    (lesson04.near, near_stably),
    (lesson04.near, lambda q, queue, near, far, t: neighbour_contrast(q, q, queue, near, far, t)[1]),
]


def peak(heat):
    place = heat.flatten(2).argmax(2)
    return torch.stack([place % heat.shape[3], place // heat.shape[3]], 2).float()


def complex_lay(shapes, mean, factor):
    x, m = (torch.view_as_complex((v - v.mean(-2, keepdim=True)).contiguous()) for v in (shapes, mean))
    best = (x.conj() * m).sum(1, keepdim=True) / x.abs().square().sum(1, keepdim=True)
    return torch.view_as_real(factor(best) * x) + mean.mean(0)


def inside(queries, queue, neighbours, negatives, temperature):
    logits = queries @ queue.T / temperature
    both = logits.masked_fill(~(neighbours | negatives), -torch.inf).logsumexp(1)
    return (both - logits.masked_fill(~neighbours, -torch.inf).logsumexp(1)).mean()


def mirroring(shape, mean):
    """By SVD, without the sign of the determinant."""
    x, m = shape - shape.mean(1, keepdim=True), mean - mean.mean(0)
    left, sizes, turned = torch.linalg.svd(x.mT @ m)
    return (sizes.sum(1) / x.square().sum((1, 2)))[:, None, None] * x @ left @ turned + mean.mean(0)


def with_factor(above, below, back=None):
    """Lay on by a factor made from complex x and m; `back` says what is added at the end."""
    def lay(shapes, mean):
        x, m = (torch.view_as_complex((v - v.mean(-2, keepdim=True)).contiguous()) for v in (shapes, mean))
        factor = above(x, m).sum(1, keepdim=True) / below(x, m)
        return torch.view_as_real(factor * x) + (mean.mean(0) if back is None else back(shapes))
    return lay


def from_there(shapes, mean):
    """Lay the mean on each shape, and turn that round."""
    x, m = (torch.view_as_complex((v - v.mean(-2, keepdim=True)).contiguous()) for v in (shapes, mean))
    return torch.view_as_real(x * m.abs().square().sum() / (m.conj() * x).sum(1, keepdim=True)) + mean.mean(0)


def not_centred(shapes, mean):
    x, m = (torch.view_as_complex(v.contiguous()) for v in (shapes, mean))
    return torch.view_as_real((x.conj() * m).sum(1, keepdim=True) / squares(x, m) * x)


def sheared(shapes, mean):
    ones = torch.cat([shapes, torch.ones_like(shapes[..., :1])], 2)
    return ones @ torch.linalg.lstsq(ones, mean.expand(len(shapes), -1, -1)).solution


def squares(x, m):
    return x.abs().square().sum(1, keepdim=True)


def near_with(losses=lambda a, b: F.softplus(b - a), mask=lambda a, far: a.masked_fill(~far, -torch.inf), per=None):
    """Return an answer with another loss of a pair, another mask, or another number that a face's sum is divided by."""
    def answer(q, queue, neighbours, negatives, t):
        a = q @ queue.T / t
        each = losses(a, mask(a, negatives).logsumexp(1, keepdim=True))
        return ((each * neighbours).sum(1) / (neighbours.sum(1) if per is None else per(negatives))).mean()
    return answer


WRONG = [
    (lesson04.centre, lambda heat: centre_by_hand(heat).flip(2), "swapped"),
    (lesson04.centre, lambda heat: centre_by_hand(heat) - 0.5, "half a cell"),
    (lesson04.centre, peak, "edges"),
    (lesson04.centre, lambda heat: peak(heat) + 0.5, "hottest"),
    (lesson04.centre, centres, "shares"),
    (lesson04.centre, lambda heat: heat.mean((2, 3)), "shape"),
    (lesson04.lay_on, lambda s, m: complex_lay(s, m, torch.abs), "still roll"),
    (lesson04.lay_on, lambda s, m: complex_lay(s, m, lambda f: f / f.abs()), "keep their size"),
    (lesson04.lay_on, lambda s, m: by_svd(s, m) - m.mean(0), "about 0"),
    (lesson04.lay_on, lambda s, m: complex_lay(s, m, torch.conj), "wrong way"),
    (lesson04.lay_on, lambda s, m: s - s.mean(1, keepdim=True) + m.mean(0), "only the centres"),
    (lesson04.lay_on, lambda s, m: m.expand_as(s), "the mean itself"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k[:2], i[:2], s), "are lost"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, 0), "begin at place 0"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s, follows=9), "counted round"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s, follows=1), "last place written"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k.flip(0), i, s), "beside them"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s) and None, "None"),
    (lesson04.enqueue, lambda q, r, k, i, s: 2, "itself must change"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r.clone(), k, i, s), "only one of the two"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q.zero_(), r.fill_(-1), k, i, s), "is wiped"),
    (lesson04.near, lambda q, queue, near, far, t: near_by_hand(q, queue, far, near, t), "the other way round"),
    (lesson04.near, inside, "inside the logarithm"),
    (lesson04.lay_on, lambda s, m: mirroring(s, m), "lies there mirrored"),
    (lesson04.enqueue, only_round, "three keys from place 0 of 7: your function stops"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s) or 7, "goes on at place 0"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s) if s == 5 else ring(q, r, k, i, 5), "fill 0 to 2"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k if s == 5 else k.flip(0), i, s), "beside their rows"),
    (lesson04.lay_on, with_factor(lambda x, m: x * m, squares), "nothing is conjugated"),
    (lesson04.lay_on, with_factor(lambda x, m: x.conj() * m, lambda x, m: (x**2).sum(1, keepdim=True)), "has no turn"),
    (lesson04.lay_on, with_factor(lambda x, m: x * m, lambda x, m: (x**2).sum(1, keepdim=True)), "of real numbers"),
    (lesson04.lay_on, with_factor(lambda x, m: (x.conj() * m).sum(0, keepdim=True), lambda x, m: squares(x, m).sum()),
     "have one factor"),
    (lesson04.lay_on, with_factor(lambda x, m: x.conj() * m, lambda x, m: m.abs().square().sum()), "the mean's points"),
    (lesson04.lay_on, with_factor(lambda x, m: x.conj() * m, squares, lambda s: s.mean(1, keepdim=True)), "own centre"),
    (lesson04.lay_on, not_centred, "not taken away first"),
    (lesson04.lay_on, from_there, "turned back"),
    (lesson04.lay_on, sheared, "sheared"),
    (lesson04.lay_on, with_factor(lambda x, m: x.conj() * m, lambda x, m: squares(x, m).sqrt()), "2 x the mean"),
    (lesson04.enqueue, lambda q, r, k, i, s: q.__setitem__(slice(s, s + 4), k), "before the ring's end"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, F.normalize(k, dim=1), i, s), "as they are"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, (s + torch.arange(4)) % 7, s), "not all numbers of `index`"),
    (lesson04.enqueue, lambda q, r, k, i, s: ring(q, r, k, i, s + 1), "not in the right places"),
    (lesson04.near, lambda q, queue, near, far, t: ((-(q @ queue.T / t).log_softmax(1) * near).sum(1) / near.sum(1)
                                                    ).mean(), "all keys of the queue"),
    (lesson04.near, near_with(mask=lambda a, far: a.masked_fill(far, -torch.inf)), "the wrong way round"),
    (lesson04.near, near_with(mask=lambda a, far: a * far), "still adds"),
    (lesson04.near, near_with(lambda a, b: b - a), "the neighbour itself is missing"),
    (lesson04.near, near_with(lambda a, b: F.softplus(a - b)), "two are the other way round"),
    (lesson04.near, near_with(per=lambda far: far.sum(1)), "number of its negatives"),
    (lesson04.near, near_with(per=lambda far: far.shape[1]), "all entries"),
    (lesson04.near, lambda *a: near_by_hand(*a[:4], 1 / a[4]), "multiplied by the temperature"),
    (lesson04.near, lambda *a: 5 * near_by_hand(*a), "= 0.24"),
    (lesson04.near, lambda *a: near_by_hand(*a) * len(a[0]) / 4, "one of them alone"),
    (lesson04.near, lambda *a: near_by_hand(*a).item(), "cannot train"),
    (lesson04.near, lambda *a: near_by_hand(*a).numpy(), "cannot train"),
    (lesson04.near, lambda q, *a: near_by_hand(q.detach(), *a), "cannot train"),
    (lesson04.near, naive, "0.001 where all cosines are -1"),
    (lesson04.near, shifted, "0.001 where the neighbour's cosine is -1"),
    (lesson04.near, log_of_power, "0.001 where the neighbour's cosine is -1"),
    (lesson04.near, clipped, "0.001 where the neighbour's cosine is -1"),
    (lesson04.near, shifted_by_negatives, "0.001 where the neighbour's cosine is"),
    (lesson04.near, lambda *a: naive(*a, below="all"), "against each other"),
    (lesson04.near, lambda q, queue, near, far, t: near_by_hand(q, queue, near, ~near, t), "earlier key"),
    (lesson04.near, lambda *a: near_by_hand(*a[:4], 1.0), "temperature"),
    (lesson04.near, lambda *a: -near_by_hand(*a), "sign"),
    (lesson04.near, lambda *a: naive(*a, mean=False), "every face weighs"),
]
