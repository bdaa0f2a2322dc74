"""Residual modules: their three equations, and attributes that are not there."""

import pytest
import torch

from fercourse.errors import InputError
from fercourse.models.residual import KINDS, Residual


def parts(kind, names=("gender", "age")):
    torch.manual_seed(0)
    module = Residual(6, 4, names, kind).eval()
    z, hints = torch.randn(5, 6), {name: torch.randn(5, 4) for name in names}
    return module, z, hints, {name: module.texts[name](hint) for name, hint in hints.items()}


def test_simple_takes_the_text_away():
    module, z, hints, texts = parts("simple")
    expression, identity = module(z, hints)
    torch.testing.assert_close(expression, z - (texts["gender"] + texts["age"]) / 2)
    torch.testing.assert_close(identity["age"], texts["age"])


def test_post_takes_identity_away_after_the_layer():
    module, z, hints, texts = parts("post")
    expression, identity = module(z, hints)
    for name, t in texts.items():
        torch.testing.assert_close(identity[name], module.identity[name](torch.cat([z, t], 1)))
    torch.testing.assert_close(expression, module.expression(z) - (identity["gender"] + identity["age"]) / 2)


def test_none_takes_nothing_away():
    module, z, hints, texts = parts("none")
    expression, identity = module(z, hints)
    assert torch.equal(expression, z)
    torch.testing.assert_close(identity["gender"], texts["gender"])


def test_prev_takes_the_text_away_before_the_layer():
    module, z, hints, texts = parts("prev")
    expression, identity = module(z, hints)
    torch.testing.assert_close(expression, module.expression(z - (texts["gender"] + texts["age"]) / 2))
    torch.testing.assert_close(identity["gender"], module.identity["gender"](texts["gender"]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_detached_attribute_is_not_in_the_graph(kind):
    module, z, hints, _ = parts(kind)
    expression, identity = module(z.requires_grad_(), {"age": hints["age"]})
    (expression.sum() + sum(feature.sum() for feature in identity.values())).backward()
    assert set(identity) == {"age"}
    for name, parameter in module.named_parameters():
        assert (parameter.grad is None) == ("gender" in name), name


@pytest.mark.parametrize("kind", KINDS)
def test_without_attributes_nothing_is_taken_away(kind):
    module, z, *_ = parts(kind)
    expression, identity = module(z, {})
    assert identity == {}
    torch.testing.assert_close(expression, z if kind == "simple" else module.expression(z))


def test_an_unknown_kind():
    with pytest.raises(InputError, match="residual is 'during'; expected one of simple, post, prev"):
        Residual(6, 4, ("age",), "during")
