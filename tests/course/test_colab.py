"""What a lesson's first cell fetches and installs on Colab, also after it was cut off, and what is left alone."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import venv
from importlib.machinery import PathFinder
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
           "safetensors": "0.5.3", "tqdm": "4.67.1", "typer": "0.15.2",
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


def test_of_a_package_that_is_there_twice_the_one_that_python_imports_counts(monkeypatch):
    found = [SimpleNamespace(metadata={"Name": name}, version=version) for name, version in
             (("PyYAML", "6.0.2"), ("pyyaml", "5.4.1"))]
    monkeypatch.setattr(colab.metadata, "distributions", lambda: found)
    assert colab.installed() == {"pyyaml": "6.0.2"}


# ---------------------------------------------------------------------- the first cell

class Runtime:
    """A pretended Colab, in a folder that stands for /content: git and pip do as they are told, or fail."""

    def __init__(self, content):
        self.content, self.home = content, content / "course"
        self.packages, self.ran, self.where, self.fails = dict(RUNTIME), [], [], {}

    def cell(self):
        """Run a lesson's first cell; return which tools it started."""
        self.ran.clear()
        exec(notebooks.SETUP.replace("/content", self.content.as_posix()), {})
        return self.ran

    def run(self, command, check):
        tool = next(word for word in ("git", "pip", "colab.py") if word in command or command[-1].endswith(word))
        self.ran.append(tool)
        if tool == "colab.py":
            runpy.run_path(command[-1], run_name="__main__")
        else:
            getattr(self, tool)(command)

    def git(self, command):
        assert notebooks.REPOSITORY in command
        place = Path(command[-1])
        place.mkdir()                                         # as git refuses a folder that holds something
        for name in ("requirements.txt", "fercourse/course/colab.py"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(colab.ROOT / name, place / name)
            self.fail("git")                                  # half-way
        (place / "notebooks").mkdir()

    def pip(self, command):
        self.fail("pip")
        self.packages |= {"fercourse": "1"} if command[-1] == str(self.home) else {"timm": "1.0.9", "embreex": "3"}

    def fail(self, tool):
        if error := self.fails.pop(tool, None):
            raise error


@pytest.fixture
def runtime(monkeypatch, tmp_path):
    made = Runtime(tmp_path.resolve())
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr("subprocess.run", made.run)
    monkeypatch.setattr("os.chdir", made.where.append)
    monkeypatch.setattr("importlib.metadata.distributions", lambda: [
        SimpleNamespace(metadata={"Name": name}, version=version) for name, version in made.packages.items()])
    return made


def test_the_first_cell_does_nothing_here(monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *a, **k: pytest.fail("ran a command"))
    exec(notebooks.SETUP, {})


def test_the_first_cell_fetches_and_installs_the_course(runtime):
    assert runtime.cell() == ["git", "colab.py", "pip", "pip"]
    assert runtime.where == [f"{runtime.home.as_posix()}/notebooks"] and "fercourse" in runtime.packages
    assert runtime.cell() == ["colab.py"]                     # or after the kernel was restarted
    assert len(runtime.where) == 2


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(1, "pip"), KeyboardInterrupt()])
def test_an_installation_that_failed_is_done_again(runtime, error):
    runtime.fails["pip"] = error
    with pytest.raises(type(error)):
        runtime.cell()
    assert runtime.where == [] and runtime.packages == RUNTIME
    assert runtime.cell() == ["colab.py", "pip", "pip"] and len(runtime.where) == 1
    assert "fercourse" in runtime.packages and runtime.cell() == ["colab.py"]


@pytest.mark.parametrize("error", [subprocess.CalledProcessError(128, "git"), KeyboardInterrupt()])
def test_a_clone_that_was_cut_off_is_fetched_again(runtime, error):
    runtime.fails["git"] = error
    with pytest.raises(type(error)):
        runtime.cell()
    assert [path.name for path in runtime.content.iterdir()] == ["course.part"]
    assert runtime.cell() == ["git", "colab.py", "pip", "pip"] and len(runtime.where) == 1
    assert [path.name for path in runtime.content.iterdir()] == ["course"]


def test_the_folder_of_the_course_is_not_taken_for_its_package(runtime, monkeypatch):
    runtime.cell()
    monkeypatch.setattr("sys.path", [str(runtime.content)])
    assert PathFinder.find_spec("fercourse") is None


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
