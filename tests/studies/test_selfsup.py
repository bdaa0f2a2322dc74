"""The study of learning without labels: its yardsticks, what it counts, and that it runs."""

import pytest
import torch
import torch.nn.functional as F

from fercourse import fit, studies
from fercourse.faces import load_faces
from fercourse.studies import selfsup
from fercourse.studies.rows import SECTIONS
from tests.toy import toy_faces, toy_method


def test_purity_by_hand():
    faces = toy_faces(4, 8, attributes={"yaw": torch.tensor([0.0, 10.0, 20.0, 40.0])})
    faces = faces.relabel([0, 0, 1, 1])
    faces = toy_faces(4, 8, attributes=dict(faces.attributes), true_labels=faces.labels,
                      identity=torch.tensor([0, 0, 1, 2]))
    features = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 0.3], [0.0, 1.0]])
    facts = selfsup._purity(features, faces, count=1)             # 0 <-> 1, 2 -> 1, 3 -> 2
    assert facts == pytest.approx({"class": 3 / 4, "person": 2 / 4, "yaw_apart": (10 + 10 + 10 + 20) / 4})
    apart = selfsup._purity(features, faces, count=1, apart=True)             # 0 -> 2, 1 -> 2, 2 -> 1, 3 -> 2
    assert apart == pytest.approx({"class": 1 / 4, "yaw_apart": (20 + 10 + 10 + 20) / 4})


def test_a_face_upside_down_is_out_of_order():
    faces = load_faces("synthfaces", split="test", domain="lab")[:5]
    assert selfsup.in_order(faces.landmarks).all() and not selfsup.in_order(-faces.landmarks).any()
    assert not selfsup.in_order(faces.landmarks * torch.tensor([-1, 1])).any()


def test_simclr_is_nt_xent():
    method = toy_method(toy_faces(8, 16), "simclr")
    from fercourse.methods import Batch
    views = torch.randn(2, 8, 3, 16, 16)
    with torch.no_grad():
        found = method(Batch(torch.arange(8), views), 0.0)["total"]
        unit = F.normalize(method.projector(method.backbone.features(views.flatten(0, 1))), dim=1)
    logits = (unit @ unit.T / 0.2).fill_diagonal_(-torch.inf)
    torch.testing.assert_close(found, F.cross_entropy(logits, torch.arange(16).roll(8)), rtol=1e-4, atol=1e-4)


def test_few_labels_are_always_the_same_ones():
    faces = load_faces("synthfaces", split="train", domain="lab").sample(400, seed=1)
    rows = selfsup._few(faces, 0.1)
    assert len(rows) == 40 and rows.equal(selfsup._few(faces, 0.1)) and len(faces[rows].labels.unique()) == 7


def test_the_rows_tell_the_steps_of_fine_tuning():
    faces = studies.get("selfsup").scale("cpu").limit
    for share in (0.1, 1.0):
        steps = round(share * faces) // selfsup.FEW_BATCH
        assert selfsup.STEPS // steps * steps == 140
    told = [title for title, *_ in SECTIONS["Lesson 04: HNCL"] if "fine-tuned" in title]
    assert len(told) == 4 and all(", 140 steps: " in title for title in told)


def test_every_source_gives_neighbours_of_the_kind_it_promises():
    assert set(selfsup.SOURCES.values()) == {"none", "random", "embedding", "heatmap", "class"}
    faces = toy_faces(32, 16)
    method = toy_method(faces, "simclr")
    fit(method, faces, epochs=1, batch_size=8, quiet=True, device="cpu")


def test_rivals_settings_are_tried_on_validation_people_one_at_a_time(monkeypatch):
    study, asked = studies.get("selfsup-tuning"), []
    monkeypatch.setattr(selfsup, "_read", lambda method, train, test: asked.append((method, test.split)) or {})
    monkeypatch.setattr(selfsup, "train_classifier",
                        lambda faces, scale, seed, name, views, **hyper: (name, scale.lr, tuple(sorted(hyper.items()))))
    arms = study.arms(study.scale("cpu"), "synthfaces/wild", None)
    for measure in arms.values():
        measure(0)
    told = [method for method, _ in asked]
    assert {split for _, split in asked} == {"val"} and len(set(told)) == len(told) == 16
    assert told[0] == ("hncl", 2e-3, ()) and ("simclr", 2e-3, ()) in told
    assert ("hncl", 2e-3, (("key_decay", 0.999), ("neighbours", "none"))) in told
    rows = [arm for _, file, arm, _ in SECTIONS["Lesson 04: HNCL"] if file.startswith("selfsup-tuning")]
    assert sorted(rows) == sorted(arms)


@pytest.mark.parametrize("scale, momenta", [("cpu", {None}), ("full", {0.99})])
def test_long_trainings_have_a_slower_key_encoder_and_a_longer_queue(monkeypatch, scale, momenta):
    given = []
    monkeypatch.setattr(selfsup, "train_classifier", lambda faces, scale, seed, name, views, **hyper: given.append(
        (name, hyper.get("key_decay"), hyper.get("queue"))))
    monkeypatch.setattr(selfsup, "_sets", lambda place, seed: (None, None))
    for name in ("_read", "_tuned", "_elsewhere"):
        monkeypatch.setattr(selfsup, name, lambda *rest: {})
    study = studies.get("selfsup")
    arms = study.arms(study.scale(scale), "synthfaces/wild", None)
    for arm in (*selfsup.SOURCES, *selfsup.RIVALS, "SimCLR"):
        arms[arm](0)
    assert {momentum for name, momentum, _ in given if name == "hncl"} == momenta
    assert {queue for name, _, queue in given if name == "simclr"} == {None}


@pytest.mark.slow
def test_it_runs_and_is_resumed(tmp_path):
    record = studies.run("selfsup", scale="smoke", seeds=1, out=tmp_path)
    found = record.summary()
    assert {"heatmap neighbours", "SimCLR", "random encoder", "supervised", "neighbours alone"} <= set(found)
    assert {"knn", *(f"{way}_{share}" for way in ("probe", "tuned") for share in (1, 10, 100))} <= found[
        "heatmap neighbours"].keys()
    alone = {name: value["mean"] for name, value in found["neighbours alone"].items()}
    assert alone["heatmap_class"] > alone["random_class"] and alone["random_class"] < 0.3
    read = found["landmarks, read"]
    assert read["probe_100"]["mean"] > 0.4 and "tuned_100" not in read
    assert len(studies.run("selfsup", scale="smoke", seeds=1, out=tmp_path).runs) == len(record.runs)
