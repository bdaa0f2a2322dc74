"""`data check synthfaces`: the embedded file against its manifest, and what damage looks like."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fercourse.errors import InputError
from fercourse.faces import catalogue, synthfaces
from fercourse.faces.check import check
from fercourse.faces.manifest import read_manifest
from fercourse.files import sha256

PATH = synthfaces.pack_path()


@pytest.fixture
def few(tmp_path):
    """Write every 200th embedded face, with a manifest counted by pandas; returns path and manifest."""
    table = pq.read_table(PATH)
    table = table.take(pa.array(range(0, len(table), 200)))
    path = tmp_path / "few.parquet"
    pq.write_table(table, path)
    counts = pd.crosstab(table["split"].to_pandas(), table["label"].to_pandas())
    manifest = {"sha256": sha256(path), "bytes": path.stat().st_size,
                "counts": {split: {word: int(n) for word, n in row.items()} for split, row in counts.iterrows()}}
    return path, write(path, manifest)


def write(path, manifest):
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return manifest


def test_the_embedded_file_holds_no_surprise():
    report = check("synthfaces")
    manifest = json.loads(PATH.with_suffix(".json").read_text())
    assert report.surprises == () and report.counts == report.published
    assert sum(report.splits.values()) == manifest["faces"] and manifest["sha256"] in report.notes[0]


def test_the_catalogue_knows_its_size():
    info = catalogue.get("synthfaces")
    assert catalogue.found("synthfaces") == PATH.parent
    assert sum(sum(part.values()) for part in info.counts.values()) == read_manifest(PATH)["faces"]


def test_other_rendered_faces_are_held_against_their_own_manifest(few):
    path, manifest = few
    for root in (path, path.parent):
        report = check("synthfaces", root)
        assert report.surprises == () and report.published == manifest["counts"]
    manifest["counts"]["test"]["fear"] += 3
    write(path, manifest)
    found = manifest["counts"]["test"]["fear"] - 3
    assert check("synthfaces", path).surprises == (f"test: {found} faces of fear, published {found + 3} (-3)",)


def test_damage_is_named(few):
    path, manifest = few
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(InputError, match="its manifest says"):
        check("synthfaces", path)
    path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    with pytest.raises(InputError, match="SHA-256 .* its manifest says " + manifest["sha256"][:16]):
        check("synthfaces", path)


@pytest.mark.parametrize("text", [
    "{", "[]", "{}", '{"sha256": "a", "bytes": 1, "counts": {"test": {"fear": 1}}}', "[" * 100_000,
    '{"sha256": "a", "bytes": "1", "counts": {}}', '{"sha256": 1, "bytes": 1, "counts": {}}'], ids=range(7))
def test_a_manifest_that_is_none(few, text):
    path, _ = few
    path.with_suffix(".json").write_text(text)
    with pytest.raises(InputError, match=r"few.json is not a manifest"):
        check("synthfaces", path)


def test_missing_and_ambiguous_files(few):
    path, _ = few
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"few.json does not exist; expected the manifest"):
        check("synthfaces", path)
    path.with_name("more.parquet").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="holds 2 files of faces"):
        check("synthfaces", path.parent)
