"""The duel of augmentations: both sides do the same operations to the same faces."""

import pytest
import torch

from fercourse import augment, bench
from fercourse.bench import augmenting

IMAGES = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_without_chance_both_give_the_same_pictures():
    pytest.importorskip("kornia")
    theirs = augmenting.kornia_like(augment.Preset())(IMAGES.float() / 255)
    torch.testing.assert_close(augment.apply(IMAGES, augment.draw("none", 6)), theirs, rtol=1e-3, atol=1e-3)


def test_a_certain_flip_is_the_same_flip():
    pytest.importorskip("kornia")
    flip = augment.Preset(flip=1.0)
    theirs = augmenting.kornia_like(flip)(IMAGES.float() / 255)
    torch.testing.assert_close(augment.apply(IMAGES, augment.draw(flip, 6)), theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name, peer", [("augment-strong", "kornia"), ("import", "lightly")])
def test_the_duel_runs(name, peer):
    pytest.importorskip(peer)
    bench.names()
    result = bench.measure(bench._BENCHMARKS[name], bench.SCALES["smoke"])
    assert result["ratio"] > 0 and result["ours"]["n"] == 2
