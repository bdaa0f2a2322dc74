"""What frozen features know: simple readers trained on them after the fact."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..seeds import generator
from .neighbours import knn_predict


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

    Minimises mean cross-entropy + decay / 2 * |weight|^2: scikit-learn's C is 1 / (decay * N).

    Args:
        features: [N, D]; labels: int64 [N], faces without one (-1) are left out.
        classes: number of classes (default: the largest label + 1).
    """
    known = labels.to(features.device) >= 0
    if not known.any():
        raise InputError("a probe was asked for, but no face has a label; expected labels from 0 on")
    exact = torch.float32 if features.device.type == "mps" else torch.float64     # MPS has no float64
    x, y = features[known].to(exact), labels.to(features.device)[known]
    mean, scale = x.mean(0), x.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1)
    x = (x - mean) / scale
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


def knn_accuracy(train: Tensor, labels: Tensor, test: Tensor, truth: Tensor, count: int = 20) -> float:
    """Return the share of test faces whose nearest training faces vote for their class."""
    known, asked = labels >= 0, truth >= 0
    guess = knn_predict(train[known], labels[known], test[asked], count).argmax(1)
    return (guess == truth[asked].to(guess.device)).float().mean().item()


def identity_leak(features: Tensor, identity: Tensor, seed: int = 0, share: float = 0.5) -> dict:
    """Return how well people can be told apart by features: a linear probe on held-out pictures of them.

    Give it people that the features' network never saw. Half of each person's pictures teach the probe, the
    others test it; people with a single picture are left out.

    Returns:
        `accuracy`, `chance` (always naming the person seen most) and `people`.
    """
    identity = identity.cpu()
    order = torch.randperm(len(identity), generator=generator("identity leak", seed))
    people, number, counts = identity.unique(return_inverse=True, return_counts=True)
    several = (counts > 1) & (people >= 0)
    if several.sum() < 2:
        raise InputError("identity leakage needs two people with two pictures each; this set has not")
    taught, asked = _halves(order[several[number[order]]], number, counts, share)
    rank = several.cumsum(0) - 1                                          # people left out get no number
    person = rank[number].to(features.device)
    probe = linear_probe(features[taught], person[taught], int(several.sum()))
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
