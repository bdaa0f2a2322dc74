"""DANN and CDAN: the reversed gradient reaches the backbone, and they run on the common loop."""

import pytest
import torch
import torch.nn.functional as F

from fercourse import fit
from fercourse.losses.adversarial import conditioned, domain_loss
from fercourse.methods import Batch
from tests.toy import STILL, toy_faces, toy_method


def adversarial(name, source, target, **hyper):
    """Return a method in evaluation mode, set up, with a batch of 16 faces of both domains and its views."""
    method = toy_method(source, name, **hyper).eval()
    method.setup(source, target)
    views = torch.randn(2, 1, 16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    batch = Batch(torch.arange(16), views[0], method.memory["labels"], target=Batch(torch.arange(16), views[1]))
    return method, batch, views


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_the_backbone_unlearns_what_the_discriminator_learns(name):
    """The domain term's gradient on the backbone is the plain one times minus strength and ramp."""
    source, target = toy_faces(16, 16), toy_faces(16, 16, seed=1)
    gradients = {}
    for strength in (0.0, 0.5, 1.0):
        method, batch, _ = adversarial(name, source, target, adversary=strength)
        method(batch, 1.0)["domain"].backward()
        first, judge = method.backbone.trunk.layer4[0].downsample[0], method.discriminator.layers[0]
        gradients[strength] = [first.weight.grad, judge.weight.grad]
    assert gradients[0.0][0].abs().max() == 0 < gradients[0.5][0].abs().max()
    torch.testing.assert_close(gradients[1.0][0], 2 * gradients[0.5][0])
    assert torch.equal(gradients[0.0][1], gradients[1.0][1])


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_the_total_is_its_terms_and_the_adversary_begins_at_nothing(name):
    source = toy_faces(16, 16)
    method, batch, views = adversarial(name, source, source, label_smoothing=0.2)
    found = method(batch, 0.0)
    z = [method.backbone.features(part) for part in views[:, 0]]
    seen = [conditioned(h, method.head(h)) for h in z] if name == "cdan" else z
    classify = F.cross_entropy(method.head(z[0]), batch.labels, label_smoothing=0.2)
    domain, right = domain_loss(*map(method.discriminator, seen))
    for key, value in {"classify": classify, "domain": domain, "told_domain": right,
                       "total": classify + domain}.items():
        torch.testing.assert_close(found[key], value, msg=key, rtol=1e-4, atol=1e-5)
    found["domain"].backward()
    assert not method.backbone.trunk.layer4[0].downsample[0].weight.grad.any()


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_they_learn_the_source(name):
    source = toy_faces(96, 16)
    method = toy_method(source, name, ema=0.0)
    method.target_views = STILL
    history = fit(method, source, target=toy_faces(40, 16, seed=1), epochs=8, batch_size=16, lr=4e-3, quiet=True,
                  device="cpu")
    assert {"classify", "domain", "told_domain"} <= history.last.keys()
    with torch.no_grad():
        assert (method.predict(source.images).argmax(1) == source.labels).float().mean() > 0.8
