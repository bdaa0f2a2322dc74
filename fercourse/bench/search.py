"""Exact nearest neighbours, against the libraries people would ask: faiss and scikit-learn."""

from functools import partial

import torch
import torch.nn.functional as F

from ..evaluate import nearest
from . import Duel, benchmark, needed

FACES, COUNT = 10_000, 5
WIDTHS = {136: "68 landmarks", 512: "embeddings of 512 numbers"}


def _prepare(width, peer, scale):
    faces = 500 if scale.name == "smoke" else FACES
    vectors = F.normalize(torch.randn(faces, width, generator=torch.Generator().manual_seed(0)), dim=1)
    other = PEERS[peer](vectors)
    placed = vectors.to(scale.device)
    same = _agreement(nearest(placed, count=COUNT)[1].cpu(), other())
    yield Duel(lambda: nearest(placed, count=COUNT), other, faces,
               {"faces": faces, "width": width, "count": COUNT, "peer": peer, "same_neighbours": same,
                "threads": torch.get_num_threads()})


def _agreement(rows, others):
    """Return the share of faces of which both name the same neighbours."""
    return (rows.sort(1).values == torch.as_tensor(others).sort(1).values).all(1).float().mean().item()


def _faiss(vectors):
    faiss = needed("faiss")
    faiss.omp_set_num_threads(torch.get_num_threads())
    numbers = vectors.numpy()

    def search():
        index = faiss.IndexFlatIP(numbers.shape[1])
        index.add(numbers)
        return index.search(numbers, COUNT + 1)[1][:, 1:]        # the first is oneself
    return search


def _scikit(vectors):
    from sklearn.neighbors import NearestNeighbors
    numbers = vectors.numpy()
    return lambda: NearestNeighbors(n_neighbors=COUNT, algorithm="brute", metric="cosine").fit(numbers).kneighbors(
        return_distance=False)


PEERS = {"faiss": _faiss, "scikit-learn": _scikit}
for _width, _what in WIDTHS.items():
    for _name in PEERS:
        benchmark(f"search-{_width}-{_name}", "faces/s", cpu=1 / 1.2, gpu=1 / 1.2, what=(
            f"The {COUNT} nearest of each of {FACES:,} faces, {_what}, exactly, against {_name}."))(
            partial(_prepare, _width, _name))
