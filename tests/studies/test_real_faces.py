"""Studies of real faces, on a miniature of FER2013 and its annotators."""

import os
from dataclasses import replace

import pytest
import torch

from fercourse import studies
from fercourse.errors import InputError
from fercourse.faces import load_faces
from fercourse.faces.cache import OURS
from fercourse.studies import annotators, domains, pretraining, transfer
from tests.faces import miniatures
from tests.toy import toy_faces, toy_method


def test_further_people_are_rendered_once_and_are_not_those_of_the_pack(tmp_path, monkeypatch):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path))
    rendered = []
    write = transfer.write_population
    monkeypatch.setattr(transfer, "write_population", lambda *given: rendered.append(given) or write(*given))
    faces = transfer.more_people(3, 16)
    (file,) = tmp_path.glob("study-people-*.parquet")
    os.utime(file, (1, 1))
    again = transfer.more_people(3, 16)
    assert file.stat().st_mtime > 1 and OURS.fullmatch(file.name), "it is kept while it is used, and removed later"
    assert len(rendered) == 1 and len(faces) == 72 and faces.images.shape[-1] == 16
    assert torch.equal(faces.images, again.images)
    ages = set(load_faces("synthfaces", split="train+val+test").column("age").tolist())
    assert ages.isdisjoint(faces.column("age").tolist())


def test_transfer_trains_on_synthetic_faces_and_is_told_of_real_ones(tmp_path, monkeypatch):
    miniatures.fer2013(tmp_path / "real")
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    seen, trained = [], []
    measure, train = transfer.train_and_test, transfer.train_classifier
    monkeypatch.setattr(transfer, "train_and_test", lambda faces, *rest: seen.append(faces) or measure(faces, *rest))
    monkeypatch.setattr(transfer, "train_classifier", lambda faces, *rest, **more: trained.append(faces) or train(
        faces.sample(64), *rest, **more))
    found = studies.run("transfer", scale="smoke", seeds=1, root=tmp_path / "real", out=tmp_path).summary()
    alone, more = seen
    limit = studies.get("transfer").scale("smoke").limit
    assert len(more) == len(alone) + 72 and found["with more people"]["train_faces"]["mean"] == limit
    assert not [faces for faces in trained if "fer2013" in faces.name]
    assert [len(faces) for faces in trained] == [limit] * 2
    assert (alone.images[:, 0] == alone.images[:, -1]).all(), "photographs of FER2013 have no colour"
    classes = load_faces("fer2013", split="PublicTest", root=tmp_path / "real").labels.bincount()
    share = (classes.max() / classes.sum()).item()
    assert found["synthfaces"]["majority_class"]["mean"] == pytest.approx(share, abs=1e-5)


def test_a_set_that_cannot_be_tested_on_is_told_before_anything_is_rendered_or_trained(tmp_path, monkeypatch):
    for costly in ("more_people", "train_classifier"):
        monkeypatch.setattr(transfer, costly, lambda *given, **more: pytest.fail("it took long"))
    for arm in ("synthfaces", "with more people"):
        with pytest.raises(InputError, match="fer2013"):
            studies.run("transfer", scale="smoke", seeds=1, root=tmp_path / "none", out=tmp_path, only=[arm])
    with pytest.raises(InputError, match="fer2013"):
        transfer.train_and_test(toy_faces(8, 16), studies.get("transfer").scale("smoke"), "fer2013", tmp_path, 0)
    with pytest.raises(InputError, match=r"pair of domains; .* fercourse study domains --data lab-wild"):
        studies.run("transfer", data="lab-wild", scale="smoke", seeds=1, out=tmp_path)


def test_mirror_images_are_asked_about_as_well():
    faces = toy_faces(6, 16)
    learner = toy_method(faces).eval()
    mirrored = replace(faces, images=faces.images.flip(-1))
    told = transfer.both_ways(learner, faces)
    assert torch.allclose(told, transfer.both_ways(learner, mirrored), atol=1e-5)
    assert not torch.allclose(*(transfer._log_probabilities(learner, one) for one in (faces, mirrored)), atol=1e-5)


