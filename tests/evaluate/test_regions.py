"""Parts of faces by landmarks, and the mass of maps inside them."""

import pytest
import torch

from fercourse.evaluate.regions import PARTS, mass_inside, part_masks


def face(size=100):
    """Return landmarks of one face: every part at a place of its own."""
    points = torch.zeros(1, 68, 2)
    for (first, last), (x, y) in zip((span for part in PARTS.values() for span in part),
                                     ((20, 20), (70, 20), (45, 50), (20, 35), (70, 35), (45, 80))):
        points[0, first:last] = torch.tensor([x, y]) + torch.rand(last - first, 2)
    return points


def test_parts_are_boxes_with_room():
    mouth = part_masks(face(), 100, ("mouth",))[0]
    rows, columns = mouth.nonzero().unbind(1)
    assert (rows.min(), columns.min()) == (77, 42) and rows.max() <= 84 and columns.max() <= 49
    assert mouth[81, 46] and not mouth[20, 20]


def test_left_and_right_are_apart_and_parts_add_up():
    brows = part_masks(face(), 100, ("brows",))[0]
    assert brows[20, 20] and brows[20, 70] and not brows[20, 45]
    separate = torch.stack([part_masks(face(), 100, (part,))[0] for part in PARTS])
    assert torch.equal(separate.any(0)[::10, ::10], part_masks(face(), 100)[0][::10, ::10])


def test_mass_of_even_and_pointed_maps():
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[:, :4] = True
    maps = torch.stack([torch.ones(2, 2), torch.tensor([[1.0, 1], [0, 0]]), torch.zeros(2, 2)])
    share = mass_inside(maps, masks)
    assert share[0].item() == pytest.approx(0.5) and 0.75 < share[1] < 1 and share[2].isnan()
