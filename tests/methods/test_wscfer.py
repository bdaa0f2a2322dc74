"""WSCFER: its sum of terms, who listens when, and that every term can be switched."""

import logging

import pytest
import torch
import torch.nn.functional as F

from fercourse import fit
from fercourse.errors import InputError
from fercourse.look import see_all
from fercourse.losses.consistency import similarity_consistency, view_consistency
from fercourse.losses.contrastive import Pairs, instance_contrast
from fercourse.methods import Batch
from tests.toy import toy_faces, toy_method


def made(faces=None, **hyper):
    faces = toy_faces(24, 16) if faces is None else faces
    method = toy_method(faces, "wscfer", **hyper).eval()
    method.setup(faces)
    index = torch.arange(len(faces))
    views = torch.randn(2, len(faces), 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return method, Batch(index, views, method.memory["labels"])


def slopes(method, batch, progress):
    """Return the gradient norms of backbone, projector and head."""
    method.zero_grad()
    method(batch, progress)["total"].backward()
    parts = (method.backbone, method.projector, method.head)
    return [sum(p.grad.square().sum() for p in part.parameters() if p.grad is not None) for part in parts]


def test_the_total_is_the_sum_of_its_terms():
    method, batch = made(contrast=0.3, consistency=0.7, form="spaces", temperature=0.3, class_temperature=0.5,
                         label_smoothing=0.1)
    found, views, labels = method(batch, 1.0), batch.views.flatten(0, 1), batch.labels.repeat(2)
    features = method.backbone.features(views)
    z, pairs = method.projector(features), Pairs(labels, batch.index.repeat(2), "wsc")
    terms = {"classify": F.cross_entropy(method.head(features), labels, label_smoothing=0.1),
             "contrast": instance_contrast(z, pairs, 0.3),
             "consistency": similarity_consistency(features, z, pairs, 0.5, 0.3)}
    for name, term in terms.items():
        torch.testing.assert_close(found[name], term, rtol=1e-4, atol=1e-5, msg=name)
    total = terms["classify"] + 0.3 * terms["contrast"] + 0.7 * terms["consistency"]
    torch.testing.assert_close(found["total"], total, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", ["simclr", "supcon", "wsc"])
def test_rules_and_forms_change_their_own_term(rule):
    values = {name: made(**hyper)[0](made()[1], 1.0) for name, hyper in
              {"this": {"rule": rule, "form": "spaces"}, "views": {"rule": rule, "form": "views"},
               "other": {"rule": "wsc" if rule == "simclr" else "simclr", "form": "spaces"}}.items()}
    assert values["this"]["contrast"] != values["other"]["contrast"]
    assert values["this"]["classify"] == values["other"]["classify"]
    assert values["this"]["consistency"] == values["other"]["consistency"] != values["views"]["consistency"]


def test_before_its_time_the_backbone_hears_the_classes_only():
    """The projector learns from the first step; the backbone's gradient is that of cross-entropy on two views."""
    method, batch = made(begin=0.5, form="spaces")
    plain, _ = made(contrast=0.0, consistency=0.0)
    before, alone, after = slopes(method, batch, 0.4), slopes(plain, batch, 0.4), slopes(method, batch, 0.5)
    torch.testing.assert_close(before[0], alone[0], rtol=1e-4, atol=1e-8)
    assert before[1] > 0 and alone[1] == 0
    assert (after[0] - alone[0]).abs() > 1e-3 * alone[0]
    torch.testing.assert_close(before[2], after[2], rtol=1e-4, atol=1e-8)


def test_by_default_the_two_views_of_a_face_should_be_told_alike():
    """What makes an instance holds in the class space, too; asked for gently at first, in full from `rise` on."""
    method, batch = made(begin=0.9, rise=0.5)
    logits = method.head(method.backbone.features(batch.views.flatten(0, 1)))
    for progress, weight in ((0.0, 0.0), (0.1, 1.0), (0.5, 5.0), (1.0, 5.0)):
        found = method(batch, progress)
        torch.testing.assert_close(found["consistency"], view_consistency(*logits.chunk(2)), rtol=1e-4, atol=1e-6)
        total = found["classify"] + 0.02 * found["contrast"] + weight * found["consistency"]
        torch.testing.assert_close(found["total"], total)
    alone = made(begin=0.9, consistency=0.0)[0]
    assert abs(slopes(method, batch, 0.5)[2] / slopes(alone, batch, 0.5)[2] - 1) > 1e-3
    at_once = made(begin=0.9, rise=0.0)[0](batch, 0.0)
    torch.testing.assert_close(at_once["total"], method(batch, 1.0)["total"], rtol=1e-4, atol=1e-5)


def test_the_course_of_listening_by_hand():
    heard = made(begin=0.2, ramp=0.4, fade=0.8)[0].heard
    assert [heard(p) for p in (0.0, 0.2, 0.8, 0.9)] == [0, 0, 0, 0]
    assert heard(0.4) == pytest.approx(0.5 * 0.5) and heard(0.6) == pytest.approx(0.25)
    step = made(begin=0.2)[0].heard
    assert [step(p) for p in (0.1, 0.2, 1.0)] == [0, 1, 1]


def test_it_learns_and_shows_both_spaces():
    faces = toy_faces(96, 16)
    method = toy_method(faces, "wscfer", contrast=0.1, temperature=0.5)
    history = fit(method, faces, epochs=8, batch_size=32, lr=4e-3, quiet=True, device="cpu")
    assert {"total", "classify", "contrast", "consistency"} <= history.last.keys()
    seen = see_all(method, faces.images, ("embedding", "logits", "projection"))
    assert seen["projection"].shape == (96, 128) and seen["embedding"].shape == (96, method.backbone.width)
    assert (seen["logits"].argmax(1) == faces.labels).float().mean() > 0.9


def test_one_class_is_told_and_stays_finite(caplog):
    faces = toy_faces(40, 16)
    faces = faces.subset(faces.labels == 1)
    with caplog.at_level(logging.WARNING, "fercourse"):
        method, batch = made(faces)
    assert "one class only" in caplog.text
    losses = method(batch, 1.0)
    assert losses["total"].isfinite() and losses["contrast"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_the_form_views_wants_two_views_and_spaces_takes_more(count):
    faces = toy_faces(8, 16)
    for form in ("views", "spaces"):
        method = toy_method(faces, "wscfer", form=form)
        method.views = ("weak",) * count
        if form == "spaces":
            method.setup(faces)
            continue
        with pytest.raises(InputError, match=f"wscfer: the form 'views' compares two .* but here are {count}; expec"):
            method.setup(faces)
