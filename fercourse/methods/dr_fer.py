"""DR-FER: discriminative and robust representations under wrong labels (Li et al., IEEE TMM 2023).

Found: masked image modelling as an auxiliary task, category-aware self-paced splitting into easy and hard faces,
relabelling of hard faces by retrieval; a ResNet-50. Not found: formulas and numbers; all of these are ours (DC).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import InputError
from ..losses.masked_image import cell_size, hide, masked_l1, random_cells
from ..models.backbone import map_shape
from ..models.decoder import PixelDecoder
from ..models.norms import own_statistics
from ..pacing import APART, doubts, quota, thresholds, two_groups
from ..retrieval import Votes, anchored_noise, ask, lead, least_lead, pictures
from ..seeds import generator
from .base import Hyper, Method, register, within

CHANGE = 4                        # columns of `memory["changes"]` before the neighbours: epoch, row, old, new


@dataclass
class DrFerHyper(Hyper):
    """Hyper-parameters of DR-FER.

    Attributes:
        reconstruct: beta, weight of the reconstruction; 0 leaves masked image modelling out.
        mask_ratio: share of cells hidden; cell: side of a cell in pixels (0: see `masked_image.cell_size`).
        pace: split into easy and hard faces; relabel: let easy faces vote on hard ones, which needs the split.
        by_class: each class has a pace and a threshold of its own; False: one of each for all faces.
        apart: Ashman's D at which the pace of a class begins.
        keep: how much of a face's running loss the next epoch keeps.
        neighbours: K, voters on a face; margin: delta, least lead of a new label over the given one.
        jury: share of each class whose labels are never learnt, to measure the noise and what a vote is worth (0: take
            the noise for as large as it looks, and trust every vote). It follows from the set, not from the seed: a
            spread over seeds leaves the luck of its draw out. Rows that show the same picture are in it together.
        trust: new labels need a lead over the second class from which, by the jury, that share of them is right.
        label_smoothing: of the cross-entropy.
    """

    ema: float = 0.99
    reconstruct: float = 0.5
    mask_ratio: float = 0.6
    cell: int = 0
    pace: bool = True
    relabel: bool = True
    by_class: bool = True
    apart: float = APART
    keep: float = 0.5
    neighbours: int = 20
    margin: float = 0.2
    jury: float = 0.1
    trust: float = 0.75
    label_smoothing: float = 0.0


@register("dr-fer")
class DrFer(Method):
    """Cross-entropy on easy and relabelled faces, and masked image modelling on all of them."""

    Hyper = DrFerHyper

    def __init__(self, classes, size, hyper):
        super().__init__(classes, size, hyper)
        if len(classes) < 2:
            raise InputError(f"dr-fer tells classes apart, but here are {len(classes)}; expected two or more")
        _check(hyper, size)
        channels, stride = map_shape(self.backbone, size)
        self.head = nn.Linear(self.backbone.width, len(classes))
        self.decoder = PixelDecoder(channels, stride) if hyper.reconstruct else None
        self.cell = hyper.cell or cell_size(size, stride)

    def setup(self, faces, target=None):
        """Keep the given labels, and one loss, one weight and one place in the split for every face."""
        super().setup(faces, target)
        given, count, kinds = self.memory["labels"], len(faces), len(self.classes)
        self.memory |= {"given": given.clone(), "new": given.clone(), "losses": self._all(count, 0.0),
                        "weights": self._all(count, 1.0), "easy": self._all(count, True),
                        "doubted": self._all(count, False), "paced": self._all(kinds, False),
                        "thresholds": self._all(kinds, torch.inf),
                        "shares": torch.zeros(count, kinds, device=self.device),
                        "changes": given.new_empty(0, CHANGE + self.hyper.neighbours),
                        "pictures": pictures(faces).to(self.device)}
        self.memory["jury"] = self._draw_jury()
        self.memory["weights"][self.memory["jury"]] = 0

    def _all(self, count, value):
        return torch.full((count,), value, device=self.device)

    def _draw_jury(self):
        """Return a share of each class at random, bool [N]; the same whenever the set is.

        A picture is drawn once: if the jury knew a copy of what is trained on, it would find no noise.
        """
        given, share = self.memory["given"], self.hyper.jury if self.hyper.pace else 0.0
        first = self.memory["pictures"]
        lot = torch.rand(len(given), generator=generator("jury", len(given))).to(given.device)[first]
        limit = thresholds(lot, given, torch.full((len(self.classes),), share, device=given.device))
        return (lot <= limit[given])[first]

    # ------------------------------------------------------------------ once an epoch: whom to believe

    def start_epoch(self, epoch, look):
        if not self.hyper.pace or epoch == 0:                    # random weights have no opinion
            return {}
        losses, logits, features = look("loss", "logits", "embedding")
        keep = self.hyper.keep if epoch > 1 else 0.0
        self.memory["losses"] = keep * self.memory["losses"] + (1 - keep) * losses
        idle = self.memory["weights"] == 0                       # not trained on in the epoch before
        members = self.memory["jury"].nonzero().flatten()
        jury = self._vote(features, members, idle)
        noise = anchored_noise(jury, self.memory["given"][members]) if self.hyper.jury else None
        facts = self._split(noise)
        self.memory["labels"], self.memory["doubted"] = self.memory["given"].clone(), ~self.memory["easy"]
        self.memory["weights"] = (self.memory["easy"] & ~self.memory["jury"]).float()
        if self.hyper.relabel and self._all_split():
            facts |= self._relabel(epoch, features, logits, idle, self._trust(jury, noise))
        return facts if noise is None else facts | {"jury_noise": noise}

    def _all_split(self):
        """Return whether every class of two faces or more is split: before, the gallery is full of wrong labels."""
        count = torch.bincount(self.memory["given"], minlength=len(self.classes))
        return bool((self.memory["paced"] | (count < 2)).all())

    def _split(self, noise):
        """Split every class whose two groups have come apart into easy and hard faces, eqs. (3.2) and (3.3)."""
        losses, labels = self.memory["losses"], self.memory["given"]
        kinds = torch.arange(len(self.classes), device=labels.device)
        heap, own = (labels, kinds) if self.hyper.by_class else (labels.clamp(max=0), torch.zeros_like(kinds))
        groups = two_groups(doubts(losses), heap, len(kinds))
        self.memory["paced"] |= (groups.apart >= self.hyper.apart)[own]
        limit = thresholds(losses, heap, quota(groups, noise))[own]
        self.memory["thresholds"] = torch.where(self.memory["paced"], limit, torch.inf)
        self.memory["easy"] = losses <= self.memory["thresholds"][labels]
        return {"paced": self.memory["paced"].float().mean(), "apart": groups.apart[own].mean(),
                "noise": groups.noise, "easy": self.memory["easy"].float().mean(),
                "bare": (torch.bincount(labels[self.memory["easy"]], minlength=len(self.classes)) < 2).sum()}

    def _relabel(self, epoch, features, logits, idle, least):
        """Let easy faces vote on hard ones: take the new label, take the face back, or leave it out, eq. (3.5)."""
        given = self.memory["given"]
        hard = (~self.memory["easy"] & ~self.memory["jury"]).nonzero().flatten()
        votes = self._vote(features, hard, idle)
        best = votes.best
        changed = (logits[hard].argmax(1) == best) & (votes.margin(given[hard]) >= self.hyper.margin)
        changed &= (lead(votes) >= least) & (best != given[hard])
        back = best == given[hard]                               # difficult, but correct
        self._note(epoch, hard[changed], best[changed], votes.neighbours[changed])
        self.memory["labels"][hard[changed]] = best[changed]
        self.memory["weights"][hard] = (changed | back).float()
        self.memory["doubted"][hard[back]] = False
        share = len(given)
        return {"relabelled": changed.sum() / share, "taken_back": back.sum() / share, "least_lead": least}

    def _vote(self, features, asked, idle):
        """Return the running vote of the easy faces on those asked; who was just trained on says nothing new.

        A face that is trained under a new label soon lies among that label's faces, and would confirm it for ever.
        """
        gallery = self.memory["easy"] & ~self.memory["jury"]
        votes = ask(features, self.memory["given"], gallery, asked, len(self.classes), self.hyper.neighbours,
                    self.memory["pictures"])
        shares, keep = self.memory["shares"], self.hyper.keep
        before, first = shares[asked], shares[asked].sum(1) == 0
        running = torch.where(idle[asked, None], keep * before + (1 - keep) * votes.shares, before)
        shares[asked] = torch.where(first[:, None], votes.shares, running)
        return Votes(votes.neighbours, votes.cosines, shares[asked])

    def _trust(self, jury, noise):
        """Return the lead from which the jury trusts a new label; 0 without a jury."""
        if not self.hyper.jury:
            return 0.0
        return least_lead(jury, self.memory["given"][self.memory["jury"]], noise, self.hyper.trust)

    def _note(self, epoch, rows, new, neighbours):
        """Write down who gets another label than the last time: epoch, row, old, new, and the neighbours."""
        fresh = self.memory["new"][rows] != new
        self.memory["new"] = self.memory["given"].clone()
        self.memory["new"][rows] = new
        facts = torch.stack([torch.full_like(rows, epoch), rows, self.memory["given"][rows], new], 1)
        short = self.hyper.neighbours - neighbours.shape[1]      # a small gallery
        notes = torch.cat([facts, F.pad(neighbours, (0, short), value=-1)], 1)[fresh]
        self.memory["changes"] = torch.cat([self.memory["changes"], notes])

    # ------------------------------------------------------------------ every step

    def forward(self, batch, progress):
        """Return L = mean[v CE(y)] + mean[(1 - v) r CE(y~)] + beta L_mim, eq. (3.6)."""
        images = batch.views[0]
        losses = F.cross_entropy(self.decide(self.backbone.features(images)).float(), batch.labels, reduction="none",
                                 label_smoothing=self.hyper.label_smoothing)
        classify = (losses * self.memory["weights"][batch.index]).mean()
        if self.decoder is None:
            return {"total": classify, "classify": classify}
        reconstruct = self.reconstruct(images)[0]
        return {"total": classify + self.hyper.reconstruct * reconstruct, "classify": classify,
                "reconstruct": reconstruct}

    def reconstruct(self, images):
        """Return the loss of rebuilding what is hidden, the rebuilt images and where they were hidden."""
        hidden = random_cells(len(images), self.size, self.cell, self.hyper.mask_ratio, images.device)
        with own_statistics(self.backbone):
            rebuilt = self.decoder(self.backbone.maps(hide(images, hidden)), self.size)
        return masked_l1(rebuilt, images, hidden), rebuilt, hidden

    def decide(self, features):
        return self.head(features)

    def sample_losses(self, logits, index):
        """Return the loss of each face under the label it was given, whatever it is trained on."""
        return F.cross_entropy(logits, self.memory["given"][index], reduction="none")


def _check(hyper, size):
    """Raise InputError for hyper-parameters outside their range."""
    within(hyper, reconstruct=(0, 1e6), mask_ratio=(0, 1), cell=(0, 10**5), apart=(0, 1e6), keep=(0, 0.999),
           trust=(0, 1), jury=(0, 0.5), margin=(0, 1), neighbours=(1, 10**6), label_smoothing=(0, 1))
    if hyper.cell and size % hyper.cell:
        raise InputError(f"dr-fer: cell is {hyper.cell} px; expected a divisor of the images' {size} px, or 0")
