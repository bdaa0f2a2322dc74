"""Answers to lesson 01, right ones and those with the mistakes people make; test_answers tries them."""

import numpy as np
import torch
import torch.nn.functional as F

from fercourse.check import lesson01


def loss_by_hand(logits, labels):
    shifted = logits - logits.max(1, keepdim=True).values
    return (shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]).mean()


def recalls_by_hand(predicted, labels, count):
    return [(predicted[labels == c] == c).float().mean().item() for c in range(count)]


def vote(train, labels, test, count):
    rows = (F.normalize(test, dim=1) @ F.normalize(train, dim=1).T).topk(count, dim=1).indices
    return labels[rows].mode(1).values


def nearest_labels(train, labels, test, count):
    return labels[(F.normalize(test, dim=1) @ F.normalize(train, dim=1).T).topk(count, dim=1).indices]


def weighted(weight):
    """Votes that count by how near they come from."""
    def answer(train, labels, test, count):
        near = (F.normalize(test, dim=1) @ F.normalize(train, dim=1).T).topk(count, dim=1)
        return (F.one_hot(labels[near.indices]) * weight(near.values)[:, :, None]).sum(1).argmax(1)
    return answer


def slip(labels, classes, rate, seed):
    g = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(labels), generator=g)[:round(rate * len(labels))]
    noisy = labels.clone()
    noisy[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),), generator=g)) % classes
    return noisy


def begun_globally(labels, classes, rate, seed):
    torch.manual_seed(seed)
    return unseeded_rows(labels, classes, rate, seed)


def unseeded_rows(labels, classes, rate, seed):
    noisy, rows = labels.clone(), torch.randperm(len(labels))[:round(rate * len(labels))]
    steps = torch.randint(1, classes, (len(rows),), generator=torch.Generator().manual_seed(seed))
    noisy[rows] = (labels[rows] + steps) % classes
    return noisy


def dealt(labels, classes, rate, seed):
    """Steps in turn, as evenly as can be."""
    noisy, count = labels.clone(), round(rate * len(labels))
    rows = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:count]
    noisy[rows] = (labels[rows] + torch.arange(count) % (classes - 1) + 1) % classes
    return noisy


def by_one_hot(logits, labels, *classes):
    return (logits.logsumexp(1) - (logits * F.one_hot(labels, *classes)).sum(1)).mean()


RIGHT = [
    (lesson01.cross_entropy, loss_by_hand),
    (lesson01.cross_entropy, lambda x, y: (x.logsumexp(1) - x.gather(1, y[:, None])[:, 0]).mean()),
    (lesson01.cross_entropy, lambda x, y: by_one_hot(x, y, x.shape[1])),
    (lesson01.cross_entropy, lambda x, y: F.nll_loss(x - x.logsumexp(1, keepdim=True), y)),
    (lesson01.recalls, recalls_by_hand),
    (lesson01.recalls, lambda p, y, n: torch.stack([(p[y == c] == c).double().mean() for c in range(n)])),
    (lesson01.neighbours, vote),
    (lesson01.neighbours, lambda a, y, b, k: F.one_hot(
        y[(1 - F.cosine_similarity(b[:, None], a[None], dim=2)).argsort(1)[:, :k]]).sum(1).argmax(1)),
    (lesson01.wrong_labels, slip),
    (lesson01.wrong_labels, lambda y, c, r, s: begun_globally(y, c, r, s)),
    (lesson01.wrong_labels, dealt),
]


def every_face_decides(labels, classes, rate, seed):
    g = torch.Generator().manual_seed(seed)
    chosen = torch.rand(len(labels), generator=g) < rate
    steps = torch.randint(1, classes, labels.shape, generator=g)
    return torch.where(chosen, (labels + steps) % classes, labels)


def any_class(labels, classes, rate, seed):
    noisy = labels.clone()
    g = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(labels), generator=g)[:round(rate * len(labels))]
    noisy[rows] = torch.randint(0, classes, (len(rows),), generator=g)
    return noisy


def drawn_twice(labels, classes, rate, seed):
    g = torch.Generator().manual_seed(seed)
    noisy, rows = labels.clone(), torch.randint(len(labels), (round(rate * len(labels)),), generator=g)
    noisy[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),), generator=g)) % classes
    return noisy


def next_class(labels, classes, rate, seed):
    changed = slip(labels, classes, rate, seed) != labels
    return torch.where(changed, (labels + 1) % classes, labels)


