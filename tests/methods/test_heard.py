"""What the features hear of an adversary and of the centres: turned round, and by a ramp that no value shows."""

import pytest
import torch

from fercourse.losses.adversarial import conditioned, domain_loss
from fercourse.losses.margin import SOURCE, TARGET, intra
from tests.methods.test_dann import adversarial
from tests.methods.test_dmsrl import made
from tests.toy import toy_faces

RAMP = 0.46211716                                            # 2 / (1 + exp(-10 x 0.1)) - 1, at a tenth of the training


def slope(loss, weight):
    return torch.autograd.grad(loss, weight, retain_graph=True)[0]


@pytest.mark.parametrize("name", ["dann", "cdan"])
def test_the_backbone_hears_the_adversary_turned_round_and_by_the_ramp(name):
    source = toy_faces(16, 16)
    method, batch, views = adversarial(name, source, source, adversary=0.5)
    weight = method.backbone.trunk.layer4[0].downsample[0].weight
    turned = slope(method(batch, 0.1)["domain"], weight)
    z = method.backbone.features(views.flatten(0, 2))
    told = method.discriminator(conditioned(z, method.head(z)) if name == "cdan" else z)
    plain = slope(domain_loss(told[:16], told[16:])[0], weight)
    torch.testing.assert_close(turned, -0.5 * RAMP * plain, rtol=1e-4, atol=1e-8)
    assert turned.abs().max() > 1e-6                         # where a last norm begins at 0 there is nothing to hear


def test_dmsrls_features_hear_domains_turned_round_and_centres_by_the_ramp():
    method, batch = made(adversary=0.5, metric=0.3)
    weight, (z, t) = method.invariant[0].weight, method._both(batch)
    centres, told = method.metric.centres, torch.arange(20) % 4
    plain = {"domain": domain_loss(method.discriminator(z), method.discriminator(t))[0],
             "intra": intra(z, batch.labels, centres[SOURCE]) + intra(t[:15], told[:15], centres[TARGET])}
    found = method(batch, 0.1)
    for part, factor in (("domain", -0.5 * RAMP), ("intra", 0.3 * RAMP)):
        torch.testing.assert_close(slope(found[part], weight), factor * slope(plain[part], weight), rtol=1e-4,
                                   atol=1e-7)