def test_shares_of_classes_leave_out_faces_without_a_label():
    shares = transfer._shares(torch.tensor([2, 2, -1, 2]))
    assert shares.tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_annotators_judge_by_the_votes_and_train_on_the_labels(tmp_path, monkeypatch):
    miniatures.ferplus(tmp_path / "real")
    seen = []
    train = annotators.train_classifier
    monkeypatch.setattr(annotators, "train_classifier", lambda faces, *rest, **more: seen.append(faces) or train(
        faces, *rest, **more))
    found = studies.run("annotators", scale="smoke", seeds=1, root=tmp_path / "real", out=tmp_path).summary()
    assert {"f1", "cleanlab_f1", "small_loss_f1", "accuracy_ferplus"} <= found["DR-FER"].keys()
    labels = load_faces("fer2013", split="train", root=tmp_path / "real")
    given = dict(zip(labels.ids.tolist(), labels.labels.tolist()))
    for faces in seen:
        assert all(given[row] == label for row, label in zip(faces.ids.tolist(), faces.labels.tolist()))


def test_adaptation_to_photographs_is_without_colour_and_tested_on_the_public_part(tmp_path):
    miniatures.fer2013(tmp_path)
    scale = studies.get("domains").scale("smoke", "synthfaces-fer2013")
    source, target, test = domains.domains("synthfaces-fer2013", scale, tmp_path, 0)
    assert (len(source), len(target), len(test)) == (96, 63, 14)
    assert (source.images[:, 0] == source.images[:, -1]).all()
    known = studies.get("domains").arms(scale, "synthfaces-fer2013", tmp_path)
    assert list(known) == [*domains.FEW, "landmarks, read", "HNCL, read", "HNCL, then DMSRL and landmarks", "oracle"]


def test_flags_are_counted_class_by_class_where_annotators_have_a_word():
    faces = toy_faces(6, 8).relabel(torch.tensor([0, 0, 0, 1, 1, 2]))
    truth, flagged = torch.tensor([0, 1, -1, 1, 0, -1]), torch.tensor([1, 0, 1, 1, 0, 1]).bool()
    assert annotators._by_class(truth, faces, flagged) == {
        f"wrong_{faces.classes[0]}": 0.5, f"flagged_{faces.classes[0]}": 0.5,
        f"wrong_{faces.classes[1]}": 0.5, f"flagged_{faces.classes[1]}": 0.5}


def test_synthetic_faces_come_first_where_the_arm_says_so_and_the_budget_is_the_same(tmp_path, monkeypatch):
    miniatures.fer2013(tmp_path / "real")
    seen = []
    train = pretraining.train_classifier

    def watched(faces, scale, *rest, **more):
        seen.append((faces.name, scale.epochs, len(faces), more.get("weights")))
        return train(faces.sample(64), scale, *rest, **more)
    monkeypatch.setattr(pretraining, "train_classifier", watched)
    pretraining._taught.cache_clear()
    found = studies.run("pretraining", scale="smoke", seeds=1, root=tmp_path / "real", out=tmp_path).summary()
    ways = ("from scratch", "synthetic first")
    assert list(found) == [f"{told}, {way}" for told in pretraining.SHARES for way in ways]
    scratch, first, second, whole, again = seen
    assert "synthfaces" in first[0] and not [name for name, *_ in (scratch, second, whole, again) if "synth" in name]
    assert scratch[1:3] == second[1:3] and whole[1:3] == again[1:3], "both ways see the same photographs as often"
    assert scratch[3] is whole[3] is None and second[3] == again[3] is not None


@pytest.mark.parametrize("name, arm, metrics", [
    ("wscfer", "noisy, CE + WSC + PCL", {"accuracy", "memorised"}),
    ("robust", "30 %, self-pacing", {"accuracy", "f1", "cleanlab_f1"}),
    ("identity", "+ weighed (the whole)", {"accuracy", "retrieved_gender_linear", "retrieved_skin_tone_gap"}),
])
def test_studies_of_rendered_faces_run_on_photographs(name, arm, metrics, tmp_path):
    miniatures.fer2013(tmp_path / "real")
    found = studies.run(name, "fer2013", "smoke", 1, tmp_path / "real", tmp_path, only=(arm,)).summary()
    assert metrics <= found[arm].keys()


def test_photographs_ask_for_more_faces_than_renderings():
    for name in ("wscfer", "robust"):
        there, here = studies.get(name).scale("cpu", "fer2013"), studies.get(name).scale("cpu")
        assert there.limit > here.limit and there.lr == here.lr
        assert studies.get(name).scale("cpu", "synthfaces/lab") == here
