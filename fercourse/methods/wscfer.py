"""WSCFER: weakly supervised contrastive learning for facial expression recognition (Nie et al., IROS 2023).

Class labels alone leave what one face shows unsaid. So a second space is learnt beside that of the classes: instances,
in which a face is near its other view and far from faces of other classes; faces of its own class are left alone.
"""

import logging
from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import nn

from ..errors import InputError
from ..losses.adversarial import scale_gradient
from ..losses.consistency import similarity_consistency, view_consistency
from ..losses.contrastive import RULES, all_pairs, instance_contrast
from ..schedule import ramp
from .base import Hyper, Method, one_of, register, within

FORMS = ("spaces", "views")
log = logging.getLogger("fercourse")


@dataclass
class WscferHyper(Hyper):
    """Hyper-parameters of WSCFER; none was found but the family of the backbone. Ours: the study `wscfer-tuning`.

    Attributes:
        rule: who attracts whom: `wsc`, `supcon`, `simclr`; see `losses.contrastive`.
        contrast: alpha, weight of the instance contrast, chosen beside the consistency; 0 leaves a classifier on two
            views.
        consistency: beta, weight of the partial consistency; form: `views` or `spaces`, see `losses.consistency`.
        rise: share of the training over which the consistency gains its weight, in proportion; 0: it has it at once.
        temperature: t, of the instance space; class_temperature: t_c, of that of the classes.
        begin, ramp: share of the training before the backbone listens to the instances, and share over which it
            does so more and more; the projector learns from the first step. 5 of 60 epochs.
        fade: share of the training at whose end it listens no more; 0 never fades.
        width: of the instance space.
        label_smoothing: of the cross-entropy.
    """

    rule: str = "wsc"
    contrast: float = 0.02
    consistency: float = 5.0
    form: str = "views"
    rise: float = 0.5
    temperature: float = 0.5
    class_temperature: float = 0.2
    begin: float = 0.08
    ramp: float = 0.0
    fade: float = 0.0
    width: int = 128
    label_smoothing: float = 0.0


@register("wscfer")
class Wscfer(Method):
    """Two views, one backbone, a classifier and a projector: L = CE + alpha WSC + beta PCL."""

    views = ("weak", "weak")
    Hyper = WscferHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        one_of(hyper, rule=RULES, form=FORMS)
        within(hyper, contrast=(0, 1e6), consistency=(0, 1e6), rise=(0, 1), temperature=(1e-4, 100),
               class_temperature=(1e-4, 100), begin=(0, 1), ramp=(0, 1), fade=(0, 1), width=(1, 10**5),
               label_smoothing=(0, 1))
        width = self.backbone.width
        self.head = nn.Linear(width, len(classes))
        self.projector = nn.Sequential(nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, hyper.width))

    def setup(self, faces, target=None):
        super().setup(faces, target)
        if self.hyper.consistency and self.hyper.form == "views" and len(self.views) != 2:
            raise InputError(f"wscfer: the form 'views' compares two views of a face, but here are {len(self.views)}; "
                             "expected two, or form='spaces'")
        if len(faces.labels.unique()) < 2:
            log.warning(f"wscfer: {faces.name} has faces of one class only: nothing is negative, and WSC stays 0")

    def forward(self, batch, progress):
        features = self.backbone.features(batch.views.flatten(0, 1))                 # u [2B, D], view by view
        listened = scale_gradient(features, self.heard(progress))                    # the same values
        projections, logits = self.projector(listened), self.head(features)          # z [2B, E], [2B, C]
        pairs = all_pairs(batch.labels, batch.index, len(batch.views), self.hyper.rule)
        classify = F.cross_entropy(logits.float(), batch.labels.repeat(len(batch.views)),
                                   label_smoothing=self.hyper.label_smoothing)
        contrast = instance_contrast(projections, pairs, self.hyper.temperature)     # (2.1)
        consistency = self._agree(listened, projections, logits, pairs)              # (2.5) or (2.6)
        beta = self.hyper.consistency * (ramp(progress, 0.0, self.hyper.rise) if self.hyper.rise else 1.0)
        total = classify + self.hyper.contrast * contrast + beta * consistency
        return {"total": total, "classify": classify, "contrast": contrast, "consistency": consistency}

    def _agree(self, features, projections, logits, pairs):
        if self.hyper.form == "views":
            return view_consistency(*logits.chunk(2))
        partial = replace(pairs, rule="wsc")                     # the partial set is WSC's, whatever the contrast
        return similarity_consistency(features, projections, partial, self.hyper.class_temperature,
                                      self.hyper.temperature)

    def heard(self, progress: float) -> float:
        """Return how much of the instance terms' gradient reaches the backbone, from 0 to 1."""
        h = self.hyper
        risen = ramp(progress, h.begin, h.begin + h.ramp) if h.ramp else float(progress >= h.begin)
        return risen if h.fade == 0 else risen * max(0.0, 1 - progress / h.fade)

    def decide(self, features):
        return self.head(features)

    def see(self, images):
        """Return both spaces: `embedding` u and `logits`, and `projection` z."""
        features = self.embed(images)
        return {"embedding": features, "logits": self.head(features), "projection": self.projector(features)}
