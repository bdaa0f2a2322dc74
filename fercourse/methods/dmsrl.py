"""DMSRL: margin-sensitive representations across domains (Li et al., IEEE TMM 2022).

Labels in one domain, none in the other. Making the two alike is not enough: classes that are told apart in neither
agree perfectly. So class centres are kept apart in each domain, and each class's two centres are drawn together.

Found, in code of the authors (JDMAN) that covers this paper: L = CE + alpha w L_SML + beta L_domain; the terms of
L_SML; learnable centres with an optimiser of their own; argmax pseudo labels at every step; the reversed gradient; the
four corners. Our choice, marked DC: everything else.
"""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import augment
from ..distributed import counted, gather, share
from ..errors import InputError
from ..evaluate.probes import linear_probe
from ..evaluate.unlabelled import entropy, information, neighbourhood_density
from ..losses.adversarial import Discriminator, domain_loss, domain_ramp, reverse, scale_gradient
from ..losses.margin import SOURCE, TARGET, SemanticMetric, class_means
from ..losses.mutual_information import VClub
from ..models.backbone import map_shape
from ..models.corners import Corners
from ..models.descriptor import expressions
from ..models.norms import as_source, keep_two_statistics
from ..models.surface import Surface
from ..pseudo import most_sure
from .base import Hyper, Method, make_optimiser, one_of, register, within

PSEUDO, CENTRES = ("epoch", "step"), ("means", "random")
JUDGES = ("discriminator", "critic", "tell", "sensitive")
WEIGHTS = ("metric", "margin", "align", "adversary", "information", "self_train", "geometry")
SENSITIVE = 16                    # width of the domain-sensitive component


@dataclass
class DmsrlHyper(Hyper):
    """Hyper-parameters of DMSRL.

    Attributes:
        metric: alpha, how much the features hear of L_SML; found 0.01 for distances not divided by the width, ours is
            ten times that (DC).
        margin, align: of L_SML, see `losses.margin`; lambda, which is align, was found as 0.01, ours is ten times that
            (DC).
        centre_rate: how far a centre goes to the mean of its class in a step, if it is 1/K of the batch; above
            2 / (K * share), the centre of a class of a larger share overshoots it ever further.
        centres: `means` puts them at the class means when target faces get labels (DC), `random` at N(0, 1) (found).
            Before, source features already hear their random centres, by the little that w lets through.
        adversary: beta, of the reversed gradient; found 0.01, ours is ten times that (DC).
        sensitive: also learn a domain-sensitive component and keep it independent of the invariant one, as the
            abstract says (DC); information: weight of the vCLUB of the two.
        local: add the four corners to the global feature; local_width: of each corner.
        own_norms: batch norm statistics of its own for each domain (DC); else both share a batch, as found.
        pseudo: when the target's labels are told anew: each `step` by the network in training (found), or each
            `epoch` by the averaged one (DC).
        believe: share of each class's faces that is believed towards the end, rising epoch by epoch from half of it to
            nearly all of it. With `step` it is the same from `begin` on; 1 is all (found).
        balanced: that share of each class; else of all faces.
        self_train: weight of the cross-entropy on believed target faces (DC); 0 as found. It costs between the
            rendered domains and gains from them to photographs (study `domains`).
        geometry: weight of a second opinion in the target's labels, of a linear reader of landmarks that knows the
            source's labels (DC): where landmarks lie survives a change of light, lens and skin that pictures do not.
        begin: share of the training before target faces have labels.
        width: of the embedding.
        label_smoothing: of the cross-entropy.
    """

    ema: float = 0.98
    metric: float = 0.1
    margin: float = 0.5
    align: float = 0.1
    centre_rate: float = 0.1
    centres: str = "means"
    adversary: float = 0.1
    sensitive: bool = True
    information: float = 0.01
    local: bool = True
    local_width: int = 32
    own_norms: bool = True
    pseudo: str = "epoch"
    believe: float = 0.6
    balanced: bool = True
    self_train: float = 0.0
    geometry: float = 0.0
    begin: float = 0.25
    width: int = 128
    label_smoothing: float = 0.1


