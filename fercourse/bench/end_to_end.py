"""From packed faces to updated weights, at several sizes, with one view and with two, in two precisions."""

from dataclasses import asdict, dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F

from ..methods.baseline import Baseline
from ..train import fit
from . import Duel, benchmark
from .bare import bare_loop
from .training import VIEW, faces_of, fastest_peer, plain

SIZES = (48, 64, 112)


@dataclass(frozen=True)
class Work:
    """What both sides train on.

    Attributes:
        size: pixels on a side; views: of every face in a step; precision: see `fit`.
    """

    size: int
    views: int = 1
    precision: str = "auto"

    @property
    def name(self) -> str:
        """Return the benchmark's name."""
        views = "" if self.views == 1 else f"-{self.views}-views"
        return f"end-to-end-{self.size}{views}{'' if self.precision == 'auto' else '-' + self.precision}"


class Views(Baseline):
    """The baseline's cross-entropy on several views of every face, as contrastive methods see them."""

    def forward(self, batch, progress):
        features = self.backbone.features(batch.views.flatten(0, 1))
        return {"total": F.cross_entropy(self.head(features).float(), batch.labels.repeat(len(batch.views)),
                                         label_smoothing=self.hyper.label_smoothing)}


def flat(loader):
    """Yield batches of views [B, V, 3, H, W] as pixels [V B, 3, H, W], view by view, with their labels [V B]."""
    for views, labels in loader:
        yield views.transpose(0, 1).flatten(0, 1), labels.repeat(views.shape[1])


def _prepare(work, scale):
    # Fewer of the larger faces, so that a turn takes as long at every size.
    steps = max(2, round(scale.faces / scale.batch_size * min(1, (scale.size / work.size) ** 2) / work.views))
    scale = replace(scale, size=work.size, faces=steps * scale.batch_size)
    faces, device = faces_of(scale), torch.device(scale.device)
    method = Views(faces.classes, work.size, Views.Hyper(backbone=scale.backbone))
    method.views = (VIEW,) * work.views
    ours = partial(fit, method, faces, epochs=1, batch_size=scale.batch_size, device=scale.device,
                   precision=work.precision, quiet=True)
    model = plain(faces, scale, device)

    def peer(loader):
        bare_loop(model, flat(loader), steps, device, precision=work.precision)

    with fastest_peer(faces, scale, peer, work.views) as (turn, facts):
        yield Duel(ours, turn, steps * scale.batch_size * work.views, facts | asdict(work))


def _what(work):
    views = "one view" if work.views == 1 else f"{work.views} views"
    half = "" if work.precision == "auto" else f", both sides in {work.precision}"
    return (f"Packed faces to updated weights by fit, {work.size} px, {views}{half}, against files, Pillow, "
            "torchvision, a DataLoader and a bare loop.")


WORKS = (*(Work(size, views) for size in SIZES for views in (1, 2)), *(Work(size, 1, "bf16") for size in SIZES))
for _work in WORKS:
    benchmark(_work.name, "images/s", what=_what(_work), cpu=2.0, gpu=5.0)(partial(_prepare, _work))
