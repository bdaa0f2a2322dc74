"""FaceSet: what is said of face i stays with face i, and nothing changes a set."""

import copy
import pickle
import re
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fercourse import methods
from fercourse.errors import InputError
from fercourse.faces import SEVEN, FaceSet, pixels, shapes

from . import made

quickly = settings(max_examples=40, deadline=None)
FACES = made.faces()
slices = st.slices(len(FACES))


# ---------------------------------------------------------------------- choosing

@quickly
@given(slices, slices)
def test_slicing_commutes_with_every_column(one, other):
    part = FACES[one][other]
    for name, column in FACES.columns().items():
        assert np.array_equal(part.columns()[name], column.numpy()[one][other], equal_nan=True)
    assert part.files == FACES.files[one][other]


@quickly
@given(st.lists(st.integers(-70, 69), max_size=30))
def test_integers_lists_arrays_and_masks_agree(rows):
    part = FACES.subset(rows)
    assert part.ids.tolist() == FACES.ids.numpy()[rows].tolist() if rows else len(part) == 0
    assert part.files == tuple(FACES.files[row] for row in rows)
    assert made.same(part, FACES[np.array(rows, dtype=int)])
    assert made.same(part, FACES[torch.tensor(rows, dtype=torch.int64)])
    mask = np.isin(np.arange(70), np.array(rows, dtype=int) % 70)
    assert made.same(FACES[mask], FACES.subset(sorted({row % 70 for row in rows})))


def test_one_integer_is_a_set_of_one_and_sets_can_be_walked():
    assert made.same(FACES[-1], FACES[69:])
    assert [len(face) for face in FACES[:3]] == [1, 1, 1]
    with pytest.raises(IndexError):
        FACES[70]


@pytest.mark.parametrize("rows", [[], slice(0, 0), np.zeros(70, bool), torch.empty(0), torch.empty(0).long()])
def test_an_empty_selection_keeps_its_form(rows):
    empty = FACES.subset(rows)
    assert len(empty) == 0 and empty.images.shape == (0, 3, 4, 4) and empty.landmarks.shape == (0, 5, 2)
    assert empty.soft_labels().shape == (0, 7) and empty.words("labels") == [] and empty.files == ()
    assert len(empty.resize(2).grey().with_classes(("anger",)).where(labels="anger").sample(3)) == 0
    assert empty.describe().loc["all", "faces"] == 0 and "0 faces" in repr(empty)


@pytest.mark.parametrize(("rows", "message"), [
    (np.zeros(69, bool), r"mask has the shape \[69\]"), ([0.5], "fraction"), ([True], "mask"),
])
def test_rows_that_make_no_sense(rows, message):
    with pytest.raises(InputError, match=message):
        FACES.subset(rows)


def test_a_slice_is_a_view_and_memory_maps_stay_on_disk(tmp_path):
    on_disk = np.memmap(tmp_path / "faces.u8", np.uint8, "w+", shape=(70, 3, 4, 4))
    faces = made.faces(images=torch.from_numpy(on_disk))
    part = faces[10:30][::2].to("cpu").relabel(torch.zeros(10))
    on_disk[14] = 77
    assert (part.images[2] == 77).all()
    assert part.images.untyped_storage().data_ptr() == faces.images.untyped_storage().data_ptr()


@pytest.mark.parametrize("change", [lambda faces: faces[torch.arange(69, -1, -3)], lambda faces: faces.resize(7),
                                    lambda faces: faces.grey(), lambda faces: faces.where(labels="fear")])
def test_what_is_too_large_for_the_memory_lies_in_a_file_that_nobody_sees(change, tmp_path, monkeypatch):
    expected = change(FACES).images
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pixels, "LARGE", 0)
    monkeypatch.setattr(pixels, "PART", 5000)
    found = change(FACES).images
    assert torch.equal(found, expected) and found.is_contiguous() and not list((tmp_path / "cache").iterdir())
    if sys.platform == "linux":
        [line] = [line for line in Path("/proc/self/maps").read_text().splitlines() if "/cache/chosen-" in line
                  and int(line.partition("-")[0], 16) <= found.data_ptr() < int(re.split("[- ]", line)[1], 16)]
        assert "(deleted)" in line
    found[0] = 1                                             # as in memory: nobody else sees it
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("no folder")
    with pytest.warns(UserWarning, match=r"chosen faces: 0\.0 MB of pixels stay in memory.*(cache|folder).*CACHE"):
        assert torch.equal(change(FACES).images, expected), "no room for a file: then in memory"


