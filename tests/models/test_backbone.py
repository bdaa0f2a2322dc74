"""Backbones: shapes, any input size, and weights from a file that are checked before they are believed."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from fercourse import augment
from fercourse.errors import InputError
from fercourse.models.backbone import backbone, load_weights, read_tensors


@pytest.mark.parametrize("name, size, width, grid", [
    ("lesson", 64, 128, 4), ("lesson8", 64, 128, 8), ("lesson", 48, 128, 3), ("resnet18", 64, 512, 2),
    ("fine18", 48, 256, 3), ("lesson-wide", 48, 256, 3),
    ("vit_small_patch16_224", 48, 384, 3), ("swin_tiny_patch4_window7_224", 64, 768, 2),
])
def test_features_and_maps(name, size, width, grid):
    network, images = backbone(name, size=size).eval(), torch.zeros(2, 3, size, size)
    with torch.no_grad():
        assert network.width == width
        assert network.features(images).shape == (2, width)
        assert network.maps(images).shape == (2, width, grid, grid)


def test_features_are_the_mean_of_the_maps():
    network, images = backbone().eval(), torch.rand(2, 3, 48, 48)
    torch.testing.assert_close(network.features(images), network.maps(images).mean((2, 3)))


def test_transformer_maps_keep_rows_and_columns():
    network = backbone("vit_small_patch16_224", size=48).eval()
    first = torch.zeros(1, 3, 48, 48)
    second = first.clone()
    second[..., :16, 32:] = 3                                             # the patch in row 0, column 2
    with torch.no_grad():
        change = (network.maps(second) - network.maps(first)).norm(dim=1)[0]
    assert change.flatten().argmax() == 2


def test_grey_backbones_see_no_colour():
    coloured = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    luma = (coloured.double() * torch.tensor(augment.LUMA)[:, None, None]).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    grey = (luma / 255 - torch.tensor(augment.MEAN)[:, None, None]) / torch.tensor(augment.STD)[:, None, None]
    network = backbone("lesson", grey=True).eval()
    expected = network.trunk(grey.float())
    torch.testing.assert_close(network(augment.normalise(coloured)), expected, atol=1e-4, rtol=1e-3)


def test_lesson_network_is_small():
    assert sum(p.numel() for p in backbone("lesson").parameters()) == pytest.approx(700_000, rel=0.02)


@pytest.mark.parametrize("kind", ["safetensors", "torch", "nested"])
def test_weights_from_a_file(tmp_path, kind):
    source = backbone("lesson")
    tensors = {f"module.backbone.{k}": v for k, v in source.trunk.state_dict().items()}
    tensors["module.fc.weight"] = torch.zeros(7, 128)
    del tensors["module.backbone.conv1.0.weight"]
    path = tmp_path / ("face.safetensors" if kind == "safetensors" else "face.pt")
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors, "epoch": 3} if kind == "nested" else tensors, path)
    loaded = backbone("lesson", weights=path)
    assert torch.equal(loaded.trunk.layer4[0].conv1.weight, source.trunk.layer4[0].conv1.weight)
    assert loaded.report == (f"{path}: loaded {len(tensors) - 1} of {len(tensors)} tensors; "
                             "left at random: conv1.0.weight; not used from the file: fc.weight")


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"linear.weight": torch.zeros(3)}, path := tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"none of its 1 tensors fits the backbone \(linear.weight"):
        backbone("lesson", weights=path)


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


def test_pickles_are_refused_and_not_run(tmp_path, capsys):
    (path := tmp_path / "w.pt").write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(InputError, match=r"refused|cannot be read"):
        read_tensors(path)
    torch.save({"weight": Bomb()}, path)
    with pytest.raises(InputError, match="refused, because reading it could run code"):
        read_tensors(path)
    assert "boom" not in capsys.readouterr().out


@pytest.mark.parametrize("content, message", [(b"nonsense", "cannot be read as weights"), (None, "no such")])
def test_unreadable_weights(tmp_path, content, message):
    path = tmp_path / "w.safetensors"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_weights(torch.nn.Linear(2, 2), path)


def test_unknown_names_and_missing_networks(monkeypatch):
    with pytest.raises(InputError, match="'resnet19x' is unknown to timm"):
        backbone("resnet19x")
    with pytest.raises(InputError, match=r"has no weights 'x' of it; expected a1_in1k, .* or resnet18 alone"):
        backbone("resnet18.x")
    assert backbone("resnet18.a1_in1k").width == 512
    with pytest.raises(InputError, match="lesson has no published weights"):
        backbone("lesson", pretrained=True)

    def offline(*_, **__):
        raise ConnectionError("no route")
    monkeypatch.setattr("timm.create_model", offline)
    with pytest.raises(InputError, match=r"cannot be fetched \(no route\); connect to a network, or give a"):
        backbone("resnet18", pretrained=True)
