"""A training that one process or two do alike: `torchrun … -m tests.joined OUT`, in float64 without batch norm."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from fercourse import distributed, fit
from fercourse.errors import InputError
from fercourse.losses.concordance import concordance_loss
from fercourse.methods import Hyper, Method, register
from tests.toy import STILL, toy_faces


@register("joined")
class Joined(Method):
    """A mean over single faces, a contrast of local anchors with global keys, and a statement on the whole batch."""

    views = STILL * 2
    needs = ("labels", "valence_arousal")

    def __init__(self, classes, size, hyper):
        nn.Module.__init__(self)
        self.classes, self.size, self.hyper, self.memory = classes, size, hyper, {}
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.GroupNorm(2, 8), nn.ReLU(), nn.Flatten(),
                                     nn.Linear(8 * 7 * 7, 6))
        self.head, self.affect = nn.Linear(6, len(classes)), nn.Linear(6, 2)
        self.double()
        self.poison = None

    def start_epoch(self, epoch, look):
        self.seen = look("embedding")
        return {"seen": self.seen.sum()}

    def forward(self, batch, progress):
        first, second = self.encoder(batch.views.flatten(0, 1).double()).chunk(2)
        guess, truth = distributed.gather(self.affect(first)), distributed.gather(batch.extra["valence_arousal"])
        keys = distributed.gather(F.normalize(second, dim=1))
        logits = F.normalize(first, dim=1) @ keys.T / 0.2
        parts = {"classify": F.cross_entropy(self.head(first), batch.labels),
                 "contrast": F.cross_entropy(logits, distributed.anchors(len(first))),
                 "concordance": concordance_loss(guess, truth.double())}
        if self.poison == distributed.rank():
            parts["contrast"] = parts["contrast"] * float("inf")
        return {"total": sum(parts.values()), **parts}

    def embed(self, images):
        return self.encoder(images.double() / 255)

    def decide(self, features):
        return self.head(features)


def train(out, **options):
    """Train two epochs of two steps on 50 faces; 16 are left out."""
    torch.manual_seed(0)
    method = Joined(toy_faces(2).classes, 32, Hyper(clip=1.0))
    method.poison = options.pop("poison", None)
    history = fit(method, toy_faces(51), epochs=2, batch_size=24, lr=0.01, out=out, quiet=True, device="cpu", **options)
    return method, history


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    method, history = train(out)
    rows = torch.arange(5 if distributed.rank() else 2) + 10 * distributed.rank()
    facts = {"world": distributed.world(), "parts": distributed.gather_parts(rows).tolist(),
             "seen": method.seen.tolist(), "starts": history.starts, "last": history.last}
    try:
        train(None, poison=1)
    except InputError as error:
        facts["error"] = str(error)
    (out / f"rank{distributed.rank()}.json").write_text(json.dumps(facts))
    distributed.stop()
