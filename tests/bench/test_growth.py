"""Growth with the number of faces, and the duel with timm's step, at the smallest size."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from fercourse import bench
from fercourse.bench import growth
from fercourse.faces import load_faces
from fercourse.methods import Batch
from fercourse.studies import table

from ..line import call

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_growth_is_measured_for_every_size(tmp_path, capsys):
    assert call("bench", "growth", "--scale", "smoke", "--out", tmp_path) == 0
    assert "faces 600, epoch_s" in capsys.readouterr().out
    found = json.loads((tmp_path / "bench-smoke.json").read_text())["growth"]
    assert [row["faces"] for row in found["rows"]] == [200, 600]
    for row in found["rows"]:
        assert row["per_thousand_s"] == pytest.approx(1000 * row["epoch_s"] / row["faces"], rel=0.1)
        assert row["open_s"] > 0 and row["file_MiB"] >= round(row["faces"] * 3 * 32**2 / 2**20, 1)
    assert found["hardware"]["cores"] and found["versions"]["torch"] and found["config"]["name"] == "smoke"
    (tmp_path / "bench-smoke.json").rename(tmp_path / "bench-cpu.json")
    told = table.growth_table(tmp_path)
    assert told.count("\n") == 3 and "| 600 |" in told


def test_every_face_is_trained_on_and_the_layer_is_all_there_is(tmp_path):
    faces = load_faces(growth.write_random(tmp_path / "a.safetensors", 40), "train")
    assert len(faces) == 40 and len(faces.images.unique(dim=0)) == 40 and faces.labels.float().mean() == 0.5
    method, views, labels = growth.Linear(32), torch.randn(1, 6, 3, 32, 32), torch.arange(6) % 2
    loss = method(Batch(torch.arange(6), views, labels), 0.0)["total"]
    assert loss.item() == pytest.approx(F.cross_entropy(method.head(views[0].flatten(1)), labels).item())
    assert sum(p.numel() for p in method.parameters()) == 2 * 3 * 32**2 + 2


@pytest.mark.skipif(not growth.STATUS.is_file(), reason="memory is read from /proc")
def test_own_memory_counts_what_is_held_and_not_what_is_mapped(tmp_path):
    """In a process of its own: in this one, what other tests held may be given back at any moment."""
    code = f"""
import torch
from fercourse.bench import growth
from fercourse.faces import load_faces
faces = load_faces(growth.write_random({str(tmp_path / "a.safetensors")!r}, 10_000), "train")
before = growth.own_memory()
largest = int(faces.images.numpy().max())                    # 29 MiB of the file are read
read = growth.own_memory()
held = torch.ones(40 * 2**20, dtype=torch.uint8)
print(largest, read - before, growth.own_memory() - before)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    largest, read, holding = map(float, told.split())
    assert largest == 255 and read < 15 and holding > 30


@pytest.mark.slow
@pytest.mark.parametrize("view", ["none", "weak"])
def test_the_duel_with_timm_runs(view):
    result = bench.run([f"timm-{view}"], "smoke", None)[f"timm-{view}"]
    assert result["ratio"] > 0 and result["facts"]["layout"] in ("channels-first", "channels-last")
    assert f"`{view}`" in result["what"]


def test_growth_is_the_last_size_over_the_first(monkeypatch):
    class Pool:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def apply(self, work, given):
            return {"per_thousand_s": next(told)}

    told = iter([1.0, 1.5])
    monkeypatch.setattr(growth, "write_random", lambda path, count: path)
    monkeypatch.setattr(growth.multiprocessing, "get_context", lambda kind: SimpleNamespace(Pool=lambda n: Pool()))
    assert growth.growth(SimpleNamespace(name="smoke", device="cpu"))["linear"] == 1.5
