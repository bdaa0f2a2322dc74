"""Both sides of a search find the same neighbours; no test waits for a speed."""

import pytest
import torch

from fercourse import bench
from fercourse.evaluate.neighbours import largest


@pytest.mark.parametrize("peer, needs", [("faiss", "faiss"), ("scikit-learn", "sklearn")])
def test_both_sides_find_the_same(peer, needs):
    pytest.importorskip(needs)
    result = bench.run([f"search-136-{peer}"], "smoke", None)[f"search-136-{peer}"]
    assert result["facts"]["same_neighbours"] == 1 and result["ratio"] > 0
    assert result["facts"]["faces"] == 500 and result["facts"]["count"] == 5


@pytest.mark.parametrize("length", [3, 64, 257, 1000, 4096, 5003])
def test_the_largest_by_blocks_are_those_of_topk(length):
    scores = torch.randn(20, length, generator=torch.Generator().manual_seed(length))
    scores[3] = -torch.inf                                        # nobody is allowed
    scores[4, 1:] = -torch.inf
    scores[5, -1] = 9                                             # in the ragged rest
    values, places = largest(scores, 3)
    assert values.equal(scores.topk(3).values) and scores.gather(1, places).equal(values)
    assert all(len(row.unique()) == 3 for row in places)
