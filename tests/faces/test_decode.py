"""Decoding: where every pixel goes, and that an image which cannot be read is named, never replaced."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from fercourse.errors import InputError
from fercourse.faces import decode as decoding
from fercourse.faces.decode import Crop, decode

from .pictures import checker, listing, save


def one(root, picture, crop, name="a.png", **columns):
    """Save one picture (an array, an image or bytes), decode it; return its Decoded."""
    path = root / name
    if isinstance(picture, bytes):
        path.write_bytes(picture)
    else:
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(path, **({"exif": columns.pop("exif")} if "exif" in columns else {}))
    [piece] = decode(listing(root, 1, files=np.array([name], dtype=object), **columns), crop)
    return piece


def halves(width, height):
    """Return a picture with a red left and a blue right half, and green in its top quarter."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2, 0] = picture[:, width // 2:, 2] = 255
    picture[: height // 4, :, 1] = 255
    return picture


def test_pixels_of_the_wanted_size_come_through_unchanged(tmp_path):
    picture = checker(32, 32)
    piece = one(tmp_path, picture, Crop(32))
    assert piece.images.dtype == np.uint8 and piece.images.shape == (1, 3, 32, 32)
    assert (piece.images[0] == picture.transpose(2, 0, 1)).all()


def test_pixels_of_the_listing_go_the_same_way(tmp_path):
    grey = checker(48, 48)[..., 0]
    [own] = decode(listing(count=1, pixels=grey[None]), Crop(48))
    assert (own.images == grey).all() and own.images.shape == (1, 3, 48, 48)
    [small] = decode(listing(count=1, pixels=grey[None]), Crop(24))
    assert (small.images == one(tmp_path, grey, Crop(24)).images).all()


def test_rows_come_in_the_wanted_order_whatever_the_threads(tmp_path):
    files = save(tmp_path, 40, 16, 16)
    rows = np.random.default_rng(0).permutation(40)[:33]
    pieces = list(decode(listing(tmp_path, 40, files=files), Crop(16), rows, workers=4, chunk=10))
    assert [len(p.rows) for p in pieces] == [10, 10, 10, 3]
    assert np.concatenate([p.rows for p in pieces]).tolist() == rows.tolist()
    for row, image in zip(rows, np.concatenate([p.images for p in pieces])):
        assert (image == checker(16, 16, row).transpose(2, 0, 1)).all()


def test_resizing_agrees_with_torch_to_one_grey_level(tmp_path):
    import torch
    picture = checker(60, 60, 3)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float(), (24, 24), mode="bilinear",
        antialias=True)
    assert np.abs(one(tmp_path, picture, Crop(24)).images - theirs.numpy()).max() <= 1


# ---------------------------------------------------------------------- which part of the image

def test_squash_keeps_everything_and_crop_keeps_proportions(tmp_path):
    wide = halves(80, 40)                                          # the middle square is columns 20 to 60
    wide[:, :20] = wide[:, 60:] = 0
    squashed, cropped = (one(tmp_path, wide, Crop(8, fit=fit)).images[0] for fit in ("squash", "crop"))
    assert (squashed[0, 6] > 128).tolist() == [False, False, True, True, False, False, False, False]
    assert (cropped[0, 6] > 128).tolist() == [True] * 4 + [False] * 4


def test_box_is_cut_out(tmp_path):
    picture = checker(50, 40)
    box = np.array([[10., 4., 26., 20.]])
    cut = one(tmp_path, picture, Crop(16), boxes=box).images[0]
    assert (cut == picture[4:20, 10:26].transpose(2, 0, 1)).all()


def test_margin_widens_the_box_by_a_share_on_every_side_and_stops_at_the_border():
    assert Crop(16, margin=.25).part([10, 8, 26, 24], 100, 100) == (6, 4, 30, 28)
    assert Crop(16, margin=.25).part([0, 8, 16, 24], 18, 26) == (0, 4, 18, 26)
    assert Crop(16, margin=.25, fit="crop").part([0, 8, 16, 24], 18, 26) == (0, 6, 18, 24)
    assert Crop(16).part([np.nan] * 4, 30, 20) == (0, 0, 30, 20)


@pytest.mark.parametrize("box", [[10, 10, 10, 20], [20, 20, 10, 10], [50, 0, 60, 10], [-9, -9, -1, -1]])
def test_an_empty_or_outer_box_is_a_reject(tmp_path, box):
    piece = one(tmp_path, checker(40, 40), Crop(16), boxes=np.array([box], float))
    assert len(piece.rows) == 0 and "is empty or outside the image of 40x40" in piece.rejects[0].reason


def test_landmarks_move_with_crop_and_resize(tmp_path):
    marks = np.array([[[10, 8], [26, 24], [18, np.nan]]], np.float32)
    piece = one(tmp_path, checker(60, 40), Crop(32), boxes=np.array([[10., 8., 26., 24.]]), landmarks=marks)
    np.testing.assert_allclose(piece.landmarks, [[[0, 0], [32, 32], [16, np.nan]]])
    piece = one(tmp_path, checker(80, 40), Crop(20), landmarks=marks)           # squash: each axis on its own
    np.testing.assert_allclose(piece.landmarks[0, 0], [10 * 20 / 80, 8 * 20 / 40])
    piece = one(tmp_path, checker(80, 40), Crop(20, fit="crop"), landmarks=marks)
    np.testing.assert_allclose(piece.landmarks[0, 0], [(10 - 20) / 2, 8 / 2])