def test_a_disk_that_fills_up_half_way_costs_no_faces(tmp_path, monkeypatch):
    monkeypatch.setenv("FERCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(pixels, "LARGE", 0)
    monkeypatch.setattr(pixels, "PART", 5000)
    monkeypatch.setattr(pixels, "_in_file", lambda shape, parts: (next(parts), next(parts), Path("/dev/null/x").open()))
    with pytest.warns(UserWarning, match="in memory.*/dev/null/x"):
        assert torch.equal(FACES[torch.arange(70)].images, FACES.images)


def test_where_takes_words_numbers_several_and_unknown():
    assert FACES.where(labels="fear").words("labels") == ["fear"] * 10
    both = FACES.where(labels=("fear", "anger"), gender="woman", domain="wild")
    assert set(both.words("labels")) == {"fear", "anger"} and set(both.words("gender")) == {"woman"}
    age = FACES.column("age")[3].item()
    assert FACES.where(age=age).ids.tolist() == [1003]
    assert FACES.where(identity=[2, 3]).people.tolist() == [2, 3]
    assert len(FACES.where(identity=[])) == 0
    lost = made.faces(attributes={"age": torch.full((70,), torch.nan), "glasses": torch.ones(70).bool()})
    assert len(lost.where(age="unknown", glasses=True)) == 70 and len(lost.where(glasses="unknown")) == 0


@pytest.mark.parametrize(("wanted", "message"), [
    ({"labels": "hunger"}, "never 'hunger'; expected one of neutral"),
    ({"shoes": 1}, "has no 'shoes'; it knows"), ({"name": "made"}, "has no 'name'"),
    ({"age": "old"}, "expected a number"), ({"votes": 1}, "several numbers"),
])
def test_where_names_what_it_does_not_know(wanted, message):
    with pytest.raises(InputError, match=message):
        FACES.where(**wanted)


# ---------------------------------------------------------------------- immutability and invariants

def test_nothing_can_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        FACES.labels = FACES.ids
    with pytest.raises(TypeError):
        FACES.attributes["age"] = FACES.ids
    given_attributes = {"age": torch.zeros(70)}
    faces = made.faces(attributes=given_attributes)
    given_attributes["shoes"] = torch.zeros(70)
    assert list(faces.attributes) == ["age"]


def test_no_method_changes_its_set():
    before = made.faces()
    for change in (lambda f: f.with_noise(0.5), lambda f: f.resize(2), lambda f: f.grey(), lambda f: f[::-1],
                   lambda f: f.with_classes(("anger", "fear")), lambda f: f.confound("age", "anger"),
                   lambda f: f.relabel(torch.zeros(70)), lambda f: f.balanced(), lambda f: f.soft_labels()):
        change(FACES)
        assert made.same(FACES, before)


def test_copies_and_pickles_are_whole():
    for twin in (copy.deepcopy(FACES), pickle.loads(pickle.dumps(FACES))):
        assert made.same(twin, FACES) and twin.names == FACES.names and twin.split == "train"
        with pytest.raises(TypeError):
            twin.names["age"] = ()


def test_devices_and_back():
    there = FACES.to("meta")
    assert all(column.device.type == "meta" for column in there.columns().values())
    assert there.files == FACES.files and made.same(FACES.to("cpu"), FACES)


@pytest.mark.parametrize(("changes", "message"), [
    ({"images": torch.zeros(70, 3, 4, 4)}, r"images are .* expected torch.uint8 \[N, 3, any, any\]"),
    ({"labels": torch.full((70,), 7)}, "labels range from 7 to 7, expected 0 to 6 for neutral"),
    ({"labels": torch.full((70,), -2)}, "range from -2"),
    ({"labels": torch.zeros(70)}, "expected torch.int64"), ({"ids": torch.arange(69)}, "ids has 69 rows"),
    ({"votes": torch.ones(70, 8)}, r"expected torch.float32 \[N, 7\]"),
    ({"files": ("a",)}, "files has 1 rows"), ({"domain": torch.full((70,), 2)}, "domain range"),
    ({"landmarks": torch.ones(70, 5, 3)}, "landmarks are"),
    ({"attributes": {"labels": torch.zeros(70)}}, "may not be called labels"),
    ({"attributes": {"age": torch.zeros(3)}}, "age has 3 rows"),
])
def test_columns_that_do_not_fit(changes, message):
    with pytest.raises(InputError, match=message):
        made.faces(**changes)


@pytest.mark.parametrize(("name", "split", "told"), [
    ("synthfaces/wild:train", "", "train"), ("fer2013:PublicTest", "", "PublicTest"), ("mine", "", ""),
    ("mine:test", "val", "val"), ("fer2013:train+val", "", "train+val"),
])
def test_the_split_is_read_off_the_name(name, split, told):
    assert made.faces(name=name, split=split)[:3].split == told


# ---------------------------------------------------------------------- labels

@quickly
@given(st.permutations(SEVEN), st.integers(1, 7))
def test_classes_round_trip_by_name(order, count):
    kept = FACES.with_classes(order[:count])
    back = kept.with_classes(SEVEN)
    rows = [row for row, word in enumerate(FACES.words("labels")) if word in order[:count]]
    assert kept.words("labels") == FACES.subset(rows).words("labels") == back.words("labels")
    assert torch.equal(back.labels, FACES.labels[rows])
    for word in order[:count]:
        votes = kept.votes[:, kept.classes.index(word)]
        assert torch.equal(votes, FACES.votes[rows, SEVEN.index(word)])


def test_other_classes_may_be_new_and_truth_outside_them_is_unknown():
    faces = FACES.with_noise(1.0, "pair").with_classes(("contempt", "anger"))
    assert faces.words("labels") == ["anger"] * 10 and faces.words("true_labels") == ["unknown"] * 10
    assert faces.votes[:, 0].sum() == 0
    with pytest.raises(InputError, match="name one twice"):
        FACES.with_classes(("anger", "anger"))


def test_numbers_are_matched_by_word_and_the_unknown_stays_unknown():
    assert shapes.places(("b", "z", "a"), ("a", "b")) == [1, -1, 0]
    told = shapes.renumbered(torch.tensor([0, 1, 2, -1], dtype=torch.int32), ("b", "z", "a"), ("a", "b"))
    assert told.tolist() == [1, -1, 0, -1] and told.dtype == torch.int64
    assert shapes.renumbered(torch.tensor([0, -1]), ("a",), ()).tolist() == [-1, -1]


def test_faces_without_label_can_be_kept():
    faces = made.faces(labels=torch.where(torch.arange(70) < 7, -1, FACES.labels))
    assert len(faces.with_classes(SEVEN)) == 63 and len(faces.with_classes(SEVEN, unlabelled=True)) == 70


def test_without_labels_nothing_tells_the_expression():
    told = {"true_labels": torch.arange(70) % 3, "units": torch.rand(70, 52), "action_units": torch.rand(70, 12)}
    faces = made.faces(**told)
    blind, telling = faces.without_labels(), (*told, "votes", "valence_arousal")
    assert all(getattr(faces, name) is not None for name in telling)
    assert all(getattr(blind, name) is None for name in telling)
    assert (blind.labels == -1).all() and (blind.truth == -1).all() and (blind.soft_labels() == 0).all()
    assert torch.equal(blind.images, faces.images) and torch.equal(blind.identity, faces.identity)


def test_soft_labels_by_hand():
    votes = torch.tensor([[8, 1, 1, 0, 0, 0, 0], [0] * 7, [0] * 7, [0.5, 0.25, 0, 0, 0, 0, 0]])
    faces = made.faces(4, votes=votes, labels=torch.tensor([0, 2, -1, 0]))
    by_hand = torch.tensor([[0.8, 0.1, 0.1], [0, 0, 1], [0, 0, 0], [2 / 3, 1 / 3, 0]])
    assert torch.allclose(faces.soft_labels()[:, :3], by_hand)
    assert faces.soft_labels(at_least=2)[0].tolist() == [1, 0, 0, 0, 0, 0, 0]      # FER+: single votes slip
    assert made.faces(4, votes=None).soft_labels().argmax(1).tolist() == [0, 1, 2, 3]


def test_words_need_a_vocabulary():
    assert FACES.words("domain")[:2] == ["lab", "wild"]
    for name in ("age", "votes"):
        with pytest.raises(InputError, match=f"{name} has no words"):
            FACES.words(name)


# ---------------------------------------------------------------------- pixels and tables

def test_resizing_keeps_flat_faces_flat_and_moves_landmarks():
    flat = made.faces(3, images=torch.full((3, 3, 8, 4), 200, dtype=torch.uint8)).resize(2)
    assert flat.images.shape == (3, 3, 2, 2) and (flat.images == 200).all()
    assert torch.allclose(flat.landmarks, made.faces(3).landmarks * torch.tensor([2 / 4, 2 / 8]))
    assert FACES.resize(4) is FACES


def test_grey_is_luma_in_three_channels():
    colour = torch.tensor([255, 128, 0], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 4, 4)
    grey = made.faces(2, images=colour).grey().images
    assert (grey == round(0.299 * 255 + 0.587 * 128)).all() and grey.shape == (2, 3, 4, 4)
    assert made.same(FACES.grey().grey(), FACES.grey())


def test_the_table_counts():
    faces = made.faces(labels=torch.where(torch.arange(70) < 7, -1, FACES.labels), identity=None)
    faces.landmarks[9, 2, 0] = torch.nan
    faces = faces.where(labels=SEVEN).with_noise(1 / 63)
    table = faces.describe()
    assert table.loc["all"].to_dict() == {
        "faces": 63, "share %": 100.0, "lab": 31, "wild": 32, "wrong labels": 1, "no votes": 0,
        "no valence/arousal": 0, "no landmarks": 1}
    assert table["faces"].dtype == int and table.drop(index="all")["faces"].sum() == 63
    assert table.index.name == "made:train"
    lost = made.faces(labels=torch.full((70,), -1)).describe()
    assert lost.loc["no label", "people"] == 10 and lost.loc["anger", "people"] == 0


def test_arrays_and_pictures_that_are_not_square_are_named_before_anything_is_trained():
    with pytest.raises(InputError, match=r"images are of type ndarray; expected a tensor: torch.as_tensor"):
        FaceSet(np.zeros((4, 3, 8, 8), np.uint8), torch.zeros(4, dtype=torch.int64), ("a", "b"), torch.arange(4))
    with pytest.raises(InputError, match=r"the faces are 24x20 pixels; expected square ones, such as faces.resize\(24"):
        methods.create("baseline", FaceSet(torch.zeros(4, 3, 24, 20, dtype=torch.uint8),
                                           torch.zeros(4, dtype=torch.int64), ("a", "b"), torch.arange(4)))
