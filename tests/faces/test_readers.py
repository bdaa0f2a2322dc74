"""Every reader against a miniature of its real layout, sound and damaged in every way we promise to tell."""

import shutil

import numpy as np
import pytest

from fercourse.errors import InputError
from fercourse.faces import catalogue

from . import miniatures
from .miniatures import MINIATURES, put, write

ALL = [pytest.param(m, id=m.make.__name__) for m in MINIATURES]
LISTED = [pytest.param(m, id=m.make.__name__) for m in MINIATURES if m.annotation]
BY_ROW = ("fer2013", "ferplus", "affwild2", "ckplus")     # ids are rows, lines are frames, or one line a file
KEYED = [p for p in LISTED if p.values[0].name not in BY_ROW]


def read(miniature, root):
    """Read a miniature as users do: by name, from the folder it was made in."""
    return catalogue.read(miniature.name, root, **miniature.options)


def by_file(listing):
    """Return what is known of each face, keyed by its file and box."""
    boxes = np.zeros((len(listing), 1)) if listing.boxes is None else listing.boxes
    words = [listing.classes[i] if i >= 0 else None for i in listing.labels]
    return {(f, *b): facts for f, b, *facts in
            zip(listing.files, boxes.tolist(), listing.ids.tolist(), words, listing.split)}


def replace_line(root, file, line, text):
    """Replace one line (from 1) of a text file; it returns the old one."""
    lines = (root / file).read_text().splitlines()
    old, lines[line - 1] = lines[line - 1], text
    write(root, file, lines)
    return old


def append_line(root, file, text):
    with (root / file).open("a") as out:
        out.write(text + "\n")


# ---------------------------------------------------------------------- sound sets

@pytest.mark.parametrize("miniature", ALL)
def test_counts_labels_by_name_and_splits(miniature, tmp_path):
    miniature.make(tmp_path)
    listing = read(miniature, tmp_path)
    found = {word: n for word, n in listing.counts().items() if n and word != "unlabelled"}
    assert found == {word: n for word, n in miniature.counts.items() if n}
    assert tuple(listing.splits) == tuple(sorted(miniature.splits, key=list(listing.splits).index))
    assert set(listing.splits) == set(miniature.splits)
    assert listing.rejects == ()
    assert set(listing.classes) <= set(miniatures.SEVEN) | {"contempt"}


@pytest.mark.parametrize("miniature", ALL)
def test_people_and_groups_stay_in_one_split(miniature, tmp_path):
    miniature.make(tmp_path)
    listing = read(miniature, tmp_path)
    for column in (listing.identity, listing.group):
        for group in set(() if column is None else column.tolist()) - {-1}:
            assert len(set(listing.split[column == group])) == 1
    if miniature.people:
        assert len(set(listing.identity.tolist()) - {-1}) == miniature.people == len(listing.identity_names)


@pytest.mark.parametrize("miniature", ALL)
def test_ids_are_unique_and_outlive_a_lost_image(miniature, tmp_path):
    miniature.make(tmp_path)
    whole = read(miniature, tmp_path)
    assert len(set(whole.ids.tolist())) == len(whole) and whole.ids.dtype == np.int64
    assert whole.ids.min() >= 0 and whole.ids.max() < 2 ** 53
    if miniature.image is None:
        return
    before = by_file(whole)
    (tmp_path / miniature.image).unlink()
    after = by_file(read(miniature, tmp_path))
    same = before.keys() & after.keys()
    assert {k: after[k][:2] for k in same} == {k: before[k][:2] for k in same}
    assert len(before) - len(same) == 1 or miniature.name == "expw"      # two faces in its photograph
    assert after.keys() < before.keys() or miniature.name == "oulucasia"    # its sequences do not name their end


@pytest.mark.parametrize("miniature", KEYED)
def test_row_order_does_not_matter(miniature, tmp_path):
    miniature.make(tmp_path)
    before = read(miniature, tmp_path)
    lines = (tmp_path / miniature.annotation).read_text().splitlines()
    head = lines[:miniature.line - 1] if miniature.name != "rafdb" and miniature.name != "expw" else []
    write(tmp_path, miniature.annotation, head + lines[len(head):][::-1])
    after = read(miniature, tmp_path)
    assert by_file(after) == by_file(before)
    assert after.files.tolist() == before.files.tolist()


def test_fer2013_validation_part_follows_the_pixels_not_the_rows(tmp_path):
    miniatures.fer2013(tmp_path)
    head, *rows = miniatures.fer_lines()
    before = catalogue.read("fer2013", tmp_path)
    write(tmp_path, "fer2013/fer2013.csv", [head, *rows[::-1]])
    after = catalogue.read("fer2013", tmp_path)
    held = [{image.tobytes() for image in listing.pixels[listing.rows("val")]} for listing in (before, after)]
    assert held[0] == held[1] and len(held[0]) == 7


# ---------------------------------------------------------------------- one bad row

BAD = [pytest.param(m, kind, id=f"{m.make.__name__}-{kind.replace(' ', '-')}") for m in MINIATURES for kind in m.bad]


@pytest.mark.parametrize("miniature, kind", BAD)
def test_a_bad_row_is_rejected_with_file_and_line(miniature, kind, tmp_path):
    miniature.make(tmp_path)
    sound = len(read(miniature, tmp_path))
    replace_line(tmp_path, miniature.annotation, miniature.line, miniature.bad[kind])
    listing = read(miniature, tmp_path)
    assert len(listing) == sound - miniature.lost
    reject, = listing.rejects
    assert reject.reason.startswith(f"{kind}:") or (kind == "missing image" and reject.reason.startswith(kind))
    assert reject.line == miniature.line
    assert miniature.annotation.endswith(reject.file)
    assert f"1 rejected: {kind}" in listing.notes or kind == "missing image"


