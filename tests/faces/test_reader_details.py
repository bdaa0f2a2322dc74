"""What single sets do in their own way: boxes, votes, missing values, archives, options."""

import re

import numpy as np
import pytest
from PIL import Image

from fercourse.errors import InputError
from fercourse.faces import catalogue
from fercourse.faces.decode import Crop
from fercourse.faces.pack import memory_pack
from fercourse.faces.readers.duplicates import near_duplicates
from fercourse.faces.readers.ferplus import majority

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


def test_kdef_person_angle_and_gender(tmp_path):
    miniatures.kdef(tmp_path)
    listing = read("kdef", tmp_path, angles="S")
    assert len(listing) == 140 and listing.identity_names[0] == "F01"
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


def test_folder_words_people_and_flat_layout(tmp_path):
    for word in ("1", "happy"):
        for i in range(20):
            put(tmp_path, f"{word}/p{i % 5}_{i}.jpg")
    listing = read("folder", tmp_path, words={"1": "surprise"}, person=r"(p\d)_")
    assert {w: n for w, n in listing.counts().items() if n} == {"happiness": 20, "surprise": 20}
    assert len(listing.identity_names) == 5 and set(listing.splits) == {"train", "val", "test"}
    assert len(read("folder", tmp_path).rejects) == 20
    for words in ("1:surprise", {1: "surprise"}):
        assert not read("folder", tmp_path, words=words).rejects
    assert "--option words=1:neutral" in read("folder", tmp_path).rejects[0].reason


@pytest.mark.parametrize("person", [r"(S\d+)_", r"(S\d+)?"])
def test_an_expression_that_finds_nobody_is_refused_with_a_name(tmp_path, person):
    for i in range(3):
        put(tmp_path, f"happy/p{i}_1.jpg")
    with pytest.raises(InputError, match=r"which finds nobody in 3 files, such as happy/p0_1\.jpg; expected a regular"):
        read("folder", tmp_path, person=person)


def test_files_without_a_person_are_noted_and_the_notes_say_what_splits_are_disjoint_by(tmp_path):
    for name in ("p1_1", "p1_2", "p2_1", "x3", "x4"):
        put(tmp_path, f"happy/{name}.jpg")
    notes = read("folder", tmp_path, person=r"(p\d)_").notes
    assert notes[0] == "2 of 5 files: person not found, such as happy/x3.jpg"
    assert "no official splits: test is a fixed fifth, disjoint by person, else by file" in notes
    assert "no official splits: test is a fixed fifth, disjoint by file" in read("folder", tmp_path).notes
    miniatures.afewva(tmp_path / "clips")
    assert "disjoint by clip" in read("afewva", tmp_path / "clips").notes[-1]


def test_a_folder_reads_old_kinds_of_pictures_and_notes_those_that_it_cannot(tmp_path):
    for name in ("d.heic", "e.HEIC", "f.avif", "g", "Thumbs.db", "list.txt", "h.csv", "i.json", "README"):
        write(tmp_path, f"happy/{name}", ["what it may be"])
    for name in ("a.GIF", "b.jfif", "c.pgm"):
        Image.fromarray(np.full((9, 9), 99, np.uint8)).save(tmp_path / "happy" / name, {"b.jfif": "JPEG"}.get(name))
    listing = read("folder", tmp_path)
    assert listing.files.tolist() == ["happy/a.GIF", "happy/b.jfif", "happy/c.pgm"] and not listing.rejects
    assert listing.notes[0].startswith("4 files are no picture that is read here (.heic 2, ")
    pack = memory_pack(listing, Crop(8))
    assert len(pack) == 3 and not pack.listing.rejects and abs(int(pack.images.max()) - 99) < 3


def test_hidden_copies_are_no_faces(tmp_path):
    for place in ("happy", "happy/.thumbnails", "happy/@eaDir/a.jpg", "__MACOSX/happy", ".Trash-1000/happy"):
        put(tmp_path, f"{place}/a.jpg")
    for name in ("._a.jpg", ".hidden.jpg", "@mia.jpg"):
        put(tmp_path, f"happy/{name}")
    assert read("folder", tmp_path).files.tolist() == ["happy/@mia.jpg", "happy/a.jpg"]


@pytest.mark.parametrize("place, told", [
    ("", "no class folder: it lies directly in {root}; expected {root}/class/picture"),
    ("train/", "no class folder: it lies directly in {root}/train; expected {root}/train/class/picture"),
    ("bored/", "unknown label: 'bored'; .* --option words=bored:neutral; classes of your own are classes=closed,open")])
