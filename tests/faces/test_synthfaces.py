"""The embedded faces: the committed file is what its manifest says, and what the faces claim of themselves holds."""

import hashlib
import io
import json
import zlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import fercourse as fc
from fercourse.errors import InputError
from fercourse.faces import SEVEN, synthfaces
from fercourse.synth.head import head
from fercourse.synth.people import draw_person
from fercourse.synth.population import Population, row_picture
from fercourse.synth.shots import draw_shot
from fercourse.synth.units import action_units

PATH = synthfaces.pack_path()
MANIFEST = json.loads(PATH.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(PATH)


def test_bytes_are_those_of_the_manifest_and_small_enough():
    assert hashlib.sha256(PATH.read_bytes()).hexdigest() == MANIFEST["sha256"]
    assert sum(f.stat().st_size for f in PATH.parent.iterdir()) <= 16e6


def test_counts(table):
    assert len(table) == MANIFEST["faces"] >= 10_000 and table.person.nunique() == MANIFEST["people"] >= 400
    assert table.id.is_unique and set(table.domain) == {"lab", "wild"} and set(table.label) == set(SEVEN)
    assert table.groupby("person").split.nunique().max() == 1
    for split, counts in MANIFEST["counts"].items():
        part = table[table.split == split]
        assert part.person.nunique() == counts["people"] and (part.domain == "wild").sum() == counts["wild"]
    balance = table.label.value_counts(normalize=True)
    assert balance.min() > .12 and balance.max() < .165


def test_annotators_agree_as_people_do(table):
    votes, truth = np.stack(table.votes), table.label.map(SEVEN.index).to_numpy()
    assert (votes.sum(1) == 10).all()
    one = votes[np.arange(len(votes)), truth].mean() / 10
    majority = (table.majority == table.label).mean()
    assert .62 <= one <= .69 and .82 <= majority <= .89
    assert (table.single == table.label).mean() == pytest.approx(one, abs=.02)
    clear = table.intensity > .9
    assert (table.majority == table.label)[clear].mean() > (table.majority == table.label)[~clear].mean() + .04
    wrong = table[(table.majority != table.label) & (table.label == "fear")]
    assert wrong.majority.value_counts().idxmax() == "surprise"


def test_affect_and_units_are_those_that_are_drawn(table):
    """Blends too; units are kept as bytes, affect to three places."""
    blends = table[table.blend.notna()]
    for _, row in pd.concat([blends.head(20), table.head(20)]).iterrows():
        shot = draw_shot(draw_person(int(row.person), MANIFEST["seed"]), int(row["shot"]), row.domain, row.label,
                         MANIFEST["seed"])
        assert shot.valence_arousal == pytest.approx((row.valence, row.arousal), abs=2e-3)
        assert np.abs([shot.units.get(name, 0) for name in head().units] - row.units.astype(float)).max() < 5e-3


def test_action_units_are_those_of_the_pack(table):
    for _, row in table.sample(50, random_state=0).iterrows():
        units = dict(zip(head().units, row.units.astype(float)))
        assert np.abs(action_units(units) - row.action_units.astype(float)).max() < 5e-3


def test_facts_are_in_range(table):
    assert table.age.between(3, 90).all() and table.skin_tone.between(1, 10).all()
    assert table.skin_tone.value_counts().min() > 300 and set(table.gender) == {"woman", "man"}
    assert table.valence.between(-1, 1).all() and table.arousal.between(-1, 1).all()
    mean = table.groupby("label").valence.mean()
    assert mean["happiness"] > .4 and mean["sadness"] < -.3 and abs(mean["neutral"]) < .05
    assert (table[table.domain == "lab"].occluder == "none").all()
    assert 30 < (table.occluder == "mask").sum() and (table.blend.notna()).mean() > .04


def test_landmarks_fit_the_pictures(table):
    points = np.stack(table.landmarks).astype(np.float32).reshape(-1, 68, 2)
    seen = np.stack(table.visible)
    assert ((points[seen] >= 0) & (points[seen] <= MANIFEST["size"])).all()
    upright = table.roll.abs() < 15
    right_eye, left_eye = points[:, 36:42].mean(1)[upright], points[:, 42:48].mean(1)[upright]
    assert (right_eye[:, 0] < left_eye[:, 0]).mean() > .99
    assert (points[:, 48:].mean(1)[upright][:, 1] > right_eye[:, 1]).all()
    covered = (table.occluder == "sunglasses").to_numpy()
    assert seen[covered][:, 36:48].mean() < .3 < .7 < seen[~covered][:, 36:48].mean()


def test_a_row_can_be_rendered_again(table):
    """Stated tolerance: 4 grey levels on average after WebP; landmarks within a tenth of a pixel."""
    pytest.importorskip("embreex")
    population = Population(**{k: MANIFEST[k] for k in ("people", "per_person", "size", "seed", "quality")})
    images = synthfaces.decode_pictures(PATH, MANIFEST["size"])
    for row in (3, 4001, len(table) - 5):
        facts = table.iloc[row]
        _, shot, picture = row_picture(population, int(facts.person), int(facts.shot))
        assert (shot.word, shot.domain, shot.occluder) == (facts.label, facts.domain, facts.occluder)
        assert np.abs(picture.landmarks.ravel() - facts.landmarks.astype(np.float32)).max() < .1
        assert np.abs(picture.image.transpose(2, 0, 1).astype(int) - images[row]).mean() < 4


def test_loading_by_split_domain_and_labels():
    faces = fc.load_faces("synthfaces", split="train", domain="wild")
    assert set(faces.words("domain")) == {"wild"} and faces.true_labels is None and faces.classes == SEVEN
    assert len(faces) == MANIFEST["counts"]["train"]["wild"]
    noisy = fc.load_faces("synthfaces", split="train", domain="wild", labels="majority")
    assert torch.equal(noisy.true_labels, faces.labels) and not torch.equal(noisy.labels, faces.labels)
    assert torch.equal(noisy.images, faces.images)
    assert faces.landmarks.shape[1:] == (68, 2) and faces.units.shape[1] == 52
    test = fc.load_faces("synthfaces", split="test")
    assert not set(test.people.tolist()) & set(faces.people.tolist())
    assert len(fc.load_faces("synthfaces", split="train+val")) > len(fc.load_faces("synthfaces", split="train"))


@pytest.mark.parametrize("wrong, said", [(dict(split="dev"), "no split 'dev'.*test, train, val"),
                                         (dict(domain="film"), "no domain 'film'.*lab, wild"),
                                         (dict(labels="crowd"), "labels='crowd'.*truth, majority, single")])
def test_wrong_words_are_named(wrong, said):
    with pytest.raises(InputError, match=said):
        fc.load_faces("synthfaces", **wrong)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        synthfaces.load(root=tmp_path / "none.parquet")
    with pytest.raises(InputError, match=r"holds no \.parquet file of synthetic faces; make one with"):
        synthfaces.load(root=tmp_path)
    assert len(synthfaces.load("val", root=PATH.parent)) == len(synthfaces.load("val"))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(PATH.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a file of synthetic faces"):
        synthfaces.load(root=broken)
    plain = tmp_path / "plain.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(plain)
    with pytest.raises(InputError, match="not a file of synthetic faces"):
        synthfaces.load(root=plain)


def rewritten(path, change=dict, picture=None, without=()):
    """Write four embedded faces with other facts, another picture, or without a column."""
    table = pq.read_table(PATH).slice(0, 4).drop_columns(list(without))
    if picture:
        at = table.schema.get_field_index("image")
        field = table.schema.field(at)
        table = table.set_column(at, field, pa.array([{"bytes": picture}] * 4, field.type))
    facts = change(json.loads(table.schema.metadata[b"fercourse"]))
    pq.write_table(table.replace_schema_metadata({b"fercourse": json.dumps(facts).encode()}), path)
    return path


@pytest.mark.parametrize("change, without, sentence", [
    (lambda facts: {}, [], "'size'"), (lambda facts: [], [], "list"),
    (lambda facts: facts | {"size": 10**9}, [], "its size is 1000000000, expected 16 to 1024"),
    (lambda facts: facts | {"genders": 5}, [], "its genders are no list of words"),
    (dict, ["age"], "it has no column age"), (dict, ["image"], "it has no column image"),
])
def test_facts_that_lack_something_are_told(tmp_path, own_cache, change, without, sentence):
    path = rewritten(tmp_path / "other.parquet", change, without=without)
    with pytest.raises(InputError, match=f"not a file of synthetic faces .*{sentence}"):
        synthfaces.load(None, root=path)


def png(side, told=None):
    """Return a picture, which tells of another size if so asked."""
    stream = io.BytesIO()
    Image.new("RGB", (side, side)).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[16:24] = (told or side).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("picture, sentence", [
    (png(1), "1x1 pixels, expected 64x64"), (png(8, 60_000), "decompression bomb"), (png(8, 64), "truncated"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n", "cannot identify"),
], ids=["small", "bomb", "cut", "program"])
def test_pictures_of_another_kind_are_never_decoded(tmp_path, own_cache, picture, sentence):
    path = rewritten(tmp_path / "other.parquet", picture=picture)
    with pytest.raises(InputError, match=rf"the picture in row 0 cannot be decoded \(.*{sentence}"):
        synthfaces.load(None, root=path)


def test_hugging_face_opens_it_as_it_is(tmp_path):
    datasets = pytest.importorskip("datasets")
    opened = datasets.load_dataset("parquet", data_files=str(PATH), cache_dir=str(tmp_path), split="train[:8]")
    assert opened[0]["image"].size == (MANIFEST["size"],) * 2 and opened[0]["label"] in SEVEN
