"""What single sets do in their own way: boxes, votes, missing values, archives, options."""

import re

import numpy as np
import pytest

from fercourse.errors import InputError
from fercourse.faces import catalogue
from fercourse.faces.readers.duplicates import near_duplicates
from fercourse.faces.readers.ferplus import majority
from fercourse.faces.readers.sequences import with_lost

from . import miniatures
from .miniatures import put, write


def read(name, root, **options):
    return catalogue.read(name, root, **options)


# ---------------------------------------------------------------------- label numbers, face by face

def _number(listing, pattern):
    """Return the number that each face's file name holds."""
    return [int(re.search(pattern, file)[1]) for file in listing.files]


@pytest.mark.parametrize("make, name, number, words", [
    (miniatures.rafdb, "rafdb", lambda x: _number(x, r"_(\d{5})_"), miniatures.RAF),
    (miniatures.fer2013, "fer2013", lambda x: x.ids.tolist(), miniatures.FER),
    (miniatures.ferplus, "ferplus", lambda x: x.ids.tolist(), miniatures.VOTES[:8]),
    (miniatures.affectnet, "affectnet", lambda x: _number(x, r"/(\d+)\.jpg"), miniatures.AFFECTNET),
    (miniatures.affectnet_npy, "affectnet", lambda x: _number(x, r"/(\d+)\.jpg"), miniatures.AFFECTNET),
    (miniatures.expw, "expw", lambda x: [2 * n + int(box[1]) - 5 for n, box in
                                         zip(_number(x, r"_(\d+)"), x.boxes)], miniatures.FER),
    (miniatures.affwild2, "affwild2", lambda x: [AFFWILD_FRAMES[n] for n in _number(x, r"/(\d{5})\.")],
     miniatures.AFFWILD),
], ids=lambda value: getattr(value, "__name__", None))
def test_each_label_number_becomes_its_word(make, name, number, words, tmp_path):
    make(tmp_path)
    listing = read(name, tmp_path)
    expected = [words[n % len(words)] for n in number(listing)]
    assert [listing.classes[label] for label in listing.labels] == expected
    assert len(set(expected)) >= len(words) - 1                  # one word of Aff-Wild2 has no face there


AFFWILD_FRAMES = {1: 0, 2: 1, 6: 3, 7: 4, 8: 5, 9: 6, 10: 0}     # frame -> label, as the miniature says


# ---------------------------------------------------------------------- FER2013 and FER+

@pytest.mark.parametrize("make", [miniatures.fer2013_icml, miniatures.fer2013_tar, miniatures.fer2013_zip])
def test_every_form_of_fer2013_holds_the_same(make, tmp_path):
    miniatures.fer2013(tmp_path / "loose")
    make(tmp_path / "other")
    loose, other = read("fer2013", tmp_path / "loose"), read("fer2013", tmp_path / "other")
    for column in ("pixels", "labels", "split", "ids", "group"):
        assert np.array_equal(getattr(loose, column), getattr(other, column))
    assert loose.pixels.shape == (91, 48, 48) and np.array_equal(loose.pixels[5], miniatures.smooth(5))


def test_an_archive_is_read_by_its_own_path_and_never_unpacked(tmp_path):
    miniatures.fer2013_tar(tmp_path)
    assert len(read("fer2013", tmp_path / "fer2013.tar.gz")) == 91
    assert [path.name for path in tmp_path.rglob("*")] == ["fer2013.tar.gz"]


def test_the_halves_without_test_labels(tmp_path):
    miniatures.fer2013_halves(tmp_path)
    listing = read("fer2013", tmp_path)
    assert listing.splits == {"train": 63, "val": 7, "test": 21}
    assert set(listing.labels[listing.rows("test")]) == {-1}
    assert listing.ids.tolist() == list(range(91))
    (tmp_path / "test.csv").unlink()
    assert "test.csv is absent" in read("fer2013", tmp_path).notes


def test_test_means_private_test_or_else_public_test(tmp_path):
    miniatures.fer2013(tmp_path)
    listing = read("fer2013", tmp_path)
    assert np.array_equal(listing.rows("test"), listing.rows("PrivateTest"))
    assert len(listing.rows("Training")) == 70 == len(listing.rows("train+val"))
    lines = [line for line in miniatures.fer_lines() if not line.endswith("PrivateTest")]
    write(tmp_path, "fer2013/fer2013.csv", lines)
    listing = read("fer2013", tmp_path)
    assert np.array_equal(listing.rows("test"), listing.rows("PublicTest"))
    assert "PrivateTest is absent; test means PublicTest" in listing.notes


