"""The four corners of a map: where they lie, that they overlap, that they share nothing, at any size."""

import pytest
import torch

from fercourse.models.backbone import backbone
from fercourse.models.corners import Corners, corner_side, corners


def test_the_found_corners():
    """5 x 5 of 7 x 7, as in the released code."""
    maps = torch.arange(49.0).view(1, 1, 7, 7)
    found = corners(maps)
    assert [part.shape[-2:] for part in found] == [(5, 5)] * 4
    assert [part[0, 0, 0, 0].item() for part in found] == [0, 2, 14, 16]
    assert [part[0, 0, -1, -1].item() for part in found] == [32, 34, 46, 48]


@pytest.mark.parametrize("side", range(1, 20))
def test_corners_cover_the_map_and_are_smaller(side):
    small = corner_side(side)
    assert 1 <= small and (small < side or side == 1) and 2 * small >= side


def test_a_corner_moves_only_its_own_feature():
    torch.manual_seed(0)
    branches, maps = Corners(16, 4).eval(), torch.randn(2, 16, 3, 3)
    changed = maps.clone()
    changed[:, :, 0, 0] += 5                                     # in the top left corner only
    before, after = branches(maps), branches(changed)
    assert branches.width == 16 == before.shape[1]
    assert (before[:, :4] - after[:, :4]).abs().max() > 1e-4 and torch.equal(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("name, size", [("lesson", 48), ("lesson8", 32), ("vit_tiny_patch16_224", 32)])
def test_any_backbone_gives_maps_beside_its_features(name, size):
    network, images = backbone(name, size=size).eval(), torch.randn(2, 3, size, size)
    with torch.no_grad():
        features, maps = network.features_and_maps(images)
        torch.testing.assert_close(features, network.features(images))
        torch.testing.assert_close(maps, network.maps(images))
        assert Corners(maps.shape[1], 5).eval()(maps).shape == (2, 20)