def test_a_mark_drawn_in_the_picture_is_found_where_its_landmark_says(tmp_path):
    picture = np.zeros((700, 900, 3), np.uint8)
    picture[400:416, 500:516] = 255                                             # centre (508, 408)
    box = np.array([[300., 200., 800., 650.]])
    for ending in ("png", "jpg"):                                               # the jpg is read at half size
        piece = one(tmp_path, picture, Crop(64, margin=.1), f"a.{ending}", boxes=box,
                    landmarks=np.array([[[508, 408]]], np.float32))
        bright = piece.images[0, 0].astype(float)
        y, x = (np.indices(bright.shape) + .5) * bright / bright.sum()
        assert abs(x.sum() - piece.landmarks[0, 0, 0]) < .3 and abs(y.sum() - piece.landmarks[0, 0, 1]) < .3


@pytest.mark.parametrize("turned", range(1, 9))
def test_pictures_come_upright(tmp_path, turned):
    upright = Image.fromarray(halves(64, 64))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}               # what the camera did
    stored = upright.transpose(Image.Transpose(back[turned])) if turned > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = turned
    piece = one(tmp_path, stored, Crop(64), exif=exif)
    assert (piece.images[0] == np.asarray(upright).transpose(2, 0, 1)).all()


def test_boxes_speak_of_the_upright_picture(tmp_path):
    upright = checker(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    piece = one(tmp_path, stored, Crop(16), boxes=np.array([[40., 20., 56., 36.]]), exif=exif)
    assert (piece.images[0] == upright[20:36, 40:56].transpose(2, 0, 1)).all()


# ---------------------------------------------------------------------- kinds of images

@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_mode_becomes_three_channels(tmp_path, mode):
    image = Image.fromarray(halves(32, 32)).convert(mode)
    name = "a.jpg" if mode == "CMYK" else "a.png"
    assert one(tmp_path, image, Crop(16), name).images.shape == (1, 3, 16, 16)


def test_sixteen_bits_of_grey_are_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for name in ("a.png", "a.tiff"):
        image = one(tmp_path, Image.fromarray(values), Crop(16), name).images[0, 0]
        assert np.abs(image.ravel().astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("most", [255, 65535])
def test_thirty_two_bits_of_grey_may_hold_eight_or_sixteen(tmp_path, most):
    values = np.linspace(0, most, 256).astype(np.int32).reshape(16, 16)
    image = one(tmp_path, Image.fromarray(values), Crop(16), "a.tiff").images[0, 0]
    assert np.abs(image.ravel().astype(int) - np.arange(256)).max() <= 1


def test_fractions_are_a_reject_with_what_to_do(tmp_path):
    piece = one(tmp_path, np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16), Crop(16), "a.tiff")
    assert not len(piece.rows) and "fractions" in piece.rejects[0].reason and "8 or 16 bits" in piece.rejects[0].reason


# ---------------------------------------------------------------------- what cannot be read

def png(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def jpeg(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG")
    return stream.getvalue()


BROKEN = {
    "zero bytes": (b"", "empty file"),
    "not an image": (b"<html>404</html>" * 9, "not an image"),
    "truncated png": (png(checker(64, 64))[:-600], "truncated"),
    "truncated jpeg": (jpeg(checker(64, 64))[:500], "truncated"),
    "damaged png": (png(checker(64, 64))[:60] + b"\0" * 40 + png(checker(64, 64))[100:], "broken"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_a_reject_with_a_reason(tmp_path, kind):
    content, reason = BROKEN[kind]
    piece = one(tmp_path, content, Crop(16))
    assert len(piece.rows) == 0 and piece.images.shape == (0, 3, 16, 16)
    assert piece.rejects[0].file == "a.png" and reason in piece.rejects[0].reason.lower()


def test_neighbours_of_a_bad_image_keep_their_place(tmp_path):
    files = save(tmp_path, 6, 16, 16)
    (tmp_path / files[1]).unlink()
    (tmp_path / files[3]).write_bytes(b"")
    (tmp_path / files[4]).unlink()
    (tmp_path / files[4]).mkdir()
    [piece] = decode(listing(tmp_path, 6, files=files), Crop(16))
    assert piece.rows.tolist() == [0, 2, 5]
    assert [(r.file, r.reason) for r in piece.rejects] == [
        ("faces/1.png", "there is no such file"), ("faces/3.png", "empty file (0 bytes)"),
        ("faces/4.png", "is a directory")]
    for row, image in zip(piece.rows, piece.images):
        assert (image == checker(16, 16, row).transpose(2, 0, 1)).all()


def test_a_huge_image_is_a_reject_before_it_is_decoded(tmp_path, monkeypatch):
    content = png(checker(64, 64))
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1000)
    monkeypatch.setattr(PngImageFile, "load", lambda self: pytest.fail("decoded"))
    piece = one(tmp_path, content, Crop(16))
    assert "64x64 is more than 1,000 pixels" in piece.rejects[0].reason


def test_a_decompression_bomb_is_a_reject(tmp_path):
    bomb = png(np.zeros((1, 1, 3), np.uint8))
    size = (30000).to_bytes(4, "big") * 2                                        # 900 million pixels promised
    header = b"IHDR" + size + bomb[24:29]
    import zlib
    bomb = bomb[:12] + header + zlib.crc32(header).to_bytes(4, "big") + bomb[33:]
    assert "pixels" in one(tmp_path, bomb, Crop(16)).rejects[0].reason


def test_no_format_that_starts_a_program(tmp_path):
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n"
    assert "not an image" in one(tmp_path, eps, Crop(16)).rejects[0].reason


@pytest.mark.parametrize("wrong", [{"size": 4}, {"size": 5000}, {"margin": -1}, {"fit": "stretch"}])
def test_a_wrong_crop_is_told(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Crop(**{"size": 64, **wrong})