def test_near_duplicates_share_a_group_and_a_split(tmp_path):
    lines = miniatures.fer_lines()
    brighter = " ".join(str(min(255, int(v) + 3)) for v in lines[1].split(",")[1].split())
    write(tmp_path, "fer2013.csv", [*lines, f"3,{brighter},Training", lines[2].replace("1,", "4,", 1)])
    listing = read("fer2013", tmp_path)
    assert len(listing) == 93 and listing.rejects == ()          # copies belong to the published counts
    assert listing.group[91] == listing.group[0] and listing.group[92] == listing.group[1]
    assert listing.split[91] == listing.split[0] and listing.split[92] == listing.split[1]
    assert len(set(listing.group.tolist())) == 91


def test_near_duplicates_agree_with_every_pair_compared():
    draw = np.random.default_rng(0)
    pixels = np.stack([miniatures.smooth(i // 3) for i in range(1200)])
    pixels = np.clip(pixels + draw.integers(-40, 41, (1200, 1, 1)), 0, 255).astype(np.uint8)
    small = pixels.reshape(1200, 8, 6, 8, 6).astype(float).mean((2, 4)).reshape(1200, 64)
    alike = ((small[:, None] - small[None]) ** 2).mean(2) <= 10.0 ** 2
    group = near_duplicates(pixels, 10.0)
    assert (group[:, None] == group[None])[alike].all()
    for number in range(group.max() + 1):                        # and every group hangs together
        rows = np.flatnonzero(group == number)
        reached = {rows[0]}
        while (more := set(np.flatnonzero(alike[list(reached)].any(0))) - reached):
            reached |= more
        assert reached == set(rows)


@pytest.mark.parametrize("counts, word", [
    ([6, 1, 1, 0, 0, 0, 0, 0, 1, 1], "neutral"),
    ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], None),                      # half is not more than half
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),                      # nothing is left of single votes
    ([4, 1, 1, 1, 1, 1, 1, 0, 0, 0], "neutral"),                 # 4 of the 4 that are left
    ([2, 0, 0, 0, 3, 0, 0, 0, 0, 5], None),
    ([0, 0, 0, 0, 0, 0, 0, 0, 4, 2], "unknown"),
    ([0, 0, 0, 0, 0, 2, 0, 0, 0, 7], "NF"),
    ([0, 0, 0, 0, 0, 0, 2, 3, 0, 0], "contempt"),
])
def test_the_majority_rule_by_hand(counts, word):
    assert majority(np.array(counts, dtype=np.float32)) == word


def test_ferplus_votes_go_with_their_face(tmp_path):
    miniatures.ferplus(tmp_path)
    listing = read("ferplus", tmp_path)
    row = listing.ids.tolist().index(13)                         # row 13 votes for VOTES[13 % 8], disgust
    assert listing.classes[listing.labels[row]] == "disgust"
    assert dict(zip(listing.classes, listing.votes[row]))["disgust"] == 8
    assert np.array_equal(listing.pixels[row], miniatures.smooth(13))
    assert not {8, 9, 10} & set(listing.ids.tolist())
    assert sum("left out" in note for note in listing.notes) == 3


def test_ferplus_in_another_row_order_is_refused(tmp_path):
    miniatures.ferplus(tmp_path)
    lines = (tmp_path / "fer2013/fer2013new.csv").read_text().splitlines()
    write(tmp_path, "fer2013/fer2013new.csv", lines[:1] + lines[:0:-1])
    with pytest.raises(InputError, match="row order"):
        read("ferplus", tmp_path)


# ---------------------------------------------------------------------- the others

def test_affectnet_boxes_missing_axes_and_unused_labels(tmp_path):
    miniatures.affectnet(tmp_path)
    listing = read("affectnet", tmp_path, landmarks=True)
    assert listing.boxes[0].tolist() == [3, 4, 13, 16]           # left, top, right, bottom
    row = listing.files.tolist().index("Manually_Annotated_Images/2/1.jpg")
    assert np.isnan(listing.valence_arousal[row]).all() and listing.classes[listing.labels[row]] == "happiness"
    assert np.isnan(listing.valence_arousal).any(1).sum() == 1
    assert "1 faces have no valence and arousal (marked -2)" in listing.notes
    assert "3 left out: labelled none, uncertain or no face" in listing.notes
    assert listing.landmarks.shape == (48, 68, 2)


