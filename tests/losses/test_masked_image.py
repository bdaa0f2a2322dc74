"""Masked image modelling: what is hidden, what is scored, and the decoder."""

import pytest
import torch
import torch.nn.functional as F

from fercourse.errors import InputError
from fercourse.losses.masked_image import cell_size, hide, masked_l1, random_cells
from fercourse.models.backbone import backbone, map_shape
from fercourse.models.decoder import PixelDecoder


def pictures(count=2, size=8, seed=0):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_mean_over_hidden_pixels_by_hand():
    images, rebuilt = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    rebuilt[0, :, 0, 0] = torch.tensor([1.0, -2.0, 3.0])         # hidden: errors 1, 2, 3
    rebuilt[0, :, 1, 1] = 100                                    # not hidden
    hidden = torch.tensor([[[[True, False], [True, False]]]])
    assert masked_l1(rebuilt, images, hidden).item() == pytest.approx(6 / 6)      # two pixels of three colours


def test_unmasked_pixels_count_for_nothing():
    images, rebuilt = pictures(), pictures(seed=1).requires_grad_()
    hidden = random_cells(2, 8, 2, 0.5)
    before = masked_l1(rebuilt, images, hidden)
    (slope,) = torch.autograd.grad(before, rebuilt)
    assert torch.equal(slope != 0, hidden.expand_as(slope))
    moved = torch.where(hidden, rebuilt, rebuilt + 5)
    assert torch.equal(masked_l1(moved, images, hidden), before)
    assert not torch.isclose(masked_l1(torch.where(hidden, rebuilt + 5, rebuilt), images, hidden), before)


def test_against_the_mean_of_selected_pixels_and_its_gradient():
    images, rebuilt = pictures().double(), pictures(seed=1).double().requires_grad_()
    hidden = random_cells(2, 8, 4, 0.5)
    everywhere = hidden.expand_as(images)
    selected = F.l1_loss(rebuilt[everywhere], images[everywhere])
    assert masked_l1(rebuilt, images, hidden).item() == pytest.approx(selected.item(), rel=1e-6)
    assert torch.autograd.gradcheck(lambda x: masked_l1(x, images, hidden), rebuilt)


def test_nothing_hidden_costs_nothing():
    rebuilt = pictures(seed=1).requires_grad_()
    loss = masked_l1(rebuilt, pictures(), torch.zeros(2, 1, 8, 8, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0 and not rebuilt.grad.any()


@pytest.mark.parametrize("ratio, cells", [(0.0, 0), (0.6, 10), (1.0, 16)])
def test_every_image_hides_as_many_whole_cells(ratio, cells):
    hidden = random_cells(5, 12, 3, ratio)
    blocks = hidden.unfold(2, 3, 3).unfold(3, 3, 3).flatten(4).float().mean(4)
    assert set(blocks.unique().tolist()) <= {0.0, 1.0}
    assert (blocks.flatten(1).sum(1) == cells).all()


def test_cells_are_drawn_anew_evenly_and_from_the_seed():
    torch.manual_seed(3)
    first = random_cells(4000, 6, 1, 0.5)
    assert torch.allclose(first.float().mean(0), torch.full((1, 6, 6), 0.5), atol=0.05)
    assert len(first.flatten(1).unique(dim=0)) > 3900
    torch.manual_seed(3)
    assert torch.equal(random_cells(4000, 6, 1, 0.5), first)


def test_hidden_pixels_are_the_mean_colour():
    images, hidden = pictures(), random_cells(2, 8, 2, 0.5)
    shown = hide(images, hidden)
    assert not shown[hidden.expand_as(shown)].any()
    assert torch.equal(shown[~hidden.expand_as(shown)], images[~hidden.expand_as(shown)])


@pytest.mark.parametrize("size, stride, side", [(224, 32, 32), (112, 32, 16), (64, 16, 8), (48, 16, 8), (48, 8, 8),
                                                (224, 16, 16), (32, 16, 4), (7, 4, 1)])
def test_cells_fit_the_encoder_and_the_image(size, stride, side):
    assert cell_size(size, stride) == side


@pytest.mark.parametrize("size, cell, ratio", [(10, 4, 0.5), (8, 2, 1.5), (8, 2, -0.1)])
def test_impossible_masks_are_refused(size, cell, ratio):
    with pytest.raises(InputError, match=f"cells of {cell} px"):
        random_cells(1, size, cell, ratio)


@pytest.mark.parametrize("name, size", [("lesson", 48), ("lesson8", 40), ("lesson", 50), ("vit_tiny_patch16_224", 48)])
def test_decoder_gives_pictures_for_convolutions_and_transformers(name, size):
    network = backbone(name, size=size).train()
    channels, stride = map_shape(network, size)
    assert network.training
    rebuilt = PixelDecoder(channels, stride)(network.maps(torch.zeros(2, 3, size, size)), size)
    assert rebuilt.shape == (2, 3, size, size)


def test_a_place_of_the_map_paints_its_own_square():
    decoder = PixelDecoder(4, 3)
    maps = torch.zeros(1, 4, 2, 2)
    empty = decoder(maps, 6)
    maps[0, :, 1, 0] = 1
    changed = (decoder(maps, 6) != empty).any(1)[0]
    assert changed[3:, :3].all() and changed.sum() == 9


def test_a_size_without_divisors_is_refused_because_its_cells_would_hide_nothing():
    with pytest.raises(InputError, match=r"97 px can only be hidden in cells of 1 px.*such as 96"):
        cell_size(97, 32)
