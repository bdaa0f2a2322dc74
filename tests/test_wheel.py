"""The wheel carries what the library reads at run time, and works from a folder of its own."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

for needed in ("hatchling", "hatch_requirements_txt", "pip"):
    pytest.importorskip(needed)

ROOT = Path(__file__).parent.parent
MANIFEST = json.loads((ROOT / "data/synthfaces/synthfaces.json").read_text())
CARRIED = ("fercourse/data/synthfaces/synthfaces.parquet", "fercourse/data/synthfaces/synthfaces.json",
           "fercourse/data/synthfaces/LICENCE.md", "fercourse/synth/head.npz", "fercourse/synth/HEAD_LICENCE.md",
           "fercourse/plots/explorer.html", "fercourse/weights/landmarks.safetensors",
           "fercourse/weights/landmarks.json")
LOADING = """
import fercourse as fc
from fercourse.faces import synthfaces
faces = fc.load_faces("synthfaces", split="test", domain="lab")
print(len(faces), synthfaces.pack_path(), fc.__file__, sep="\\n")
"""


def run(*words, cwd=ROOT, **environment):
    finished = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, env=os.environ | environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_carries_data_and_nothing_strange(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert set(CARRIED) <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"fercourse"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".part")]
    metadata = next(name for name in names if name.endswith("METADATA"))
    assert "Requires-Dist: torch>=2.6" in zipfile.ZipFile(wheel).read(metadata).decode()


@pytest.mark.slow
def test_installed_elsewhere_it_loads_its_own_faces(wheel, tmp_path):
    place = tmp_path / "installed"
    run("-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--target", place, wheel)
    count, pack, package = run("-c", LOADING, cwd=tmp_path, PYTHONPATH=str(place)).splitlines()
    assert int(count) == MANIFEST["counts"]["test"]["lab"]
    assert Path(pack).is_relative_to(place) and Path(package).is_relative_to(place)
