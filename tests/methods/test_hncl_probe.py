"""HNCL's labels: the linear probe that reads them, how it is exported, and fine-tuning."""

import torch

from fercourse import fit
from fercourse.checkpoint import load_run
from fercourse.evaluate import linear_probe
from fercourse.methods.hncl import set_probe, to_fine_tune
from tests.toy import toy_faces, toy_method

from .test_hncl import QUICK, drawn_landmarks, ready


def test_the_probe_may_be_told_a_share_of_the_labels(monkeypatch):
    told = []
    monkeypatch.setattr("fercourse.methods.hncl.set_probe", lambda *_: None)
    monkeypatch.setattr("fercourse.methods.hncl.linear_probe", lambda features, labels, count: told.append(labels))
    faces, method = ready(labels=0.25)

    def look(what):
        return None
    for look.seed in (0, 0, 1):
        method.finish(look)
    assert torch.equal(told[0], told[1]) and not torch.equal(told[0], told[2])
    assert (told[0] >= 0).sum() == 10 and torch.equal(told[0][told[0] >= 0], faces.labels[told[0] >= 0])


def test_the_probe_becomes_a_layer_and_is_exported(tmp_path):
    faces = toy_faces(64, 32)
    method = toy_method(faces, "hncl", neighbours="none", queue=8)
    fit(method, faces, epochs=2, batch_size=16, out=tmp_path, **QUICK)
    with torch.no_grad():
        features = method.embed(faces.images)
        probe = linear_probe(features, faces.labels, 4)
        torch.testing.assert_close(method.predict(faces.images), probe(features).float(), atol=1e-3, rtol=1e-3)
        again = load_run(tmp_path)
        torch.testing.assert_close(again.predict(faces.images), method.predict(faces.images))
    set_probe(method.classifier, linear_probe(features, 3 - faces.labels, 4))
    assert (method.classifier(features).argmax(1) == 3 - faces.labels).float().mean() > 0.9


def test_no_label_is_used_before_the_probe():
    trained = []
    for labels in (None, torch.full((32,), -1)):
        faces = toy_faces(32, 16, landmarks=drawn_landmarks(toy_faces(32, 16)))
        faces = faces if labels is None else faces.relabel(labels)
        method = toy_method(faces, "hncl", detector="given", queue=8)
        fit(method, faces, epochs=1, batch_size=8, **QUICK)
        trained.append(method)
    assert all(torch.equal(a, b) for a, b in zip(trained[0].backbone.parameters(), trained[1].backbone.parameters()))
    assert not torch.equal(trained[0].classifier.weight, trained[1].classifier.weight)


def test_fine_tuning_starts_from_the_backbone():
    faces = toy_faces(32, 16)
    pretrained = toy_method(faces, "hncl", neighbours="none")
    baseline = to_fine_tune(pretrained, faces, label_smoothing=0.0)
    with torch.no_grad():
        torch.testing.assert_close(baseline.eval().embed(faces.images), pretrained.eval().embed(faces.images))
    assert baseline.hyper.label_smoothing == 0 and baseline.name == "baseline"
    assert to_fine_tune(toy_method(faces, "hncl", neighbours="none", grey=True), faces).hyper.grey
