"""A whole network on photographs: what it is told on, what comes first, and hours that survive a stop."""

import os
from dataclasses import replace

import pytest
import torch

from fercourse import studies
from fercourse.faces import cache, load_faces
from fercourse.models.backbone import read_tensors
from fercourse.studies import photographs, pretraining
from tests.faces import miniatures


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a folder with miniature photographs in `real` and an empty cache in `cache`."""
    miniatures.fer2013(tmp_path / "real")
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def trained(monkeypatch):
    """Return what was trained: name, number of faces and hyper-parameters of each; rendered faces are but some."""
    seen, train = [], photographs.train_classifier

    def watched(faces, *rest, **more):
        seen.append((faces.name, len(faces), more))
        return train(faces.sample(64), *rest, **more)
    for study in (photographs, pretraining):
        monkeypatch.setattr(study, "train_classifier", watched)
    return seen


def measured(place, name, monkeypatch, **more):
    """Run a study at the smallest scale; return its summary and the parts of the set that it has read."""
    read = []
    def watched(data, split, *rest, **given):
        read.append((data, split))
        return load_faces(data, split, *rest, **given)
    for module in ("fercourse.faces.load", "fercourse.studies.photographs"):
        monkeypatch.setattr(f"{module}.load_faces", watched)
    return studies.run(name, scale="smoke", seeds=1, root=place / "real", out=place, **more).summary(), read


def test_the_whole_is_told_on_both_parts_and_rendered_faces_come_first_where_it_says_so(place, trained, monkeypatch):
    found, read = measured(place, "photographs", monkeypatch, only=["as it is"])
    assert list(found) == ["from scratch, as it is", "synthetic first, as it is"]
    assert [split for data, split in read if data == "fer2013"] == ["train", "val", "PublicTest"] * 2
    for told in found.values():
        assert {"accuracy", "accuracy_apart", "accuracy_mirrored", "validation_accuracy"} <= told.keys()
    (_, _, alone), (rendered, _, first), (_, _, after) = trained
    assert "synthfaces" in rendered and "weights" not in alone | first and after["weights"]


def test_tuning_changes_one_thing_at_a_time_and_never_reads_the_test_part(place, trained, monkeypatch):
    train, scales = photographs.train_classifier, []
    monkeypatch.setattr(photographs, "train_classifier", lambda faces, scale, *rest, **more: (
        scales.append((scale, more)), train(faces, scale, *rest, **more))[1])
    found, read = measured(place, "photographs-tuning", monkeypatch)
    assert list(found) == list(photographs.TRIED)
    assert {split for _, split in read} == {"train", "val"}
    assert all({"accuracy_mirrored", "training_accuracy"} <= told.keys() for told in found.values())
    for (scale, more), (changes, hyper, views) in zip(scales, photographs.TRIED.values(), strict=True):
        given = {name: more[name] if callable(value) else value for name, value in hyper.items()}
        assert given.items() <= more.items() and more["views"] == (views,)
        assert scale == replace(studies.get("photographs-tuning").scale("smoke"), **changes)


def test_awake_blocks_add_something_at_once_and_are_those_of_the_seed():
    scale = studies.get("photographs-tuning").scale("smoke")
    first, again, other = (read_tensors(photographs._awake(scale, seed)) for seed in (0, 0, 1))
    last = [name for name in first if name.endswith("bn2.weight")]
    assert last and all((first[name] == 1).all() for name in last)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.0.weight"], other["conv1.0.weight"])


def test_arms_begin_with_what_they_say(place, trained, monkeypatch):
    measured(place, "photographs", monkeypatch, only=["from scratch, as it is", "SGD"])
    begins = [more.get("weights") for _, _, more in trained]
    assert begins[0] is None and len(begins) == 3
    for file in begins[1:]:
        assert (read_tensors(file)["layer1.0.bn2.weight"] == 1).all()


def test_a_stopped_run_goes_on_from_its_last_epoch(place, trained, monkeypatch):
    tell = photographs.scores_both_ways
    monkeypatch.setattr(photographs, "scores_both_ways", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        measured(place, "photographs", monkeypatch, only=["synthetic first, enl"])
    [kept] = (place / "cache").glob("study-photographs-*")
    logs = {log: log.read_text() for log in kept.rglob("log.jsonl")}
    assert len(logs) == 2
    monkeypatch.setattr(photographs, "scores_both_ways", tell)
    found, _ = measured(place, "photographs", monkeypatch, only=["synthetic first, enl"])
    assert list(found) == ["synthetic first, enlarged"]
    assert {log: log.read_text() for log in logs} == logs, "no epoch was trained twice"


def test_folders_that_nobody_wants_are_removed_and_no_others(place, trained, monkeypatch):
    measured(place, "photographs", monkeypatch, only=["from scratch, as"])
    [kept] = (place / "cache").glob("study-photographs-*")
    other = place / "cache" / "photographs-0a1b0a1b0a1b0a1b"
    other.mkdir()
    for folder in (kept, other):
        os.utime(folder, (1, 1))
    cache.tidy(place / "cache")
    assert not kept.exists() and other.exists()
