"""A sixth method in one file: softmax with an additive margin on cosines (CosFace, Wang et al., CVPR 2018).

Train it without touching the library:

    fercourse --use examples/margin_softmax.py train margin-softmax --data synthfaces/lab --set margin=0.2
    fercourse --use examples/margin_softmax.py evaluate runs/margin-softmax-1 --data synthfaces/lab
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fercourse.methods import Hyper, Method, register


@dataclass
class MarginHyper(Hyper):
    """Hyper-parameters of the margin softmax.

    Attributes:
        margin: m, what the cosine to a face's own class is lowered by; 0 is a plain softmax of cosines.
        scale: s, what cosines are multiplied by; the larger, the surer the softmax may become.
    """

    margin: float = 0.2
    scale: float = 16.0


def margin_logits(cosines: Tensor, labels: Tensor, margin: float, scale: float) -> Tensor:
    """Return s (cos - m) for each face's own class and s cos for the others, [B, C]: equation 4 of the paper."""
    return scale * (cosines - margin * F.one_hot(labels, cosines.shape[1]))


@register("margin-softmax")
class MarginSoftmax(Method):
    """One direction a class on the unit sphere; a face must be nearer to its own by a margin."""

    Hyper = MarginHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        self.directions = nn.Parameter(torch.randn(len(classes), self.backbone.width))

    def forward(self, batch, progress):
        cosines = self.cosines(self.backbone.features(batch.views[0])).float()
        return {"total": F.cross_entropy(margin_logits(cosines, batch.labels, self.hyper.margin, self.hyper.scale),
                                         batch.labels)}

    def cosines(self, features):
        """Return the cosine [B, C] of each face to each class."""
        return F.normalize(features, dim=1) @ F.normalize(self.directions, dim=1).T

    def decide(self, features):
        return self.hyper.scale * self.cosines(features)
