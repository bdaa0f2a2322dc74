"""Instance contrast under a pair mask: SimCLR, SupCon and WSC are one loss with three masks.

    L_i = log sum_{k in K(i)} e^{s_ik}  -  1/|P(i)| sum_{p in P(i)} s_ip,        s_ik = cos(z_i, z_k) / t     (2.1)

Row i is a view of a face. P(i) are the views that attract it, K(i) those it is compared with, P(i) among them; a
view that is in neither is ignored. A view is never compared with itself.

              P(i), attracted to           K(i), compared with
    simclr    the other view               every view
    supcon    every view of its class      every view
    wsc       the other view               the other view, and the views of other classes                     (2.2)

Found: what is positive, negative and ignored in WSC (Nie et al. 2023). Our design choice: the InfoNCE form (2.1),
which for simclr is NT-Xent (Chen et al. 2020) and for supcon is L_out (Khosla et al. 2020).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..distributed import anchors, counted, gather
from ..errors import InputError

RULES = ("simclr", "supcon", "wsc")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which views attract and which repel each other; worked out for the rows that are asked for.

    Attributes:
        labels: int64 [M], the class of every view; its names may be wrong, as labels are. -1, unknown, is like nobody.
        faces: int64 [M], the face of every view: equal for the views of one face.
        rule: `simclr`, `supcon` or `wsc`.
    """

    labels: Tensor
    faces: Tensor
    rule: str = "wsc"

    def __post_init__(self):
        if self.rule not in RULES:
            raise InputError(f"pairs have the rule {self.rule!r}; expected one of {', '.join(RULES)}")

    def masks(self, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return P and K of some rows (default: all) as two boolean masks [R, M], eq. (2.2)."""
        rows = torch.arange(len(self.labels), device=self.labels.device) if rows is None else rows
        face = self.faces[rows, None] == self.faces
        positive, kept = face, torch.ones_like(face)
        if self.rule != "simclr":
            alike = (self.labels[rows, None] == self.labels) & (self.labels >= 0)
            positive = (face | alike) if self.rule == "supcon" else face
            kept = kept if self.rule == "supcon" else face | ~alike
        oneself = rows[:, None]
        return positive.scatter(1, oneself, False), kept.scatter(1, oneself, False)


@dataclass(frozen=True, eq=False)
class Masks:
    """Pairs that are written down: any two boolean masks [M, M] with P within K and an empty diagonal."""

    positive: Tensor
    kept: Tensor

    def masks(self, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return P and K of some rows (default: all), [R, M]."""
        return (self.positive, self.kept) if rows is None else (self.positive[rows], self.kept[rows])


def instance_contrast(embeddings: Tensor, pairs: Pairs | Masks, temperature: float = 0.1, chunk: int = 256) -> Tensor:
    """Return the mean of (2.1) over the rows that have a positive; 0, with a gradient of 0, if none has.

    A row whose one positive is all that it is compared with, as in WSC where a batch holds one class only, costs 0 too:
    there is nothing to be told from. In SupCon, such a batch costs log |P| at least.

    Works on `chunk` rows at a time and keeps no M x M matrix; the gradient is written out, eq. (2.3).

    Args:
        embeddings: [M, D] this process's views, any norm; compared by cosine, in float32 or better.
        pairs: of the views of *all* processes in rank order; see `all_pairs`.
        temperature: t; smaller looks harder at the nearest negatives.
    """
    unit = unit_rows(embeddings)
    total, count = _Contrast.apply(unit, gather(unit), pairs, anchors(len(unit), unit.device), temperature, chunk)
    return total / counted(count)


def all_pairs(labels: Tensor, faces: Tensor, views: int = 2, rule: str = "wsc") -> Pairs:
    """Return the pairs of `views` stacked views of this process's faces, [V * B], with those of all processes."""
    return Pairs(gather(labels.repeat(views)), gather(faces.repeat(views)), rule)


def nearest_share(cosines: Tensor, temperature: float) -> Tensor:
    """Return the share of the push, by eq. (2.3), that comes from the nearest of the negatives.

    Args:
        cosines: [N] of one view with its negatives; [R, N] gives [R], one share a view.
    """
    return (cosines / temperature).softmax(-1).amax(-1)


def spoilt(positive: Tensor, kept: Tensor, truth: Tensor) -> dict[str, int]:
    """Count the pairs that attract and that repel, and those among them that do so against the true classes.

    Args:
        positive, kept: boolean [M, M], see `Pairs`; truth: int64 [M] of every view.
    """
    alike, repelled = truth[:, None] == truth, kept & ~positive
    pairs = {"attract": positive, "repel": repelled, "false attractions": positive & ~alike,
             "false repulsions": repelled & alike}
    return {name: int(pair.sum()) for name, pair in pairs.items()}


def unit_rows(embeddings: Tensor) -> Tensor:
    """Return rows of length 1 in float32, or float64 as they are: bf16 cosines lose the hard negatives.

    A row shorter than 0.001 stays short: a gradient without bound would drown those of all others, and overflow fp16.
    """
    return F.normalize(wide(embeddings), dim=1, eps=1e-3)


def wide(numbers: Tensor) -> Tensor:
    """Return half precision as float32; anything else as it is."""
    return numbers.float() if numbers.dtype in (torch.float16, torch.bfloat16) else numbers


class _Contrast(torch.autograd.Function):
    """The sum of (2.1) over rows, with its gradient; q is the softmax of row i over K(i).

        dL_i / ds_ik  =  q_ik [k in K(i)]  -  1/|P(i)| [k in P(i)]                                            (2.3)
    """

    @staticmethod
    def forward(ctx, mine, keys, pairs, places, temperature, chunk):
        ctx.wanted = any(ctx.needs_input_grad[:2])
        total, count = mine.new_zeros(()), mine.new_zeros(())
        to_mine, to_keys = torch.zeros_like(mine), torch.zeros_like(keys)
        with torch.autocast(mine.device.type, enabled=False):
            for rows, own, slot in zip(places.split(chunk), mine.split(chunk), to_mine.split(chunk)):
                losses, slope, positive = _rows(own @ keys.T / temperature, *pairs.masks(rows))
                total += losses.sum()
                count += positive.sum()
                if ctx.wanted:
                    torch.mm(slope, keys, out=slot)
                    to_keys.addmm_(slope.T, own)
        ctx.save_for_backward(to_mine / temperature, to_keys / temperature)
        ctx.mark_non_differentiable(count)
        return total, count

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient, _):
        to_mine, to_keys = ctx.saved_tensors
        return gradient * to_mine, gradient * to_keys, None, None, None, None


def _rows(logits, positive, kept):
    """Return the losses [R, 1] of some rows, their gradient (2.3) [R, M], and which of them have a positive."""
    attracted = positive.to(logits.dtype)
    number = attracted.sum(1, keepdim=True)
    attracted /= number.clamp(min=1)
    pulled = (logits * attracted).sum(1, keepdim=True)
    logits.masked_fill_(~kept, -torch.inf)
    spread = torch.where(number > 0, logits.logsumexp(1, keepdim=True), torch.inf)      # a row of no loss: q is 0
    losses = torch.where(number > 0, spread - pulled, 0)
    return losses, logits.sub_(spread).exp_().sub_(attracted), number > 0
