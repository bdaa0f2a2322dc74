"""The exact search among as many faces as a large set has: in bounded memory, and still exact."""

import multiprocessing

import numpy as np
import pytest
import torch

from fercourse.bench.memory import STATUS, risen
from fercourse.evaluate import nearest

QUERIES, FACES, NUMBERS, CHUNK, COUNT = 384, 100_000, 136, 128, 5
SOME = [0, CHUNK - 1, CHUNK, QUERIES - 1]                            # rows about the edges of chunks
MIB = 2**20


def embeddings():
    """Return queries [384, 136] and faces [100,000, 136], float32, of any norm."""
    draw = np.random.default_rng(0)
    return [draw.standard_normal((count, NUMBERS), np.float32) for count in (QUERIES, FACES)]


def search():
    """Return the rise of memory in MiB, cosines and rows of a search in a process that has done nothing before."""
    torch.set_num_threads(1)
    queries, faces = map(torch.from_numpy, embeddings())
    nearest(queries, faces[:1000], COUNT, chunk=CHUNK)               # what is loaded at the first use does not count
    found = []
    memory = risen(lambda: found.extend(nearest(queries, faces, COUNT, chunk=CHUNK)))
    return memory, *(part[SOME].numpy() for part in found)


@pytest.mark.skipif(not STATUS.is_file(), reason="the peak of memory is read from /proc")
def test_a_hundred_thousand_faces_take_one_copy_and_one_chunk_and_the_search_stays_exact():
    with multiprocessing.get_context("spawn").Pool(1) as pool:       # memory freed before would hide a rise
        memory, cosines, rows = pool.apply(search)
    assert memory < (FACES * NUMBERS * 4 + CHUNK * FACES * 4) / MIB + 24     # no [384, 100,000], which is 98 MiB more
    queries, faces = (x.astype(np.float64) for x in embeddings())
    expected = queries[SOME] @ faces.T / np.linalg.norm(queries[SOME], axis=1)[:, None] / np.linalg.norm(faces, axis=1)
    best = np.argsort(-expected, axis=1)[:, :COUNT]
    assert rows.tolist() == best.tolist()
    np.testing.assert_allclose(cosines, np.take_along_axis(expected, best, 1), atol=1e-6)
