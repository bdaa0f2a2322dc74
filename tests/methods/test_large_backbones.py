"""Every method of the course runs on the backbones of the papers: one step of training, and reading the result."""

import pytest
import torch

import fercourse as fc
from fercourse.cli.train import METHODS
from fercourse.evaluate import seen
from fercourse.methods import create


@pytest.fixture(scope="module")
def faces():
    return fc.load_faces("synthfaces", split="val", domain="lab").resize(48).sample(28, 0)


@pytest.mark.parametrize("backbone", ["vit_small_patch16_224", "resnet50"])
@pytest.mark.parametrize("name", METHODS)
def test_a_large_backbone_runs_every_method(name, backbone, faces):
    torch.manual_seed(0)
    method = create(name, faces, backbone=backbone)
    before = [value.clone() for value in method.backbone.parameters()]
    adapts = bool(method.target_views)
    history = fc.fit(method, faces, target=faces if adapts else None, epochs=1, batch_size=14, lr=1e-3)
    assert torch.tensor(history.last["total"]).isfinite()
    assert any(not torch.equal(old, new) for old, new in zip(before, method.backbone.parameters()))
    found = seen(method, faces[:4])
    assert found["embedding"].shape[0] == 4 and found["logits"].isfinite().all()
