"""HNCL: heatmap neighbour contrastive learning (Liu et al., IEEE TMM 2025): no labels until the probe.

Two views of a face are alike (MoCo v2); so are faces whose facial heatmaps are alike, whoever they show. From the
abstract: augmentation alone gives too little variety of positives, and heatmaps find more. The loss, the queue and
the descriptor are our design choices; `losses.neighbour_contrast` and `models.descriptor` say which and why.
"""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..distributed import gather
from ..ema import follow
from ..errors import InputError
from ..evaluate.probes import linear_probe
from ..faces.sampling import stratified_rows
from ..losses.neighbour_contrast import neighbour_contrast
from ..models.descriptor import EXPRESSED_BY, expressions
from .base import Hyper, Method, create, one_of, register, within

SOURCES = ("none", "random", "embedding", "heatmap", "class")
SHARED = ("identity", "group")                 # what neighbours must not share if they are to be apart


@dataclass
class HnclHyper(Hyper):
    """Hyper-parameters of HNCL; the values are for the course's small sets and short trainings.

    For more, set `key_decay`, `queue`, `count` and `weight` by the text below; `studies.selfsup.LONG` does so.

    Attributes:
        neighbours: where further positives come from: `none` (MoCo), `random`, `embedding` (NNCLR's idea),
            `heatmap` (HNCL), `class` (the label: an oracle).
        count: k, neighbours a face, at most a quarter of the queue, for somebody must be left to be told from; 1 to
            5 where a queue holds many of the very same expression.
        weight: of the neighbours' term, lambda; 0.8 in Shu et al. 2022, in trainings a hundred times as long.
        begin: share of the training after which it counts; 10 of 200 epochs.
        temperature: of the loss.
        queue: earlier keys kept; at most a quarter of the set. 4,096 to 65,536.
        key_decay: momentum m of the key encoder, which is what the query encoder was some 1 / (1 - m) steps ago; so it
            goes with the steps of a training: 0.9 for 1,000 or 2,000, 0.99 for 20,000, 0.999 for hundreds of thousands.
        key_groups: in so many shuffled parts the key encoder's batch norm sees a batch, so that its figures do not give
            away which key belongs to which query; MoCo shuffles over GPUs. 1 shuffles nothing.
        width: of the contrasted embedding.
        detector: of landmarks: `embedded`, `face-alignment`, or `given` (the set's own landmarks).
        apart: neighbours must be other people and of another group (a video, near-duplicates), where these are known.
            Other pictures of a face's group are no negatives either, for they may be the same picture; those of the
            same person in another group stay negatives.
        labels: share of the labels that the linear probe at the end may use.
    """

    neighbours: str = "heatmap"
    count: int = 20
    weight: float = 5.0
    begin: float = 0.05
    temperature: float = 0.2
    queue: int = 1024
    key_decay: float = 0.9
    key_groups: int = 1
    width: int = 128
    detector: str = "embedded"
    apart: bool = False
    labels: float = 1.0


