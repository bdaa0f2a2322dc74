"""Two classics of domain adaptation beside DMSRL: a classifier whose features a discriminator cannot tell apart."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..losses.adversarial import Discriminator, conditioned, domain_loss, domain_ramp, reverse
from .base import Hyper, Method, register, within


@dataclass
class DannHyper(Hyper):
    """Hyper-parameters of DANN and CDAN.

    Attributes:
        adversary: weight of the reversed gradient, times the ramp over the training.
        conditional: show the discriminator the class shares, too.
        label_smoothing: of the cross-entropy.
    """

    ema: float = 0.98
    adversary: float = 1.0
    conditional: bool = False
    label_smoothing: float = 0.1


@register("dann")
class Dann(Method):
    """Domain-adversarial training (Ganin et al. 2016): both domains in one batch, one discriminator of the features."""

    target_views = ("weak",)
    Hyper = DannHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        within(hyper, adversary=(0, 1e6), label_smoothing=(0, 1))
        width, kinds = self.backbone.width, len(classes)
        self.head = nn.Linear(width, kinds)
        self.discriminator = Discriminator(width * (kinds if hyper.conditional else 1))

    def forward(self, batch, progress):
        count = len(batch.labels)
        features = self.backbone.features(torch.cat([batch.views[0], batch.target.views[0]]))
        logits = self.head(features)
        classify = F.cross_entropy(logits[:count].float(), batch.labels, label_smoothing=self.hyper.label_smoothing)
        adversarial = reverse(features, self.hyper.adversary * domain_ramp(progress))
        guesses = self.discriminator(conditioned(adversarial, logits) if self.hyper.conditional else adversarial)
        domain, right = domain_loss(guesses[:count], guesses[count:])
        return {"total": classify + domain, "classify": classify, "domain": domain, "told_domain": right}

    def decide(self, features):
        return self.head(features)


@dataclass
class CdanHyper(DannHyper):
    """Hyper-parameters of CDAN: those of DANN, conditional."""

    conditional: bool = True


@register("cdan")
class Cdan(Dann):
    """Conditional adversarial domain adaptation (Long et al. 2018): the discriminator sees features class by class."""

    Hyper = CdanHyper
