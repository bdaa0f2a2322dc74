"""Augmentation: equal to a slow reference, one image at a time, and the same however it is batched."""

import math

import numpy as np
import pytest
import torch

from fercourse import augment
from fercourse.augment import COLUMNS, LUMA, MEAN, STD, Preset
from fercourse.errors import InputError

IMAGES = torch.randint(0, 256, (12, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
CENTRED = ("mirror", "zoom", "brightness", "contrast", "saturation", "gamma")
AT_REST = dict.fromkeys(COLUMNS, 0.0) | dict.fromkeys(CENTRED, 1.0)


def one(**values):
    return torch.tensor([[float((AT_REST | values)[c]) for c in COLUMNS]])


def pixel(image, x, y):
    """Bilinear sample at pixel-centre coordinates, mirrored at the picture's edges; plain Python."""
    def fold(v, n):
        v = (v + 0.5) % (2 * n)
        v = 2 * n - v if v > n else v
        return min(max(v - 0.5, 0), n - 1)
    height, width = image.shape[1:]
    x, y = fold(x, width), fold(y, height)
    x0, y0 = math.floor(x), math.floor(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    u, v = x - x0, y - y0
    return ((1 - u) * (1 - v) * image[:, y0, x0] + u * (1 - v) * image[:, y0, x1]
            + (1 - u) * v * image[:, y1, x0] + u * v * image[:, y1, x1])


def reference(image, row):
    """One image, one pixel at a time, in float64."""
    p = dict(zip(COLUMNS, row.double().tolist()))
    image = image.double().numpy() / 255
    height, width = image.shape[1:]
    out = np.empty_like(image)
    for i in range(height):
        for j in range(width):
            x, y = p["mirror"] * (j + 0.5 - width / 2), i + 0.5 - height / 2
            c, s = math.cos(p["angle"]) / p["zoom"], math.sin(p["angle"]) / p["zoom"]
            out[:, i, j] = pixel(image, c * x - s * y + width / 2 - 0.5 + p["shift_x"] * width,
                                 s * x + c * y + height / 2 - 0.5 + p["shift_y"] * height)
    if p["blur"]:
        out = blur(out, p["blur"] * width)
    luma = np.array(LUMA)
    out = out ** p["gamma"] * p["brightness"]
    out = (out - (middle := np.tensordot(luma, out, 1).mean())) * p["contrast"] + middle
    grey = np.tensordot(luma, out, 1)
    out = np.clip(grey + (out - grey) * p["saturation"], 0, 1)
    out = (out - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
    for i in range(height):
        for j in range(width):
            x, y = (j + 0.5) / width - p["erase_x"], (i + 0.5) / height - p["erase_y"]
            if 0 <= x < p["erase_width"] and 0 <= y < p["erase_height"]:
                out[:, i, j] = 0
    return torch.from_numpy(out)


def blur(image, sigma):
    radius = math.ceil(3 * augment.BLUR_LIMIT * image.shape[2])
    weights = np.exp(-np.arange(-radius, radius + 1) ** 2 / (2 * sigma**2))
    weights /= weights.sum()
    for axis in (1, 2):
        padded = np.pad(image, [(0, 0), (radius, radius), (radius, radius)], mode="edge")
        padded = padded[:, radius:-radius] if axis == 2 else padded[:, :, radius:-radius]
        image = sum(w * np.take(padded, range(k, k + image.shape[axis]), axis) for k, w in enumerate(weights))
    return image


@pytest.mark.parametrize("name", ["none", "weak", "strong", Preset(gamma=2.0, contrast=0.5, erase=1.0)])
def test_equals_one_image_at_a_time(name):
    table = augment.draw(name, 12, seed=3)
    got = augment.apply(IMAGES, table)
    for image, row, slow in zip(IMAGES, table, got):
        torch.testing.assert_close(slow.double(), reference(image, row), atol=2e-4, rtol=0)


def test_oblong_pictures_are_turned_in_pixels():
    image = IMAGES[:1, :, :, :12]
    row = one(angle=0.4, zoom=1.2, shift_x=0.1)
    got = augment.apply(image, row)
    torch.testing.assert_close(got[0].double(), reference(image[0], row[0]), atol=2e-4, rtol=0)


def test_mirror_and_shift_move_whole_pixels():
    plain = augment.normalise(IMAGES[:1])
    torch.testing.assert_close(augment.apply(IMAGES[:1], one(mirror=-1)), plain.flip(3), atol=1e-5, rtol=0)
    moved = augment.apply(IMAGES[:1], one(shift_x=0.1))                   # two of twenty pixels
    torch.testing.assert_close(moved[..., :18], plain[..., 2:], atol=1e-4, rtol=0)


def test_grey_faces_have_three_equal_channels():
    grey = augment.denormalise(augment.apply(IMAGES, one(saturation=0).expand(12, -1)))
    assert (grey[:, 0].int() - grey[:, 1]).abs().max() <= 1
    assert (grey[:, 0].int() - grey[:, 2]).abs().max() <= 1


def test_none_is_plain_normalisation_and_returns_to_the_bytes():
    got = augment.apply(IMAGES, augment.draw("none", 12))
    assert torch.equal(got, augment.normalise(IMAGES))
    assert torch.equal(augment.denormalise(got), IMAGES)
    assert got.dtype == torch.float32


@pytest.mark.parametrize("change", [
    augment.normalise, lambda images: augment.apply(images, augment.draw("strong", 12, seed=3)),
    lambda images: augment.resized(images, 20), lambda images: augment.normalise(augment.resized(images, 20))])
def test_images_that_are_float_already_stay_as_they_are(change):
    images = IMAGES.float()
    torch.testing.assert_close(change(images), change(IMAGES), rtol=0, atol=0)
    assert torch.equal(images, IMAGES.float())


def test_parameters_depend_on_seed_epoch_and_view():
    table = augment.draw("strong", 50, seed=1, epoch=2, view=0)
    assert torch.equal(table, augment.draw("strong", 50, seed=1, epoch=2, view=0))
    for other in ((2, 2, 0), (1, 3, 0), (1, 2, 1)):
        assert not torch.equal(table, augment.draw("strong", 50, *other))
    assert len(table.unique(dim=0)) == 50                                 # every sample has its own


def test_the_result_does_not_depend_on_the_batch():
    table, order = augment.draw("strong", 12, seed=5), torch.randperm(12)
    whole = augment.apply(IMAGES, table)
    for size in (1, 5):
        parts = [augment.apply(IMAGES[rows], table[rows]) for rows in order.split(size)]
        torch.testing.assert_close(torch.cat(parts)[order.argsort()], whole, atol=1e-5, rtol=0)


def test_draws_stay_within_the_preset():
    wanted = Preset(flip=0.25, rotation=30, scale=(0.5, 2.0), shift=0.2, brightness=0.3, grey=0.4, blur=0.6,
                    erase=0.5, erase_area=(0.1, 0.2), gamma=2.0)
    p = dict(zip(COLUMNS, augment.draw(wanted, 20_000).unbind(1)))
    share = lambda mask: mask.float().mean().item()                       # noqa: E731
    assert share(p["mirror"] < 0) == pytest.approx(0.25, abs=0.02)
    assert share(p["saturation"] == 0) == pytest.approx(0.4, abs=0.02)
    assert share(p["blur"] > 0) == pytest.approx(0.6, abs=0.02)
    assert share(p["erase_width"] > 0) == pytest.approx(0.5, abs=0.02)
    assert p["angle"].abs().max() == pytest.approx(math.pi / 6, rel=1e-3)
    assert p["zoom"].log().mean() == pytest.approx(0, abs=0.02)
    area = (p["erase_width"] * p["erase_height"])[p["erase_width"] > 0]
    assert 0.1 <= area.min() and area.max() <= 0.2 + 1e-6
    assert (p["erase_x"] + p["erase_width"]).max() <= 1 + 1e-6
    assert p["gamma"].min() == pytest.approx(0.5, rel=1e-3) and p["gamma"].max() == pytest.approx(2, rel=1e-3)
    assert p["contrast"].unique().tolist() == [1]
    for axis in ("shift_x", "shift_y"):
        assert p[axis].abs().max() == pytest.approx(0.2, rel=0.01)
    assert torch.corrcoef(torch.stack([p["shift_x"], p["shift_y"]]))[0, 1].abs() < 0.03
    assert [p["brightness"].min(), p["brightness"].max()] == pytest.approx([0.7, 1.3], rel=0.01)
    blur = p["blur"][p["blur"] > 0]
    assert [blur.min(), blur.max()] == pytest.approx(wanted.blur_width, rel=0.02)


def test_views_are_stacked_and_independent():
    two = augment.views(IMAGES, ("weak", "strong"), seed=2, epoch=1)
    assert two.shape == (2, 12, 3, 20, 20)
    assert torch.equal(two[1], augment.apply(IMAGES, augment.draw("strong", 12, 2, 1, view=1)))
    late = augment.views(IMAGES[7:], ("weak", "strong"), seed=2, epoch=1, positions=torch.arange(7, 12))
    torch.testing.assert_close(late, two[:, 7:], atol=1e-5, rtol=0)


def test_unknown_preset():
    with pytest.raises(InputError, match="'mild' is unknown; expected one of none, weak, strong"):
        augment.draw("mild", 3)


@pytest.mark.parametrize(("name", "value"), [
    *((name, value) for name in ("flip", "grey", "blur", "erase", "brightness", "contrast", "saturation", "shift")
      for value in (-0.1, 1.5, math.nan)),
    ("flip", "0.5"), ("flip", None), ("flip", (0, 1)), ("rotation", -1), ("rotation", 181), ("rotation", math.inf),
    ("gamma", 0), ("gamma", -1), ("gamma", math.inf)])
def test_a_number_that_a_preset_cannot_do_is_refused(name, value):
    with pytest.raises(InputError, match=rf"^{name} of the preset is .*; expected a number from [\d.]+ to \d+$"):
        Preset(**{name: value})


@pytest.mark.parametrize(("name", "value"), [
    ("scale", (0, 1)), ("scale", (1.2, 0.9)), ("scale", 1.2), ("scale", (1,)), ("scale", ("1", "2")),
    ("scale", (1, math.nan)), ("scale", (1, math.inf)), ("blur_width", (0.005, 0.04)), ("blur_width", (-0.01, 0.02)),
    ("blur_width", (0.02, 0.01)), ("erase_area", (2, 3)), ("erase_area", (0.1, 0.6)), ("erase_area", (0.1, 0.2, 0.3))])
def test_a_range_that_a_preset_cannot_do_is_refused(name, value):
    with pytest.raises(InputError, match=rf"^{name} of the preset is .*; expected two numbers, the smaller first, both "
                                         r"from [\d.]+ to [\d.]+$"):
        Preset(**{name: value})


def test_at_the_limits_a_preset_does_what_it_says():
    wanted = Preset(flip=1, rotation=180, scale=[0.01, 100], shift=1, brightness=1, contrast=1, saturation=1, grey=1,
                    blur=1, blur_width=(0, augment.BLUR_LIMIT), erase=1, erase_area=(0.5, 0.5), gamma=0.5)
    table = augment.draw(wanted, 12)
    p = dict(zip(COLUMNS, table.unbind(1)))
    assert (p["brightness"] >= 0).all() and (p["contrast"] >= 0).all() and (p["mirror"] == -1).all()
    torch.testing.assert_close(p["erase_width"] * p["erase_height"], torch.full((12,), 0.5))
    assert augment.apply(IMAGES, table).isfinite().all()
