"""Exact nearest neighbours by cosine, in chunks: a matrix product and a top-k, no index to build."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError


@torch.no_grad()
def nearest(queries: Tensor, keys: Tensor | None = None, count: int = 5, query_groups: Tensor | None = None,
            key_groups: Tensor | None = None, chunk: int = 1024) -> tuple[Tensor, Tensor]:
    """Return the most similar keys of each query, the nearest first.

    Args:
        queries: [M, D] any norm.
        keys: [N, D]; None looks among the queries, where nobody is their own neighbour.
        count: k; rows with fewer allowed keys end with similarity -inf.
        query_groups, key_groups: int64 [M], [N]; a key of the query's own group is not allowed, such as another
            picture of the same person. Unknown ones (-1) exclude nothing.
        chunk: queries at a time; memory grows with chunk x N.

    Returns:
        cosines [M, k], of the keys' type, and rows int64 [M, k], on the keys' device.

    Raises:
        InputError: more neighbours than there are keys.
    """
    alone = keys is None
    unit_keys = F.normalize(queries if alone else keys, dim=1)
    key_groups = query_groups if alone else key_groups
    if not 0 <= count <= len(unit_keys) - alone:
        raise InputError(f"{count} neighbours were asked for among {len(unit_keys) - alone} faces; choose fewer")
    best, room = [], unit_keys.new_empty(min(chunk, len(queries)), len(unit_keys))     # fresh memory costs a third
    for first in range(0, max(1, len(queries)), chunk):            # no query is one empty part
        part = F.normalize(queries[first:first + chunk], dim=1).to(unit_keys)
        cosines = torch.mm(part, unit_keys.T, out=room[:len(part)])
        if alone:
            cosines.diagonal(first).fill_(-torch.inf)
        if query_groups is not None:
            own = query_groups[first:first + chunk, None].to(cosines.device)
            cosines.masked_fill_((own == key_groups.to(cosines.device)) & (own >= 0), -torch.inf)
        best.append(largest(cosines, count))
    return tuple(torch.cat(parts) for parts in zip(*best))


def largest(scores: Tensor, count: int, block: int = 64) -> tuple[Tensor, Tensor]:
    """Return the largest scores of each row and their places, exactly as topk, at half its time on long rows.

    The largest of each block come first: the best `count` scores lie in the `count` best blocks, or in the rest.
    """
    whole = scores.shape[1] // block
    if whole <= 4 * count:
        return tuple(scores.topk(count, dim=1))
    blocks = scores[:, :whole * block].unflatten(1, (whole, block)).amax(2).topk(count, dim=1).indices
    inside = torch.arange(block, device=scores.device)
    rest = torch.arange(whole * block, scores.shape[1], device=scores.device).expand(len(scores), -1)
    places = torch.cat([(blocks[:, :, None] * block + inside).flatten(1), rest], 1)
    best = scores.gather(1, places).topk(count, dim=1)
    return best.values, places.gather(1, best.indices)


def knn_predict(train: Tensor, labels: Tensor, test: Tensor, count: int = 20, temperature: float = 0.1,
                classes: int | None = None) -> Tensor:
    """Return class scores [M, C]: votes of the nearest training faces, weighted by exp(cosine / temperature).

    The weighting is that of Wu et al. 2018 (instance discrimination).
    """
    cosines, rows = nearest(test, train, min(count, len(train)))
    one_hot = F.one_hot(labels.to(rows.device)[rows], classes or int(labels.max()) + 1)
    weights = ((cosines - 1) / temperature).exp()                         # at most 1: fp32 cannot overflow
    return (weights[:, :, None] * one_hot).sum(1)
