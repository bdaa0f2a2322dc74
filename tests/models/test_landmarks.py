"""The landmark network that comes with the course: its parts by hand, its error on unseen people, its files."""

import json

import pytest
import torch

from fercourse import augment
from fercourse.errors import InputError
from fercourse.faces import load_faces
from fercourse.models import landmarks as lm
from fercourse.models import shipped
from fercourse.studies import landmarks_train as training
from fercourse.studies import small_fit


@pytest.fixture(scope="module")
def unseen():
    faces = load_faces("synthfaces", split="test", domain="wild").sample(300)
    return faces, lm.find_landmarks(faces.images)


def test_points_are_found_on_unseen_people(unseen):
    faces, found = unseen
    assert found.points.shape == (300, 68, 2) and found.found.float().mean() > 0.97
    assert lm.error_by_eyes(found.points, faces.landmarks).mean() < 0.055
    assert lm.error_by_eyes(found.points, faces.landmarks, faces.visible).mean() < 0.045
    assert ((found.visible > 0.5) == faces.visible).float().mean() > 0.9


def test_pictures_without_a_face_are_told(unseen):
    noise = torch.randint(0, 255, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    flat = torch.full((2, 3, 64, 64), 128, dtype=torch.uint8)
    quarters = unseen[0].images[:20].unflatten(3, (4, 16))[:, :, :, [2, 0, 3, 1]].flatten(3)
    quarters = quarters.unflatten(2, (4, 16))[:, :, [1, 3, 0, 2]].flatten(2, 3)
    assert not lm.find_landmarks(torch.cat([noise, flat])).found.any()
    assert lm.find_landmarks(quarters).found.float().mean() < 0.2


def test_other_sizes_are_told_in_their_own_pixels(unseen):
    faces, _ = unseen
    large = faces[:40].resize(96)
    error = lm.error_by_eyes(lm.find_landmarks(large.images).points, large.landmarks)
    assert error.mean() < 0.08 and large.landmarks.max() > 70


def test_a_mirror_changes_left_and_right_and_nothing_else(unseen):
    faces, found = unseen
    mirrored = lm.find_landmarks(faces.images[:100].flip(3)).points[:, lm.MIRRORED]
    back = torch.stack([64 - mirrored[..., 0], mirrored[..., 1]], 2)
    torch.testing.assert_close(back, found.points[:100], atol=1e-3, rtol=0)
    assert lm.MIRRORED[lm.MIRRORED].equal(torch.arange(68)) and lm.MIRRORED[[36, 48, 8, 30]].tolist() == [45, 54, 8, 30]


def test_heatmaps_are_shares_and_their_centre_is_the_point():
    point = torch.tensor([[[0.3, 0.6], [0.5, 0.52]]])
    heat = lm.gaussian_heatmaps(point, 64, 0.04)
    assert heat[0, 0].argmax() // 64 == 38 and heat[0, 0].argmax() % 64 == 19           # rows are y
    shares = lm.heatmaps(heat.log())
    torch.testing.assert_close(shares.sum((2, 3)), torch.ones(1, 2))
    torch.testing.assert_close(lm.centres(shares), point, atol=1e-3, rtol=0)


def test_error_by_eyes_by_hand():
    truth = torch.zeros(1, 68, 2)
    truth[0, 36, 0], truth[0, 45, 0] = 10.0, 30.0
    found, visible = truth.clone(), torch.zeros(1, 68, dtype=torch.bool)
    found[0, 0, 1] = 20.0                                                # one point is off by the eyes' distance
    visible[0, :2] = True
    assert lm.error_by_eyes(found, truth).item() == pytest.approx(1 / 68)
    assert lm.error_by_eyes(found, truth, visible).item() == pytest.approx(1 / 2)


def test_points_move_with_the_picture():
    """A bright spot's centre of mass goes where `moved` says, mirror and swap of sides included."""
    view = augment.Preset(flip=.5, rotation=25, scale=(.8, 1.3), shift=.05)
    points = 0.35 + 0.3 * torch.rand(16, 68, 2, generator=torch.Generator().manual_seed(0))
    picture = 255 * lm.gaussian_heatmaps(points[:, 36], 64, 0.03)[:, None].expand(-1, 3, -1, -1)
    table = augment.draw(view, 16)
    spot = augment.denormalise(augment.apply(picture.byte(), table)).float()[:, :1]
    centre = lm.centres(spot / spot.sum((2, 3), keepdim=True))[:, 0]
    where, seen = training.moved(points, table, torch.arange(68.0).expand(16, -1))
    place = torch.where(table[:, 0] < 0, 45, 36)                          # in a mirror the left eye is the right one
    torch.testing.assert_close(where[torch.arange(16), place], centre, atol=2e-3, rtol=0)
    assert seen[torch.arange(16), place].eq(36).all()


def test_its_loss_is_least_at_the_truth_and_ignores_what_left_the_picture():
    points = torch.full((1, 68, 2), 0.5)
    points[0, 0] = 1.4
    target = lm.gaussian_heatmaps(points.clamp(max=1), lm.CELLS, training.SIGMA).clamp(min=1e-9).log()
    seen = torch.full((1, 68), 9.0)
    def loss(shift):
        told = target.roll(shift, 3)
        told[0, 0] = torch.randn(lm.CELLS, lm.CELLS)
        return training.loss_of(lambda images: (told, seen), None, points, torch.ones(1, 68)).item()
    assert loss(0) < loss(1) < loss(3) and loss(0) == pytest.approx(loss(0))


def test_training_goes_on_where_it_stopped(tmp_path, monkeypatch):
    few = load_faces("synthfaces", split="train").sample(24)
    monkeypatch.setattr(training, "load_faces", lambda *a, **k: few)
    whole, done = training.train(tmp_path / "whole", 2, 8, 1e-3, 1e9, init=False)
    assert done
    monkeypatch.setattr(small_fit.time, "monotonic", iter([0.0, 0.0, 0.0, 99.0]).__next__)
    assert not training.train(tmp_path / "cut", 2, 8, 1e-3, 1, init=False)[1]
    monkeypatch.undo()
    monkeypatch.setattr(training, "load_faces", lambda *a, **k: few)
    again, done = training.train(tmp_path / "cut", 2, 8, 1e-3, 1e9, init=False)
    assert done
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, msg=name)