def unseeded(labels, classes, rate, seed):
    unseeded.calls += 1
    return slip(labels, classes, rate, unseeded.calls)


unseeded.calls = 0


def slip_at(rows_of):
    def answer(labels, classes, rate, seed):
        g = torch.Generator().manual_seed(seed)
        noisy, rows = labels.clone(), rows_of(labels)[:round(rate * len(labels))]
        noisy[rows] = (labels[rows] + torch.randint(1, classes, (len(rows),), generator=g)) % classes
        return noisy
    return answer


def beyond(labels, classes, rate, seed):
    return torch.where(slip(labels, classes, rate, seed) != labels, labels + 1, labels)


def in_place(labels, classes, rate, seed):
    labels[: len(labels) // 2] = 0
    return labels


def uneven(labels, classes, rate, seed):
    """The next class comes twice as often as any other."""
    drawn = any_class(labels, classes, 1.0, seed)
    steered = torch.where(drawn == labels, (labels + 1) % classes, drawn)
    return torch.where(slip(labels, classes, rate, seed) != labels, steered, labels)


def half_seeded(rows_seed, steps_seed):
    def answer(labels, classes, rate, seed):
        noisy, count = labels.clone(), round(rate * len(labels))
        g, h = (torch.Generator().manual_seed(seed if given is None else given) for given in (rows_seed, steps_seed))
        rows = torch.randperm(len(labels), generator=g)[:count]
        noisy[rows] = (labels[rows] + torch.randint(1, classes, (count,), generator=h)) % classes
        return noisy
    return answer


def skipping(train, labels, test, count):
    return nearest_labels(train, labels, test, count + 1)[:, 1:].mode(1).values


def largest_of_all(logits, labels):
    shifted = logits - logits.max()
    return (shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]).mean()


def in_numpy(logits, labels):
    x, y = logits.detach().numpy(), labels.numpy()
    shifted = x - x.max(1, keepdims=True)
    return (np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]).mean()