@register("dmsrl")
class Dmsrl(Method):
    """Source with labels, target with pseudo labels; centres in both; a discriminator that is made to fail."""

    target_views = ("weak",)
    Hyper = DmsrlHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        if len(classes) < 2:
            raise InputError(f"dmsrl tells classes apart, but here are {len(classes)}; expected two or more")
        one_of(hyper, pseudo=PSEUDO, centres=CENTRES)
        within(hyper, **{weight: (0, 1e6) for weight in WEIGHTS}, centre_rate=(0, 1), begin=(0, 1), width=(1, 10**5),
               believe=(1e-6, 1), local_width=(1, 10**5), label_smoothing=(0, 1))
        self.corners = Corners(map_shape(self.backbone, size)[0], hyper.local_width) if hyper.local else None
        joint = self.backbone.width + (self.corners.width if hyper.local else 0)
        self.invariant = nn.Sequential(nn.Linear(joint, hyper.width, bias=False), nn.BatchNorm1d(hyper.width))
        self.head = nn.Linear(hyper.width, len(classes))
        self.metric = SemanticMetric(len(classes), hyper.width, hyper.margin, hyper.align)
        self.discriminator = Discriminator(hyper.width)
        if hyper.sensitive:
            self.sensitive = Surface(SENSITIVE)
            self.tell = Discriminator(SENSITIVE)
            self.critic = VClub(hyper.width, SENSITIVE)
        self.domain = "target"                        # whose statistics of batch norm `embed` uses
        if hyper.own_norms:
            keep_two_statistics(self)

    def setup(self, faces, target=None):
        """Keep the source's labels, and for every target face a pseudo label that nobody believes yet."""
        super().setup(faces, target)
        unknown = torch.zeros(len(target), dtype=torch.int64, device=self.device)
        self.memory |= {"target_labels": unknown, "target_believed": torch.zeros_like(unknown, dtype=torch.bool)}
        if self.hyper.geometry:
            self.memory["target_geometry"] = self._read_landmarks(faces, target)

    def _read_landmarks(self, source, target):
        """Return log p(class) of each target face by its landmarks, [N, K]; 0 where none are found."""
        logits, has_landmarks = read_landmarks(source, target, self.device)
        return (logits.log_softmax(1) * has_landmarks[:, None]).float().to(self.device)

    # ------------------------------------------------------------------ features

    def parts(self, images):
        """Return what is seen of normalised images: the global feature, and the four local ones, side by side."""
        return self._joined(*self.backbone.features_and_maps(images))

    def _joined(self, features, maps):
        return features if self.corners is None else torch.cat([features, self.corners(maps)], 1)

    def embed(self, images):
        """Return the domain-invariant component [B, D] of uint8 images, taken to be of the target; see `seen_as`."""
        with self._statistics():
            return self.invariant(self.parts(augment.normalise(images)))

    def maps(self, images):
        with self._statistics():
            return super().maps(images)

    def embed_maps(self, maps):
        with self._statistics():
            return self.invariant(self._joined(self.backbone.pool(maps), maps))

    def _statistics(self):
        return as_source(self) if self.domain == "source" else nullcontext()

    def decide(self, features):
        return self.head(features)

    @contextmanager
    def seen_as(self, domain: str):
        """Let `embed`, and what relies on it, take faces to be of the `source` or of the `target` for a while."""
        before, self.domain = self.domain, domain
        try:
            yield
        finally:
            self.domain = before

    def _both(self, batch):
        """Return invariant features of the source and of the target, which are normalised apart or not."""
        source, target = batch.views[0], batch.target.views[0]
        if self.hyper.own_norms:
            with as_source(self):
                z_source = self.invariant(self.parts(source))
            return z_source, self.invariant(self.parts(target))
        return self.invariant(self.parts(torch.cat([source, target]))).split([len(source), len(target)])

    # ------------------------------------------------------------------ once an epoch: what the target's labels may be

    def start_epoch(self, epoch, look):
        """Tell the target's labels anew, and put the centres at the class means when they begin."""
        h, logits = self.hyper, look("logits", of="target")
        facts = {"entropy": entropy(logits), "information": information(logits),
                 "density": neighbourhood_density(logits)}
        if epoch == 0 or look.progress < h.begin:
            return facts
        begun = self.memory["target_believed"].any()
        share = h.believe * (0.5 + 0.5 * (look.progress - h.begin) / max(1 - h.begin, 1e-6))
        pseudo_labels, believed = most_sure(self._opinion(logits), share, h.balanced)
        self.memory |= {"target_labels": pseudo_labels, "target_believed": believed}
        if not begun and h.centres == "means":
            self._place_centres(look)
        return facts | {"believed": believed.float().mean(), "rarest": torch.bincount(
            pseudo_labels[believed], minlength=len(self.classes)).min()}

    def _opinion(self, logits, rows=slice(None)):
        """Return the network's logits of target faces with what their landmarks say, if that is asked."""
        if not self.hyper.geometry:
            return logits
        return logits.float().log_softmax(1) + self.hyper.geometry * self.memory["target_geometry"][rows]

    def _place_centres(self, look):
        """Put the centres at the class means of both domains; a class that nobody is told has the source's."""
        with self.seen_as("source"):
            source = look("embedding")
        means = class_means(source, self.memory["labels"], len(self.classes))
        self.metric.place(SOURCE, means)
        target, m = look("embedding", of="target"), self.memory
        self.metric.place(TARGET, class_means(target, m["target_labels"], len(means), m["target_believed"], means))

    # ------------------------------------------------------------------ every step

    def forward(self, batch, progress):
        """Return L = CE + alpha w L_SML + beta L_domain, and the terms of our own.

        The gradient of the network is that of L. The value is not, nor the gradient of centres and discriminator: alpha
        w and beta w scale only what the features hear, so that these two learn at full weight (DC).
        """
        h, w = self.hyper, domain_ramp(progress)
        source, target = self._both(batch)
        logits, target_logits = self.head(source), self.head(target)
        pseudo_labels, believed = self._pseudo_labels(batch.target.index, target_logits, progress)
        parts = {"classify": F.cross_entropy(logits.float(), batch.labels, label_smoothing=h.label_smoothing)}
        losses = F.cross_entropy(target_logits.float(), pseudo_labels, reduction="none")
        parts["self_train"] = (losses * believed).sum() / counted(believed.sum())
        parts |= self._metric_terms(source, batch.labels, target, pseudo_labels, believed, h.metric * w)
        parts["domain"], parts["told_domain"] = domain_loss(self.discriminator(reverse(source, h.adversary * w)),
                                                            self.discriminator(reverse(target, h.adversary * w)))
        total = parts["classify"] + h.self_train * w * parts["self_train"] + parts["domain"]
        total = total + parts["intra"] + parts["penalty"] + parts["align"]
        if h.sensitive:
            images = torch.cat([batch.views[0], batch.target.views[0]])
            parts |= self._sensitive_terms(images, torch.cat([source, target]), len(source))
            total = total + parts["sensitive"] + w * h.information * parts["shared"] + parts["critic"]
        return {"total": total, **parts}

    def _pseudo_labels(self, index, logits, progress):
        """Return pseudo labels of the target faces, and how much each is believed, 0 or 1."""
        if self.hyper.pseudo == "epoch":
            return self.memory["target_labels"][index], self.memory["target_believed"][index].float()
        opinion = gather(self._opinion(logits.detach(), index).float())           # the surest of all processes' faces
        pseudo_labels, believed = map(share, most_sure(opinion, self.hyper.believe, self.hyper.balanced))
        return pseudo_labels, believed.float() * (progress >= self.hyper.begin)

    def _metric_terms(self, source, labels, target, pseudo_labels, believed, weight):
        """Return the terms of L_SML: centres hear them in full, features by alpha w; each keeps its pace."""
        pulls = (self.metric(SOURCE, scale_gradient(source, weight), labels)
                 + self.metric(TARGET, scale_gradient(target, weight), pseudo_labels, believed))
        return {"intra": pulls, **self.metric.between()}

    def _sensitive_terms(self, images, invariant, count):
        """Return the losses of the sensitive component: it tells the domain, and nothing of the invariant one (DC).

        It looks at the pictures themselves: features whose statistics are normalised domain by domain tell it no more.
        """
        sensitive = self.sensitive(images)
        logits = self.tell(sensitive)
        loss, right = domain_loss(logits[:count], logits[count:])
        shared = self.critic(invariant, sensitive.detach())
        return {"sensitive": loss, "told_by_sensitive": right, "shared": shared["bound"], "critic": shared["fit"]}

    def optimisers(self, lr):
        """Return three optimisers: of the network, of its judges, and of the centres, at a constant rate (found).

        Gradients are clipped optimiser by optimiser: a critic's, which are large, must not make the network's small.
        """
        judges = nn.ModuleList(part for name, part in self.named_children() if name in JUDGES)
        rest = nn.ModuleList(part for name, part in self.named_children() if name not in (*JUDGES, "metric"))
        return [make_optimiser(rest, lr, self.hyper), make_optimiser(judges, lr, self.hyper),
                self.metric.optimiser(self.hyper.centre_rate)]


def read_landmarks(source, target, device="cpu") -> tuple[Tensor, Tensor]:
    """Return what a linear reader of landmarks, taught by the source's labels, says of the target (DC).

    Args:
        source, target: FaceSets; device: where landmarks are searched.

    Returns:
        Logits [N, K] of the target's faces over the source's classes, and in which of them landmarks were found, [N].
    """
    known, asked = (expressions(faces, device=device) for faces in (source, target))
    probe = linear_probe(known, source.labels, len(source.classes), decay=1e-2)
    return probe(asked), asked.any(1)