@register("hncl")
class Hncl(Method):
    """Two views, a key encoder that follows slowly, a queue of keys, and heatmap neighbours in it."""

    views = ("weak", "weak")                    # long trainings may want strong ones; short ones learn less from them
    needs = ()
    Hyper = HnclHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        one_of(hyper, neighbours=SOURCES, detector=EXPRESSED_BY)
        within(hyper, count=(1, 10**6), weight=(0, 1e6), begin=(0, 1), temperature=(1e-4, 100), queue=(1, 10**7),
               key_decay=(0, 1), key_groups=(1, 1024), width=(1, 10**5), labels=(1e-6, 1))
        width = self.backbone.width
        self.projector = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(inplace=True),
                                       nn.Linear(width, hyper.width))
        self.key_backbone = copy.deepcopy(self.backbone).requires_grad_(False)
        self.key_projector = copy.deepcopy(self.projector).requires_grad_(False)
        self.classifier = nn.Linear(width, len(classes)).requires_grad_(False)        # the probe's, set by `finish`

    def setup(self, faces, target=None):
        super().setup(faces, target)
        size = min(self.hyper.queue, max(1, len(faces) // 4))      # longer, and a face meets itself too often
        shared = _shared(faces) if self.hyper.apart else {}
        self.memory |= {"descriptors": self._descriptors(faces).to(self.device), "ids": faces.ids.to(self.device),
                        "queue": torch.zeros(size, self.hyper.width, device=self.device),
                        "rows": torch.full((size,), -1, device=self.device), "next": 0,
                        **{name: column.to(self.device) for name, column in shared.items()}}

    def _descriptors(self, faces):
        """Return the expression of each face [N, 102], 0 where no landmarks were found; of length 0 if not searched."""
        if self.hyper.neighbours != "heatmap":
            return torch.zeros(len(faces), 0)
        return expressions(faces, self.hyper.detector, self.device)

    def start_epoch(self, epoch, look):
        """Say how many faces have no neighbours for want of landmarks, and what a small set leaves of the settings."""
        size, count = len(self.memory["rows"]), self._count()
        facts = {"queue": size} if size < self.hyper.queue else {}
        if self.hyper.neighbours == "none":
            return facts
        facts |= {"neighbours": count} if count < self.hyper.count else {}
        if self.hyper.neighbours == "heatmap":
            facts["without_landmarks"] = (self.memory["descriptors"] == 0).all(1).float().mean()
        return facts

    def _count(self):
        """Return how many neighbours a face can have: at most a quarter of the queue."""
        return min(self.hyper.count, max(1, len(self.memory["rows"]) // 4))

    def forward(self, batch, progress):
        if len(batch.index) < 2:
            raise InputError("hncl: a step sees one face, which batch normalisation cannot take; "
                             "expected a batch size of at least 2 for each process")
        query = self.projector(self.backbone.features(batch.views[0]))
        with torch.no_grad():
            key = F.normalize(self._keys(batch.views[1]).float(), dim=1)
        self.fresh = key, batch.index
        with torch.autocast(key.device.type, enabled=False):       # in bf16 a third of the nearest would be others
            neighbours, negatives = self.choose(batch.index, key)
        own, near = neighbour_contrast(query, key, self.memory["queue"], neighbours, negatives, self.hyper.temperature)
        weight = self.hyper.weight * (progress >= self.hyper.begin)
        return {"total": own + weight * near, "own": own, "near": near}

    def _keys(self, images):
        """Return what the key encoder makes of one view, [B, width], before it is given length 1."""
        groups = min(self.hyper.key_groups, len(images) // 2)                     # batch norm needs two faces
        if groups <= 1:
            return self._encode_key(images)
        order = torch.randperm(len(images), device=images.device)
        keys = [self._encode_key(images[rows]) for rows in order.tensor_split(groups)]
        return torch.cat(keys)[order.argsort()]

    def _encode_key(self, images):
        return self.key_projector(self.key_backbone.features(images))

    @torch.no_grad()
    def choose(self, index, key):
        """Return which queue entries are neighbours and which are negatives of each face, two bool [B, Q].

        A face's own earlier keys are neither, in whatever row it stands again, nor are those of its group if pictures
        are to be apart, nor empty places. Keys of the same person in another group may be negatives.
        """
        rows, ids = self.memory["rows"], self.memory["ids"]
        same = {name: self._same(name, index, rows.clamp(min=0)) for name in SHARED}
        usable = (rows >= 0) & (ids[rows.clamp(min=0)] != ids[index, None]) & ~same["group"]
        likeness = self._likeness(index, key, rows.clamp(min=0)).masked_fill(~usable | same["identity"], -torch.inf)
        best = likeness.topk(self._count(), dim=1)
        neighbours = torch.zeros_like(usable).scatter(1, best.indices, best.values > 0)
        return neighbours, usable & ~neighbours

    def _same(self, name, index, rows):
        """Return whether each queue entry has a face's person or group, [B, Q]; none has where these are not kept."""
        if name not in self.memory:
            return torch.zeros(len(index), len(rows), dtype=torch.bool, device=rows.device)
        own = self.memory[name][index][:, None]
        return (own == self.memory[name][rows]) & (own >= 0)

    def _likeness(self, index, key, rows):
        """Return how much each queue entry is like each face, [B, Q]; 0 says that it cannot be a neighbour."""
        source, memory = self.hyper.neighbours, self.memory
        if source == "heatmap":                                     # nearest by cosine is nearest by heatmap, (4.1)
            own, others = memory["descriptors"][index], memory["descriptors"][rows]
            have_landmarks = own.any(1)[:, None] & others.any(1)
            return (2 + own @ others.T) * have_landmarks
        if source == "embedding":
            return 2 + key @ memory["queue"].T
        chance = torch.rand(len(index), len(rows), device=key.device)
        if source == "class":
            own, others = memory["labels"][index][:, None], memory["labels"][rows]
            return chance * ((own == others) & (own >= 0))
        return chance if source == "random" else torch.zeros_like(chance)

    @torch.no_grad()
    def after_step(self):
        """Let the key encoder follow, and put the step's keys into the queue in place of the oldest."""
        for own, other in ((self.key_backbone, self.backbone), (self.key_projector, self.projector)):
            follow(own.state_dict().values(), other.state_dict().values(), self.hyper.key_decay)
        keys, rows = (gather(part) for part in self.fresh)
        size, start = len(self.memory["rows"]), self.memory["next"]
        keys, rows = keys[-size:], rows[-size:]
        places = (start + torch.arange(len(rows), device=rows.device)) % size
        self.memory["queue"][places], self.memory["rows"][places] = keys, rows
        self.memory["next"] = (start + len(rows)) % size

    def finish(self, look):
        """Fit the linear probe on the labels that are known; without any, the method only embeds."""
        labels = self.memory["labels"]
        keep = torch.zeros_like(labels, dtype=torch.bool)
        keep[stratified_rows(labels.cpu(), self.hyper.labels, look.seed).to(labels.device)] = True
        labels = torch.where(keep, labels, -1)
        if (labels >= 0).any():
            set_probe(self.classifier, linear_probe(look("embedding"), labels, len(self.classes)))

    def decide(self, features):
        return self.classifier(features)


def _shared(faces):
    """Return the columns of `SHARED` that tell something of the faces, by name."""
    columns = faces.columns()
    shared = {name: columns[name].clone() for name in SHARED if name in columns and (columns[name] >= 0).any()}
    if not shared:
        raise InputError(f"hncl: apart=True keeps pictures of one person or one video from being neighbours, but "
                         f"{faces.name} knows neither people nor groups; leave it out")
    return shared


def set_probe(classifier: nn.Linear, probe):
    """Put a probe, which standardises its input, into one linear layer."""
    weight = probe.weight / probe.scale[:, None]
    with torch.no_grad():
        classifier.weight.copy_(weight.T)
        classifier.bias.copy_(probe.bias - probe.mean @ weight)


def to_fine_tune(pretrained: Method, faces, **hyper) -> Method:
    """Return a baseline for these faces that starts from a pre-trained backbone; `fit` fine-tunes it."""
    method = create("baseline", faces, backbone=pretrained.hyper.backbone, grey=pretrained.hyper.grey, **hyper)
    method.backbone.load_state_dict(pretrained.backbone.state_dict())
    return method.to(pretrained.device)
