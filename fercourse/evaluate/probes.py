"""What frozen features know: simple readers trained on them after the fact."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..device import exact
from ..errors import InputError
from ..seeds import generator
from .neighbours import knn_predict

STILL = 1e-6          # a feature whose spread is no more never moved; dividing by it would blow up where it does


@dataclass(frozen=True)
class Probe:
    """A linear reader of features: `probe(features)` gives logits [N, C]."""

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        return ((features.to(self.weight) - self.mean) / self.scale) @ self.weight + self.bias


def linear_probe(features: Tensor, labels: Tensor, classes: int | None = None, decay: float = 1e-3,
                 steps: int = 200) -> Probe:
    """Fit multinomial logistic regression by L-BFGS on standardised features; deterministic.

    Minimises mean cross-entropy + `decay / 2 * |weight|^2`: scikit-learn's C is 1 / (decay * N).

    Args:
        features: [N, D]; labels: int64 [N], faces without one (-1) are left out.
        classes: number of classes (default: the largest label + 1).

    Raises:
        InputError: no face has a label.
    """
    fine = torch.float32 if features.device.type == "mps" else torch.float64      # MPS has no float64
    x, y = _taught(features, labels, labels >= 0)
    x = x.to(fine)
    mean, scale = _spread(x)
    x.sub_(mean).div_(scale)                                 # in place: of 300,000 wide features there is room for one
    weight = x.new_zeros(x.shape[1], classes or int(y.max()) + 1, requires_grad=True)
    bias = x.new_zeros(weight.shape[1], requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=steps, tolerance_grad=1e-7, line_search_fn="strong_wolfe")

    def loss():
        solver.zero_grad()
        value = F.cross_entropy(x @ weight + bias, y) + decay / 2 * weight.square().sum()
        value.backward()
        return value
    with torch.enable_grad():
        solver.step(loss)
    return Probe(mean, scale, weight.detach(), bias.detach())


def mlp_probe(features: Tensor, labels: Tensor, classes: int | None = None, hidden: int = 128, decay: float = 1e-2,
              steps: int = 300, seed: int = 0):
    """Fit a reader with one hidden layer, which also finds what is not laid out along straight lines.

    Args:
        features: [N, D]; labels: int64 [N], faces without one (-1) are left out.
        steps: of AdamW on batches of 256 drawn with `seed`; the same call gives the same reader.

    Returns:
        A function of features [M, D] that gives logits [M, C].

    Raises:
        InputError: no face has a label.
    """
    x, y = _taught(features, labels, labels >= 0)
    x = x.float()
    mean, scale = _spread(x)
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), torch.enable_grad():
        torch.manual_seed(seed)
        reader = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Dropout(0.2),
                               nn.Linear(hidden, classes or int(y.max()) + 1)).to(x.device)
        solver = torch.optim.AdamW(reader.parameters(), 1e-3, weight_decay=decay)
        for _ in range(steps):
            rows = torch.randint(len(x), (min(256, len(x)),)).to(x.device)
            loss = F.cross_entropy(reader((x[rows] - mean) / scale), y[rows])
            solver.zero_grad()
            loss.backward()
            solver.step()
    reader.eval().requires_grad_(False)
    return lambda asked: reader((asked.float() - mean) / scale)


def affect_probe(features: Tensor, affect: Tensor, decay: float = 1e-2):
    """Fit ridge regression of valence and arousal on standardised features; deterministic.

    Args:
        features: [N, D]; affect: [N, 2], rows with NaN are left out.
        decay: added to each squared scale, which is 1.

    Returns:
        A function of features [M, D] that gives valence and arousal [M, 2].

    Raises:
        InputError: no face has valence and arousal.
    """
    x, y = map(exact, _taught(features, affect, ~affect.isnan().any(1), "valence and arousal; expected -1 to 1"))
    (mean, scale), middle = _spread(x), y.mean(0)
    x = (x - mean) / scale
    square = x.T @ x / len(x) + decay * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(square, x.T @ (y - middle) / len(x))
    return lambda asked: ((exact(asked) - mean) / scale @ weight + middle).float().to(asked.device)


def _taught(features, answers, known, what="a label; expected labels from 0 on"):
    """Return copies of the features and the answers that are known; raise InputError if none is."""
    if not known.any():
        raise InputError(f"a probe was asked for, but no face has {what}")
    known = known.to(features.device)
    return features.detach()[known], answers.to(features.device)[known]


def _spread(features):
    """Return the mean and the standard deviation of each column, 1 for one that never moved."""
    mean, scale = features.mean(0), features.std(0, correction=0)
    return mean, torch.where(scale > STILL, scale, 1)


READERS = {"linear": partial(linear_probe, decay=1e-2), "mlp": mlp_probe}


def readable(known: Tensor, labels: Tensor, asked: Tensor, truth: Tensor, readers=tuple(READERS)) -> dict:
    """Return how well fresh readers tell a concept from frozen features.

    Args:
        known, labels: features [N, D] that teach the readers and what they shall tell, -1 where it is not known.
        asked, truth: features and truth [M] of other faces, which score them.
        readers: names of `READERS`.

    Returns:
        `linear` and `mlp` accuracy, and `chance`: that of always naming the commonest answer among `labels`.
    """
    there, classes = truth >= 0, int(max(labels.max(), truth.max())) + 1
    most = labels[labels >= 0].bincount().argmax()
    report = {"chance": (truth[there].cpu() == most.cpu()).float().mean().item()}
    for name in readers:
        guess = READERS[name](known, labels, classes)(asked[there]).argmax(1).cpu()
        report[name] = (guess == truth[there].cpu()).float().mean().item()
    return report


def knn_accuracy(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor, count: int = 20) -> float:
    """Return the share of test faces whose nearest training faces vote for their class.

    Args:
        train: [N, D]; labels: int64 [N]; test: [M, D]; truth: int64 [M]; faces without a label (-1) are left out.
        count: k, how many neighbours vote.
    """
    known, asked = labels >= 0, truth >= 0
    guess = knn_predict(train[known], labels[known], test[asked], count).argmax(1)
    return (guess == truth[asked].to(guess.device)).float().mean().item()


def has_leak(identity: Tensor) -> bool:
    """Return whether `identity_leak` can be asked: two people, at least, with two pictures each."""
    people, counts = identity.unique(return_counts=True)
    return int(((counts > 1) & (people >= 0)).sum()) >= 2


def identity_leak(features: Tensor, identity: Tensor, seed: int = 0, share: float = 0.5, fit=linear_probe) -> dict:
    """Return how well people can be told apart by features: a probe, fitted by `fit`, on held-out pictures of them.

    Give it people that the features' network never saw. Some of each person's pictures teach the probe, the
    others test it; people with a single picture are left out.

    Args:
        features: [N, D]; identity: int64 [N], -1 where it is not known.
        share: of a person's pictures that teach.

    Returns:
        `accuracy`, `chance` (always naming the person seen most) and `people`.

    Raises:
        InputError: fewer than two people with two pictures.
    """
    identity = identity.cpu()
    if not has_leak(identity):
        raise InputError("identity leakage needs two people with two pictures each; this set has not")
    order = torch.randperm(len(identity), generator=generator("identity leak", seed))
    people, number, counts = identity.unique(return_inverse=True, return_counts=True)
    several = (counts > 1) & (people >= 0)
    taught, asked = _halves(order[several[number[order]]], number, counts, share)
    rank = several.cumsum(0) - 1                                          # people left out get no number
    person = rank[number].to(features.device)
    probe = fit(features[taught], person[taught], int(several.sum()))
    right = probe(features[asked]).argmax(1) == person[asked]
    chance = person[asked].bincount().max() / len(asked)
    return {"accuracy": right.float().mean().item(), "chance": chance.item(), "people": int(several.sum())}


def _halves(order, number, counts, share):
    """Return rows that teach and rows that test: both hold at least one picture of every person."""
    by_person = order[number[order].argsort(stable=True)]
    start = torch.cat([torch.ones(1, dtype=torch.bool), number[by_person].diff() != 0])
    first = start.nonzero().flatten()[start.cumsum(0) - 1]
    place = torch.arange(len(by_person)) - first                          # 0, 1, … within each person
    taught = place < (counts[number[by_person]] * share).round().clamp(min=1).minimum(counts[number[by_person]] - 1)
    return by_person[taught], by_person[~taught]