WRONG = [
    (lesson01.cross_entropy, lambda x, y: F.cross_entropy(x, y, reduction="sum"), "sum over the faces"),
    (lesson01.cross_entropy, lambda x, y: x.log_softmax(1).gather(1, y[:, None]).mean(), "sign"),
    (lesson01.cross_entropy, lambda x, y: x.softmax(1).gather(1, y[:, None]).mean(), "logarithm is missing"),
    (lesson01.cross_entropy, lambda x, y: -x.softmax(1).gather(1, y[:, None]).mean().log(), "then the mean"),
    (lesson01.cross_entropy, lambda x, y: F.cross_entropy(x.softmax(1), y), "twice"),
    (lesson01.cross_entropy, lambda x, y: -x.gather(1, y[:, None]).mean(), "sum over all classes"),
    (lesson01.cross_entropy, lambda x, y: (x.exp().sum(1).log() - x.gather(1, y[:, None])[:, 0]).mean(), "1,000"),
    (lesson01.cross_entropy, lambda x, y: F.cross_entropy(x.clamp(-50, 50), y), "clamped"),
    (lesson01.cross_entropy, lambda x, y: F.cross_entropy(x, y, reduction="none"), "6 numbers"),
    (lesson01.cross_entropy, largest_of_all, "of each row"),
    (lesson01.cross_entropy, lambda x, y: (x.logsumexp(1) - x[:, y]).mean(), "one true logit"),
    (lesson01.cross_entropy, F.cross_entropy, "calls `cross_entropy`"),
    (lesson01.cross_entropy, lambda x, y: torch.nn.CrossEntropyLoss()(x, y), "calls `cross_entropy`"),
    *((lesson01.cross_entropy, lambda x, y, f=f: F.nll_loss(f(x, 1), y), "calls `log_softmax`")
      for f in (F.log_softmax, torch.log_softmax, torch.Tensor.log_softmax, torch.special.log_softmax)),
    (lesson01.cross_entropy, lambda x, y: loss_by_hand(x, y).item(), "no gradient reaches `logits`"),
    (lesson01.cross_entropy, torch.no_grad()(loss_by_hand), "no gradient reaches `logits`"),
    (lesson01.cross_entropy, in_numpy, "no gradient reaches `logits`"),
    (lesson01.cross_entropy, lambda x, y: -x.softmax(0).gather(1, y[:, None]).log().mean(), "over the faces"),
    (lesson01.cross_entropy, lambda x, y: by_one_hot(x, y, 7), r"not for 2 \(is their number written in\?\): your"),
    (lesson01.cross_entropy, by_one_hot, "Not every class occurs here"),
    (lesson01.cross_entropy, lambda x, y: None, "return"),
    (lesson01.cross_entropy, lambda x: x, "2 inputs"),
    (lesson01.recalls, lambda p, y, n: recalls_by_hand(y, p, n), "precision"),
    (lesson01.recalls, lambda p, y, n: [float(((p == c) & (y == c)).sum()) for c in range(n)], "counts"),
    (lesson01.recalls, lambda p, y, n: [((p == c) & (y == c)).float().mean() for c in range(n)], "all faces"),
    (lesson01.recalls, lambda p, y, n: (p == y).float().mean(), "shape"),
    (lesson01.recalls, lambda p, y, n: recalls_by_hand(p, y, 3), "but for 4 your function"),
    (lesson01.recalls, lambda p, y, n: [*recalls_by_hand(p, y, 3), *[1.0] * (n - 3)], "`count` used"),
    (lesson01.recalls, lambda p, y, n: p[p == y].bincount() / y.bincount(), "Not every class occurs here"),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, torch.arange(len(y)), b, k), "numbers of rows"),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, y, b, 1), "single nearest"),
    (lesson01.neighbours, lambda a, y, b, k: y[(-torch.cdist(b, a)).topk(k).indices].mode(1).values, "length 1"),
    (lesson01.neighbours, lambda a, y, b, k: y[(b @ a.T).topk(k).indices].mode(1).values, "length 1"),
    (lesson01.neighbours, skipping, "nearest face is left out"),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, y, b, k + 1), "one neighbour more"),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, y, b, k - 1), "one neighbour fewer"),
    (lesson01.neighbours, lambda a, y, b, k: vote(-a, y, b, k), "least alike"),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, y, b, 3), "another number of neighbours"),
    (lesson01.neighbours, lambda a, y, b, k: nearest_labels(a, y, b, k).float().mean(1).round().long(), "no order"),
    (lesson01.neighbours, lambda a, y, b, k: nearest_labels(a, y, b, k).median(1).values, "median"),
    (lesson01.neighbours, lambda a, y, b, k: nearest_labels(a, y, b, k).max(1).values if k > 3 else vote(a, y, b, k),
     "disagree"),
    *((lesson01.neighbours, weighted(weight), "counts more") for weight in (
        lambda cosines: cosines, lambda cosines: (1 + cosines) / 2, torch.exp)),
    (lesson01.neighbours, lambda a, y, b, k: vote(a, y, b, k) + 2 * (len(a) == 4), "two are far"),
    (lesson01.neighbours, lambda a, y, b, k: F.normalize(b, dim=1) @ F.normalize(a, dim=1).T, "shape"),
    (lesson01.wrong_labels, every_face_decides, "decided on its own"),
    (lesson01.wrong_labels, any_class, "the old one"),
    (lesson01.wrong_labels, drawn_twice, "drawn twice"),
    (lesson01.wrong_labels, next_class, "uniformly"),
    (lesson01.wrong_labels, unseeded, "second time"),
    (lesson01.wrong_labels, unseeded_rows, "second time"),
    (lesson01.wrong_labels, lambda y, c, r, s: slip(y, c, int(r * len(y)) / len(y), s), "neither down nor up"),
    (lesson01.wrong_labels, lambda y, c, r, s: slip(y, 7, r, s), "though there are 5 classes"),
    (lesson01.wrong_labels, lambda y, c, r, s: slip(y, c, r or 1, s), "at rate 0"),
    (lesson01.wrong_labels, lambda y, c, r, s: slip(y, c, 0.3 if r else 0, s), "`rate` or `classes`"),
    (lesson01.wrong_labels, lambda y, c, r, s: slip(y, c, r, 0), "another seed"),
    (lesson01.wrong_labels, uneven, "too often"),
    (lesson01.wrong_labels, half_seeded(0, None), "the same faces"),
    (lesson01.wrong_labels, half_seeded(None, 0), "just as many labels"),
    (lesson01.wrong_labels, slip_at(lambda y: torch.arange(len(y))), "at random"),
    (lesson01.wrong_labels, slip_at(lambda y: y.argsort(stable=True)), "at random"),
    (lesson01.wrong_labels, beyond, "modulo"),
    (lesson01.wrong_labels, lambda y, c, r, s: y, "0 of 2,100"),
    (lesson01.wrong_labels, in_place, "changes its inputs"),
]