def test_a_picture_without_a_class_is_told_where_it_should_lie(tmp_path, place, told):
    for file in ("happy/a.jpg", f"{place}b.jpg"):
        put(tmp_path, file)
    reject, = read("folder", tmp_path).rejects
    assert re.match(told.format(root=re.escape(str(tmp_path))), reject.reason)


def test_a_folder_above_that_of_the_classes_is_named(tmp_path):
    for file in ("happy/a.jpg", "train/sad/b.jpg"):
        put(tmp_path, f"archive/{file}")
    with pytest.raises(InputError, match=r"holds archive alone, which is no class, .*: give --root .*/archive"):
        read("folder", tmp_path)
    assert len(read("folder", tmp_path / "archive")) == 2
    for root, file in (("one", "bored/a.jpg"), ("two", "train/bored/a.jpg")):
        put(tmp_path / root, file)
        with pytest.raises(InputError, match=r"has no usable face of folder: 1 rows rejected, the first: .*'bored'"):
            read("folder", tmp_path / root)
    put(tmp_path / "one", "sleepy/deep/a.jpg")
    with pytest.raises(InputError, match="2 rows rejected"):
        read("folder", tmp_path / "one")


def test_a_folder_of_pictures_that_are_not_read_says_so(tmp_path):
    write(tmp_path, "happy/a.heic", ["apple"])
    with pytest.raises(InputError, match=r"face of folder: 1 files are no picture that is read here \(\.heic 1"):
        read("folder", tmp_path)


def test_a_csv_translates_labels_and_keeps_people_apart_whatever_its_encoding(tmp_path):
    lines = ["path,label,person", *(f"{i}.jpg,grin,{('Jürgen', 'Jörgen')[i % 2]}" for i in range(4))]
    for i in range(4):
        put(tmp_path, f"{i}.jpg")
    for encoding in ("utf-8", "latin-1"):
        (tmp_path / "faces.csv").write_text("\n".join(lines), encoding=encoding)
        listing = read("csv", tmp_path, words="grin:happiness")
        assert listing.identity_names == ("Jörgen", "Jürgen") and listing.counts()["happiness"] == 4
    with pytest.raises(InputError, match=r"--option words=grin:neutral"):
        read("csv", tmp_path)


@pytest.mark.parametrize("options, sentence", [
    ({"person": "("}, r"person is '\(', which finds nobody"), ({"person": 5}, "person is 5, which finds nobody"),
    ({"person": "p1"}, r"person is 'p1', which finds nobody \(it has no group\)"),
    ({"words": "1"}, "words is '1'; expected a dictionary"), ({"words": 5}, "words is 5; expected a dictionary"),
    ({"words": "a:b:c,d"}, "words is 'a:b:c,d'; expected a dictionary"),
    ({"words": {"1": "bored"}}, r"words says 'bored' of '1'; .* For classes of your own say which they are"),
])
def test_folder_options_that_make_no_sense(tmp_path, options, sentence):
    put(tmp_path, "happy/p1.jpg")
    with pytest.raises(InputError, match=sentence):
        read("folder", tmp_path, **options)


def test_a_csv_is_no_folder(tmp_path):
    write(tmp_path, "mine.csv", ["path,label"])
    with pytest.raises(InputError, match=r"mine\.csv is not a folder; .* is called \"csv\""):
        read("folder", tmp_path / "mine.csv")


def test_csv_with_splits_and_without_labels(tmp_path):
    for i in range(4):
        put(tmp_path, f"{i}.png")
    write(tmp_path, "mine.csv", ["label,path,split,valence,arousal", "happy,0.png,train,,", ",1.png,val,0.5,1",
                                 "sad,2.png,test,-2,-2", "sad,3.png,dev,0,0"])
    listing = read("csv", tmp_path / "mine.csv")
    assert listing.split.tolist() == ["train", "val", "test"] and listing.labels.tolist() == [1, -1, 2]
    assert np.isnan(listing.valence_arousal).any(1).tolist() == [True, False, True]
    assert listing.rejects[0].line == 5 and "unknown split" in listing.rejects[0].reason
    write(tmp_path, "other.csv", ["path,label"])
    with pytest.raises(InputError, match="2 csv files"):
        read("csv", tmp_path)


def test_sfew_test_frames_have_no_label(tmp_path):
    miniatures.sfew(tmp_path)
    put(tmp_path, "Test/Film_1.png")
    listing = read("sfew", tmp_path)
    assert listing.labels[listing.rows("test")].tolist() == [-1]
