"""The duel of contrastive losses: both sides do the same work, and its memory is counted."""

import pytest
import torch

from fercourse import bench
from fercourse.bench import contrast


@pytest.mark.parametrize("rule, peer", [("simclr", "lightly"), ("supcon", "pytorch_metric_learning")])
def test_both_sides_give_the_same_loss_and_gradient(rule, peer):
    pytest.importorskip(peer)
    (ours, slope), (theirs, other) = (contrast.work(side, rule, 48, "cpu")() for side in ("ours", "peer"))
    assert ours == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(slope, other, rtol=1e-4, atol=1e-6)


def test_a_duel_names_its_peer_and_its_memory(monkeypatch):
    pytest.importorskip("lightly")
    monkeypatch.setattr(contrast, "peak_memory", lambda side, *_: {"ours": 1.0, "peer": 2.0}[side])
    bench.names()
    result = bench.measure(bench._BENCHMARKS["simclr-1024"], bench.SCALES["smoke"])
    facts = result["facts"]
    assert facts["rows"] == 64 and facts["peer"] == "NTXentLoss of lightly" and result["ratio"] > 0
    assert (facts["ours_peak_MiB"], facts["peer_peak_MiB"]) == (1.0, 2.0)


@pytest.mark.slow
@pytest.mark.skipif(not contrast.STATUS.is_file(), reason="the peak of memory is read from /proc")
def test_memory_of_a_pass_is_less_than_one_matrix():
    assert contrast.peak_memory("ours", "wsc", 4096, "cpu") < 4096**2 * 4 / 2**20
