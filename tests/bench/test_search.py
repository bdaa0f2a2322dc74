"""Both sides of a search find the same neighbours; no test waits for a speed."""

import pytest

from fercourse import bench


@pytest.mark.parametrize("peer, needs", [("faiss", "faiss"), ("scikit-learn", "sklearn")])
def test_both_sides_find_the_same(peer, needs):
    pytest.importorskip(needs)
    result = bench.run([f"search-136-{peer}"], "smoke", None)[f"search-136-{peer}"]
    assert result["facts"]["same_neighbours"] == 1 and result["ratio"] > 0
    assert result["facts"]["faces"] == 500 and result["facts"]["count"] == 5