NAMED = [pytest.param(m, kind, id=f"{m.make.__name__}-{kind.replace(' ', '-')}")
         for m in MINIATURES for kind in m.names]


@pytest.mark.parametrize("miniature, kind", NAMED)
def test_a_file_with_an_unknown_name_is_rejected(miniature, kind, tmp_path):
    miniature.make(tmp_path)
    sound = len(read(miniature, tmp_path))
    put(tmp_path, miniature.names[kind])
    listing = read(miniature, tmp_path)
    reject, = listing.rejects
    assert len(listing) == sound and reject.reason.startswith(f"{kind}:")
    assert miniature.names[kind].endswith(reject.file) or reject.file in miniature.names[kind]


@pytest.mark.parametrize("miniature", [p for p in ALL if p.values[0].image])
def test_a_zero_byte_image_is_rejected_never_replaced(miniature, tmp_path):
    miniature.make(tmp_path)
    before = by_file(read(miniature, tmp_path))
    (tmp_path / miniature.image).write_bytes(b"")
    listing = read(miniature, tmp_path)
    lost = before.keys() - by_file(listing).keys()
    assert lost and all(miniature.image.endswith(key[0]) for key in lost) and by_file(listing).keys() < before.keys()
    assert len(listing.rejects) == len(lost)
    assert all(reject.reason.startswith("empty image: 0 bytes") for reject in listing.rejects)


@pytest.mark.parametrize("miniature", KEYED)
def test_equal_rows_count_once_and_contradicting_ones_not_at_all(miniature, tmp_path):
    miniature.make(tmp_path)
    sound = read(miniature, tmp_path)
    line = (tmp_path / miniature.annotation).read_text().splitlines()[miniature.line - 1]
    append_line(tmp_path, miniature.annotation, line)
    twice = read(miniature, tmp_path)
    assert by_file(twice) == by_file(sound)
    assert [reject.reason.split(":")[0] for reject in twice.rejects] == ["duplicate row"]
    append_line(tmp_path, miniature.annotation, _other_label(miniature.name, line))
    torn = read(miniature, tmp_path)
    assert len(torn) == len(sound) - 1
    assert sorted(r.reason.split(":")[0] for r in torn.rejects) == ["contradicting row"] * 2 + ["duplicate row"]


def _other_label(name, line):
    change = {"rafdb": ("2", "3"), "expw": (" 1", " 2"), "muxspace": ("anger", "fear"), "csv": ("neutral", "fear"),
              "affectnet": (",0,0.5,", ",1,0.5,")}
    old, new = change[name]
    head, _, tail = line.rpartition(old)
    assert head
    return head + new + tail


# ---------------------------------------------------------------------- nothing sensible to read

NEEDS = [pytest.param(m, path, id=f"{m.make.__name__}-{path.replace('/', '-')}")
         for m in MINIATURES for path in m.needs if path != "Train/Angry"]


@pytest.mark.parametrize("miniature, path", NEEDS)
def test_a_missing_annotation_or_image_folder_is_one_sentence(miniature, path, tmp_path):
    miniature.make(tmp_path)
    shutil.rmtree(tmp_path / path) if (tmp_path / path).is_dir() else (tmp_path / path).unlink()
    with pytest.raises(InputError) as error:
        read(miniature, tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path) in str(error.value)


@pytest.mark.parametrize("miniature", ALL)
def test_missing_and_empty_folders_and_foreign_layouts(miniature, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(miniature, tmp_path / "nowhere")
    for fill in (lambda: None, lambda: write(tmp_path, "notes.txt", ["hello"])):
        fill()
        with pytest.raises(InputError) as error:
            read(miniature, tmp_path)
        assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("miniature", [p for p in LISTED if p.values[0].annotation.endswith(".csv")])
def test_a_header_without_a_required_column(miniature, tmp_path):
    miniature.make(tmp_path)
    head = (tmp_path / miniature.annotation).read_text().splitlines()[0]
    replace_line(tmp_path, miniature.annotation, 1, head.replace(head.split(",")[-2], "strange"))
    if miniature.name == "csv":
        replace_line(tmp_path, miniature.annotation, 1, "image,label,person,valence,arousal")
    with pytest.raises(InputError, match="line 1: no column"):
        read(miniature, tmp_path)


@pytest.mark.parametrize("miniature", [p for p in KEYED if p.values[0].name != "affectnet"])
def test_all_rows_bad_is_an_error_that_shows_the_first(miniature, tmp_path):
    miniature.make(tmp_path)
    lines = (tmp_path / miniature.annotation).read_text().splitlines()
    head = [] if miniature.name in ("rafdb", "expw") else lines[:1]
    write(tmp_path, miniature.annotation, head + [miniature.bad["truncated row"]] * 5)
    with pytest.raises(InputError, match=r"no usable face.*truncated row"):
        read(miniature, tmp_path)


@pytest.mark.parametrize("miniature", ALL)
def test_asking_for_an_empty_split_names_the_others(miniature, tmp_path):
    miniature.make(tmp_path)
    with pytest.raises(InputError, match=r"no faces in split 'Holdout'.*train \("):
        read(miniature, tmp_path).rows("Holdout")


def test_an_empty_official_part_is_noted(tmp_path):
    miniatures.rafdb(tmp_path)
    lines = (tmp_path / miniatures.LIST).read_text().splitlines()
    write(tmp_path, miniatures.LIST, [line for line in lines if line.startswith("train")])
    listing = catalogue.read("rafdb", tmp_path)
    assert "no usable face in the official part test" in listing.notes
    with pytest.raises(InputError, match="'test'"):
        listing.rows("test")