@pytest.mark.parametrize("make", [miniatures.affectnet, miniatures.affectnet_npy])
def test_affectnet_with_seven_classes_has_no_contempt(make, tmp_path):
    make(tmp_path)
    listing = read("affectnet", tmp_path, classes=7)
    assert len(listing) == 42 and listing.classes == miniatures.SEVEN
    assert "6 left out: labelled contempt, not among the 7 classes" in listing.notes
    with pytest.raises(InputError, match="expected 7"):
        read("affectnet", tmp_path, classes=9)


@pytest.mark.parametrize("damage, reason", [
    ("remove", "missing annotation"), ("cut", "unreadable annotation"), ("pickle", "unreadable annotation")])
def test_affectnet_npy_annotations_that_cannot_be_read(damage, reason, tmp_path):
    miniatures.affectnet_npy(tmp_path)
    path = tmp_path / "train_set/annotations/5_val.npy"
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:20])
    else:
        np.save(path, np.array({"never": "unpickled"}, dtype=object), allow_pickle=True)
    listing = read("affectnet", tmp_path)
    reject, = listing.rejects
    assert len(listing) == 47 and reject.reason == f"{reason}: 5_val.npy" and reject.file.endswith("5.jpg")


def test_expw_boxes_and_photographs(tmp_path):
    miniatures.expw(tmp_path)
    listing = read("expw", tmp_path)
    assert sorted(map(tuple, listing.boxes[:2].tolist())) == [(7, 5, 17, 25), (8, 6, 17, 25)]
    assert listing.attributes["confidence"][0] == np.float32(30.5)


def test_ckplus_peaks_and_first_frames(tmp_path):
    miniatures.ckplus(tmp_path)
    assert read("ckplus", tmp_path, last=1, neutral=False).counts() | {} == {
        **dict.fromkeys(read("ckplus", tmp_path).classes, 0), "anger": 10, "surprise": 10}
    listing = read("ckplus", tmp_path)
    assert "60 left out: frames of unlabelled sequences" in listing.notes
    first = [f for f, i in zip(listing.files, listing.labels) if listing.classes[i] == "neutral"]
    assert all(f.endswith("00000001.png") for f in first)


@pytest.mark.parametrize("name, make", [("ckplus", miniatures.ckplus), ("oulucasia", miniatures.oulucasia)])
def test_no_frame_takes_the_place_of_a_lost_one(tmp_path, name, make):
    make(tmp_path)
    whole = read(name, tmp_path)
    one = whole.files[whole.labels == whole.classes.index("surprise")][0]
    frames = sorted((tmp_path / one).parent.iterdir())
    frames[-2].unlink()
    listing, lost = read(name, tmp_path), frames[-2].relative_to(tmp_path).as_posix()
    assert len(listing) == len(whole) - 1 and set(whole.files) - set(listing.files) == {lost}
    assert [reject.reason for reject in listing.rejects] == [f"missing image: {lost}"]
    assert not any("counts as neutral" in note for note in listing.notes)
    frames[0].unlink()
    second = frames[1].relative_to(tmp_path).as_posix()
    listing, begin = read(name, tmp_path), int(name == "ckplus")
    told = f"1 sequences lack frame {begin}, and the first that is there counts as neutral, such as {second}"
    assert told in listing.notes and listing.classes[listing.labels[listing.files.tolist().index(second)]] == "neutral"
    assert told not in read(name, tmp_path, neutral=False).notes


def test_numbers_that_pass_over_many_count_no_frames():
    for frames in (["a1.png", "a3.png", "a5.png", "a7.png"], ["a1.png", "b3.png"], ["a1.png", "a03.png"], ["a.png"]):
        assert with_lost(frames) == frames
    assert with_lost(["a08.png", "a09.png", "a11.png"]) == ["a08.png", "a09.png", "a10.png", "a11.png"]


