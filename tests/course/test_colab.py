"""What is installed on Colab, and what is left alone."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from fercourse.course import colab, notebooks

OPT_IN = "FERCOURSE_COLAB_TEST"
CHANGING = re.compile(r"^(-U|--upgrade.*|--force-reinstall|-I|--ignore-installed|--pre|torch.*)$")
# What a runtime of early 2025 brought, as far as the course asks for it: an older torch than any machine here has.
RUNTIME = {"torch": "2.6.0+cu124", "torchvision": "0.21.0+cu124", "numpy": "2.0.2", "pillow": "11.1.0",
           "pandas": "2.2.2", "pyarrow": "18.1.0", "scikit-learn": "1.6.1", "scipy": "1.14.1", "matplotlib": "3.10.0",
           "seaborn": "0.13.2", "safetensors": "0.5.3", "tqdm": "4.67.1", "typer": "0.15.2",
           "ipywidgets": "7.7.1", "pyyaml": "6.0.2",
           "huggingface-hub": "0.30.2", "umap-learn": "0.5.7"}


def requirements():
    return (colab.ROOT / "requirements.txt").read_text("utf-8").splitlines()


@pytest.fixture
def ran(monkeypatch):
    """Return the commands that the set-up gives, on a runtime with torch 2.6, and the constraints handed along."""
    commands = []
    monkeypatch.setattr(colab, "installed", lambda: dict(RUNTIME))

    def run(command, check):
        where = command.index("--constraint") + 1 if "--constraint" in command else None
        commands.append((command, Path(command[where]).read_text() if where else ""))
    monkeypatch.setattr(colab, "subprocess", SimpleNamespace(run=run))
    return commands


def test_torch_is_never_asked_for():
    wanted = ["# comment", "", "torch>=2.6", "torchvision>=0.21", "timm>=1.0.9", "umap-learn>=0.5.6", "numpy>=1.24",
              "jupyterlab>=4"]
    assert colab.missing(wanted, {"numpy": "2.0"}) == ["timm>=1.0.9", "umap-learn>=0.5.6"]


def test_not_even_where_a_runtime_has_nothing():
    wanted = colab.missing(requirements() + colab.BESIDES, {})
    assert "timm>=1.0.9" in wanted and not [line for line in wanted if line.startswith("torch")]


def test_what_a_runtime_has_is_enough():
    for line in filter(lambda line: line and not line.startswith("#"), requirements()):
        one = Requirement(line)
        assert one.name not in RUNTIME or one.specifier.contains(RUNTIME[one.name].split("+")[0]), line
        assert not {spec.operator for spec in one.specifier} & {"==", "<", "<=", "~="}, line


def test_what_is_there_becomes_a_constraint(ran):
    colab.main()
    (first, fixed), (second, _) = ran
    assert fixed.splitlines() == [f"{name}=={version}" for name, version in RUNTIME.items()]
    assert first[-2:] == ["timm>=1.0.9", *colab.BESIDES]
    assert second[-2:] == ["--no-deps", str(colab.ROOT)]


def test_nothing_is_upgraded(ran):
    colab.main()
    for command, _ in ran:
        assert command[:4] == [sys.executable, "-m", "pip", "install"]
        assert not [word for word in command if CHANGING.match(word)], command
    assert not re.search(r"\btorch[=<>]|--upgrade|\bpip\b", notebooks.SETUP)


def test_names_are_read_whatever_their_case():
    assert colab.installed()["torch"] and "Torch" not in colab.installed()


# ---------------------------------------------------------------------- what pip itself says

def python_of(folder):
    """Make an environment in a folder; return its Python."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    return next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())


def pretend(python, packages):
    """Make an environment look as if packages were in it: all that pip reads of them."""
    home = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True,
                          text=True, check=True).stdout.strip()
    for name, version in packages.items():
        about = Path(home) / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (about / "INSTALLER").write_text("pip\n")
        (about / "RECORD").write_text("")


def pip(python, *words):
    """Run this environment's pip on another one; skip where no registry answers."""
    ran = subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", *words], capture_output=True,
                         text=True)
    if ran.returncode and re.search(r"from versions: none|NewConnectionError|ConnectTimeout", ran.stderr):
        pytest.skip(f"no package registry can be reached: {ran.stderr.strip().splitlines()[-1]}")
    assert ran.returncode == 0, ran.stderr[-3000:]


def test_pip_would_leave_torch_as_it_is(tmp_path, ran):
    python, report = python_of(tmp_path / "env"), tmp_path / "report.json"
    pretend(python, RUNTIME)
    colab.main()
    (_, fixed), words = ran[0], ran[0][0][4:]                 # after python -m pip install
    words[words.index("--constraint") + 1] = str(tmp_path / "constraints.txt")
    (tmp_path / "constraints.txt").write_text(fixed)
    pip(python, "--dry-run", "--retries", "0", "--report", str(report), *words)
    names = {one["metadata"]["name"].lower() for one in json.loads(report.read_text())["install"]}
    assert "timm" in names and not names & RUNTIME.keys()


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get(OPT_IN) != "1", reason=f"installs 5 GB; set {OPT_IN}=1")
def test_an_older_torch_stays(tmp_path):
    """Install torch 2.6 first, then as a lesson's first cell does: torch has not changed, and fercourse runs."""
    python = python_of(tmp_path / "env")
    pip(python, "--quiet", "--no-compile", "pip", "torch>=2.6,<2.7", "torchvision>=0.21,<0.22")

    def torch():
        told = subprocess.run([python, "-c", "import torch; print(torch.__version__, torch.__file__)"], check=True,
                              capture_output=True, text=True, cwd=tmp_path).stdout.split()
        record = next(Path(told[1]).parent.parent.glob("torch-*.dist-info")) / "RECORD"
        return told, record.stat().st_mtime_ns, record.read_bytes()
    before = torch()
    assert before[0][0].startswith("2.6.")
    subprocess.run([python, colab.__file__], check=True, cwd=tmp_path)
    assert torch() == before
    task = "import fercourse as fc; print(len(fc.load_faces('synthfaces', split='val', domain='lab')))"
    assert int(subprocess.run([python, "-c", task], check=True, capture_output=True, text=True, cwd=tmp_path).stdout)
