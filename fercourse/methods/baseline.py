"""Baseline: a plain supervised classifier, or regressor of valence and arousal."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import nn

from ..distributed import gather
from ..faces.sampling import BALANCES, class_weights
from ..losses.concordance import concordance_loss
from .base import Hyper, TaskMethod, one_of, register, within


@dataclass
class BaselineHyper(Hyper):
    """Hyper-parameters of the baseline.

    Attributes:
        task: `classes` or `valence_arousal`.
        label_smoothing: share of the target that is spread over all classes.
        balance: weight of a class: `none`, `inverse` to its frequency, or by its `effective` number of
            samples (Cui et al. 2019).
        concordance: weight of the CCC loss beside the squared error.
    """

    task: str = "classes"
    label_smoothing: float = 0.1
    balance: str = "none"
    concordance: float = 1.0


@register("baseline")
class Baseline(TaskMethod):
    """Cross-entropy on one view, or squared error and concordance for valence and arousal."""

    Hyper = BaselineHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        one_of(hyper, balance=BALANCES)
        within(hyper, concordance=(0, 1e6), label_smoothing=(0, 1))
        self.head = nn.Linear(self.backbone.width, 2 if self.regresses else len(classes))

    def setup(self, faces, target=None):
        super().setup(faces, target)
        labels = self.memory["labels"]
        self.memory["class_weights"] = class_weights(labels, len(self.classes), self.hyper.balance)

    def forward(self, batch, progress):
        features = self.backbone.features(batch.views[0])
        return self._regress(features, batch) if self.regresses else self._classify(features, batch)

    def _classify(self, features, batch):
        losses = F.cross_entropy(self.head(features).float(), batch.labels, reduction="none",
                                 label_smoothing=self.hyper.label_smoothing)
        return {"total": (losses * self.memory["class_weights"][batch.labels]).mean()}

    def _regress(self, features, batch):
        # Concordance is a statement about the whole batch, so every process computes it on all rows.
        guess, truth = gather(self.decide(features).float()), gather(batch.extra["valence_arousal"])
        squared, concordance = F.mse_loss(guess, truth), concordance_loss(guess, truth)
        return {"total": squared + self.hyper.concordance * concordance, "squared": squared,
                "concordance": concordance}