@pytest.mark.parametrize("name, make, options, sentence", [
    ("affwild2", miniatures.affwild2, dict(every=0), "affwild2: every is 0; expected a whole number from 1 on"),
    ("affwild2", miniatures.affwild2, dict(every="all"), "affwild2: every is 'all'; expected a whole number"),
    ("ckplus", miniatures.ckplus, dict(last="two"), "ckplus: last is 'two'; expected a whole number from 1 on"),
    ("ckplus", miniatures.ckplus, dict(last=0), "ckplus: last is 0; expected"),
    ("oulucasia", miniatures.oulucasia, dict(last=-2), "oulucasia: last is -2; expected"),
    ("oulucasia", miniatures.oulucasia, dict(camera=1), "has no folder 1/Strong"),
    ("ckplus", miniatures.ckplus, dict(last=True), "ckplus: last is True; expected"),
    ("ckplus", miniatures.ckplus, dict(neutral="no"), "ckplus: neutral is 'no'; expected true or false"),
    ("affectnet", miniatures.affectnet, dict(landmarks=1), "affectnet: landmarks is 1; expected true or false"),
    ("kdef", miniatures.kdef, dict(angles=1), "kdef: angles is 1; expected some of FL, HL, S, HR, FR"),
    ("kdef", miniatures.kdef, dict(angles="S,XL"), "kdef: angle 'XL' is unknown; expected some of"),
    ("kdef", miniatures.kdef, dict(angles=()), r"kdef: angles is \(\); expected some of"),
])
def test_options_that_make_no_sense_are_told(tmp_path, name, make, options, sentence):
    make(tmp_path)
    with pytest.raises(InputError, match=sentence):
        read(name, tmp_path, **options)


def test_kdef_person_angle_and_gender(tmp_path):
    miniatures.kdef(tmp_path)
    listing = read("kdef", tmp_path, angles="S")
    assert len(listing) == 140 and listing.identity_names[0] == "F01"
    assert len(read("kdef", tmp_path, angles="HL,S")) == len(read("kdef", tmp_path, angles=("HL", "S"))) == 280
    assert listing.names["gender"] == ("man", "woman") and listing.names["session"] == ("A", "B")
    row = listing.files.tolist().index("AM03/AM03AFS.JPG")
    assert listing.identity_names[listing.identity[row]] == "M03"
    assert listing.classes[listing.labels[row]] == "fear"        # AF is afraid, the class, not the sex F


def test_afewva_axes_clips_and_damaged_json(tmp_path):
    miniatures.afewva(tmp_path)
    listing = read("afewva", tmp_path)
    assert len(listing) == 30 and set(listing.labels) == {-1}
    assert np.allclose(listing.valence_arousal, [-0.5, 1.0]) and listing.landmarks.shape == (30, 68, 2)
    assert len(set(listing.group)) == 10 and set(listing.splits) == {"train", "val", "test"}
    path = tmp_path / "01/002/002.json"
    path.write_text(path.read_text()[:100])
    (tmp_path / "01/003/003.json").unlink()
    path = tmp_path / "01/004/004.json"
    path.write_text(path.read_text().replace('"arousal": 10.0', '"arousal": 20.0', 1))
    damaged = read("afewva", tmp_path)
    assert len(damaged) == 30 - 3 - 3 - 1
    assert sorted(r.reason.split(":")[0] for r in damaged.rejects) == [
        "arousal out of range", "missing annotation", "unreadable annotation"]


def test_affwild2_frames_tasks_and_later_folder_names(tmp_path):
    miniatures.affwild2(tmp_path, "EXPR_Classification_Challenge", ("Train_Set", "Validation_Set"))
    listing = read("affwild2", tmp_path)
    words = {f: listing.classes[i] for f, i in zip(listing.files, listing.labels)}
    assert words["cropped_aligned/1-30/00006.jpg"] == "fear"     # line n is frame n, whatever is missing before
    assert "3 left out: annotated frames without an aligned face" in listing.notes
    write(tmp_path, "annotations/VA_Set/Training_Set/1-30.txt", ["valence,arousal", "0.5,-0.5", "-5,-5", "0.1,2"])
    axes = read("affwild2", tmp_path, task="valence_arousal")
    assert axes.valence_arousal.tolist() == [[0.5, -0.5]]
    assert [r.line for r in axes.rejects] == [4] and axes.rejects[0].reason.startswith("arousal out of range")
    with pytest.raises(InputError, match="task 'faces'"):
        read("affwild2", tmp_path, task="faces")


def test_muxspace_people_come_from_file_names(tmp_path):
    miniatures.muxspace(tmp_path)
    listing = read("muxspace", tmp_path)
    assert (listing.identity == -1).sum() == 5
    put(tmp_path, "images/extra.jpg")
    assert "1 images are in no annotation, such as images/extra.jpg" in read("muxspace", tmp_path).notes


def test_sfew_test_frames_have_no_label(tmp_path):
    miniatures.sfew(tmp_path)
    put(tmp_path, "Test/Film_1.png")
    listing = read("sfew", tmp_path)
    assert listing.labels[listing.rows("test")].tolist() == [-1]