def test_the_manifest_tells_all_that_the_weights_went_through(monkeypatch):
    first = training.recipe(45, 2e-3, init=False, soft=False)
    monkeypatch.setattr(training, "shipped", lambda name: ({"trained": first}, {}))
    manifest = json.loads((shipped.FOLDER / "landmarks.json").read_text())
    assert training.recipe(20, 1e-3, init=True, soft=True) == manifest["trained"]


def test_the_weights_are_small_and_those_of_the_manifest(tmp_path, monkeypatch):
    manifest = json.loads((shipped.FOLDER / "landmarks.json").read_text())
    assert manifest["bytes"] == (shipped.FOLDER / "landmarks.safetensors").stat().st_size <= 4e6
    assert manifest["scored_on"] == "test" and manifest["wild"]["error"] <= 0.05
    for name in ("landmarks.safetensors", "landmarks.json"):
        (tmp_path / name).write_bytes((shipped.FOLDER / name).read_bytes())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert shipped.part_of(shipped.shipped("landmarks")[1], "network.").keys() == lm.HeatmapNet().state_dict().keys()
    with (tmp_path / "landmarks.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="SHA-256 differs"):
        shipped.shipped("landmarks")
    (tmp_path / "landmarks.json").unlink()
    with pytest.raises(InputError, match="is missing"):
        shipped.shipped("landmarks")


def test_other_detectors(monkeypatch):
    with pytest.raises(InputError, match="'mtcnn' is unknown; expected one of embedded, face-alignment"):
        lm.find_landmarks(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "mtcnn")
    monkeypatch.setitem(__import__("sys").modules, "face_alignment", None)
    with pytest.raises(InputError, match=r'pip install -e "\.\[landmarks\]"'):
        lm.find_landmarks(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "face-alignment")


def test_face_alignment_is_asked_with_the_whole_picture(monkeypatch):
    """A stand-in for the package: it sees enlarged pictures, and finds nothing in dark ones."""
    import types
    asked = []

    class Aligner:
        def __init__(self, kind, device):
            asked.append((kind, device))

        def get_landmarks_from_image(self, picture, detected_faces):
            asked.append((picture.shape, detected_faces[0]))
            import numpy as np
            return None if picture.max() < 9 else [np.full((68, 2), 26.0)]
    package = types.SimpleNamespace(FaceAlignment=Aligner, LandmarksType=types.SimpleNamespace(TWO_D="2D"))
    monkeypatch.setitem(__import__("sys").modules, "face_alignment", package)
    images = torch.tensor([0, 200], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 20, 20)
    told = lm.find_landmarks(images, "face-alignment")
    assert asked == [("2D", "cpu"), ((260, 260, 3), [0, 0, 260, 260]), ((260, 260, 3), [0, 0, 260, 260])]
    assert told.found.tolist() == [False, True] and told.points[0].isnan().all()
    torch.testing.assert_close(told.points[1], torch.full((68, 2), 2.0))
    assert told.visible.sum(1).tolist() == [0, 68]
