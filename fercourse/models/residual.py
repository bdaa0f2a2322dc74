"""Residual modules: one feature of a face becomes an expression feature and an identity feature an attribute.

Three ways, found in a toolbox of the paper's authors. z is the backbone's feature, t_k the text vector of the answer
retrieved for attribute k, s is batch norm and LeakyReLU, and averages run over the attributes at hand:

- `simple`: z_e = z - mean t_k;              z_id^k = t_k
- `post`:   z_e = s(W_e z) - mean z_id^k;    z_id^k = s(W_k [z; t_k])
- `prev`:   z_e = s(W_e (z - mean t_k));     z_id^k = s(W_k t_k)
- `none`:   z_e = z;                         z_id^k = t_k, for comparison

Text vectors are first mapped to the width of z, because the course's models are narrower than CLIP (our choice).
"""

import torch
from torch import Tensor, nn

from ..errors import InputError

KINDS = ("simple", "post", "prev", "none")


def _layer(inside, outside):
    return nn.Sequential(nn.Linear(inside, outside, bias=False), nn.BatchNorm1d(outside), nn.LeakyReLU(0.1))


class Residual(nn.Module):
    """Takes identity out of a feature, by subtraction.

    Args:
        width: D of z; text_width: T of the text vectors; names: attributes; kind: one of `KINDS`.
    """

    def __init__(self, width: int, text_width: int, names, kind: str = "post"):
        super().__init__()
        if kind not in KINDS:
            raise InputError(f"residual is {kind!r}; expected one of {', '.join(KINDS)}")
        self.kind = kind
        self.texts = nn.ModuleDict({name: nn.Linear(text_width, width, bias=False) for name in names})
        inside = 2 * width if kind == "post" else width
        bare = kind in ("simple", "none")
        self.identity = nn.ModuleDict({} if bare else {name: _layer(inside, width) for name in names})
        self.expression = nn.Identity() if bare else _layer(width, width)

    def forward(self, z: Tensor, hints: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the expression feature [B, D], and an identity feature [B, D] of each attribute in `hints`.

        Args:
            z: [B, D]; hints: name -> text vectors [B, T]. An attribute that is not there is detached.
        """
        texts = {name: self.texts[name](hint.to(z)) for name, hint in hints.items()}
        if self.kind == "post":
            identity = {name: self.identity[name](torch.cat([z, t], 1)) for name, t in texts.items()}
            return self.expression(z) - _mean(identity, z), identity
        expression = z if self.kind == "none" else self.expression(z - _mean(texts, z))
        return expression, {n: self.identity[n](t) if n in self.identity else t for n, t in texts.items()}


def _mean(parts, like):
    return torch.stack(list(parts.values())).mean(0) if parts else torch.zeros_like(like)
