"""The files around the code agree with each other and tell nothing about the machines they were made on."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import fercourse

try:
    import tomllib
except ImportError:                                    # Python 3.10; pytest brings it there
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NEEDED = [Requirement(line) for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
          if line and not line.startswith("#")]
EXTRAS = {extra: [Requirement(line) for line in lines]
          for extra, lines in PROJECT["project"]["optional-dependencies"].items()}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
MACHINES = re.compile("|".join([
    r"(?<![\w.~}])/(tmp|work|root|home|opt|mnt|Users)/\w", r"[A-Z]:\\+Users", "file:" + r"///?(tmp|work|root|home|opt)",
    r"pypi\.\w+|pythonhosted\.", r"download\.pytorch\.", "(extra-)?index-" + "url|find-" + "links",
]))


def output(*command):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def tracked():
    """Return the text of every committed file, by its path."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    texts = {}
    for path in filter(None, output("git", "ls-files", "-z").split("\0")):
        raw = (ROOT / path).read_bytes() if (ROOT / path).is_file() else b"\0"
        if b"\0" not in raw[:8000]:
            texts[path] = raw.decode("utf-8")
    return texts


def named_targets(text):
    """Return the make targets a text tells people to run: in `code` or at the start of a line of a block."""
    return set(re.findall(r"(?:^\s*(?:\$ )?|`)make ([a-z][\w-]*)", text, re.MULTILINE))


# ---------------------------------------------------------------------- requirements

def test_conda_installs_the_same_requirements():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    assert wanted[-1] == {"pip": ["-r requirements.txt", "-e ."]}
    assert wanted[:-1] == [f"python {PROJECT['project']['requires-python']}", "pip"]


def test_the_package_reads_its_requirements_from_the_file():
    assert "dependencies" in PROJECT["project"]["dynamic"] and "dependencies" not in PROJECT["project"]
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]
    assert hook == {"files": ["requirements.txt"]}


def test_nothing_is_required_twice():
    names = [wanted.name for wanted in NEEDED]
    for wanted in EXTRAS.values():
        assert not set(names) & {one.name for one in wanted}
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("wanted", [*NEEDED, *(one for extra in EXTRAS.values() for one in extra)], ids=str)
def test_requirements_are_ranges(wanted):
    operators = {bound.operator for bound in wanted.specifier}
    assert wanted.name == "fercourse" or ">=" in operators
    assert not operators & {"==", "==="} and wanted.url is None


@pytest.mark.parametrize("system, machine, wanted", [
    ("Linux", "x86_64", True), ("Linux", "aarch64", False), ("Darwin", "arm64", True), ("Windows", "AMD64", True),
    ("Windows", "ARM64", False)])
def test_embree_is_asked_for_only_where_it_has_a_wheel(system, machine, wanted):
    """It has no source package: elsewhere pip would give up the whole installation. The z-buffer renders there."""
    [embree] = EXTRAS["render"]
    assert (embree.marker is None or embree.marker.evaluate({"platform_system": system, "platform_machine": machine})
            ) == wanted


def test_torch_is_never_pinned():
    pinned = re.compile(r"\btorch(vision|audio)?\s*={2,3}\s*\d")
    assert pinned.search("pip install torch==" + "2.6")                       # the pattern can find one
    assert [path for path, text in tracked().items() if pinned.search(text)] == []


def test_extras_are_installed_from_the_checkout():
    """No registry has the package, so that its bare name would install nothing, or somebody else's."""
    bare = re.compile(r"pip install [^\n]*\bfercourse\[")
    assert bare.search("pip install 'fercourse" + "[photo]'")
    assert [path for path, text in tracked().items() if bare.search(text)] == []
    asked = re.compile(r"""(?:pip install -e "\.\[|with_extra\(')(\w+)""")
    assert [path for path, text in tracked().items() if "pip install -e " + "'" in text] == [], "cmd keeps such quotes"
    assert {extra for text in tracked().values() for extra in asked.findall(text)} <= EXTRAS.keys()


# ---------------------------------------------------------------------- versions and licences

def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert fercourse.__version__ == PROJECT["project"]["version"] == citation["version"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    papers = (ROOT / "docs" / "papers.md").read_text("utf-8")
    cited = [one["doi"] for one in citation["references"]]
    assert sorted(cited) == sorted(re.findall(r"\[(10\.[^\]]+)\]\(https://doi\.org/\1\)", papers)), (
        "CITATION.cff and docs/papers.md name other papers of methods, as [DOI](https://doi.org/DOI)")


def test_licence_files_are_there():
    assert PROJECT["project"]["license"] == "Apache-2.0 AND CC-BY-4.0 AND CC0-1.0"
    assert all((ROOT / name).is_file() for name in PROJECT["project"]["license-files"])
    text = (ROOT / "LICENSES.md").read_text("utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        assert (ROOT / link).exists()


# ---------------------------------------------------------------------- commands

def test_every_named_target_exists():
    for path in ("README.md", ".ci/run"):
        named = named_targets((ROOT / path).read_text("utf-8"))
        assert named <= TARGETS, f"{path} names {named - TARGETS}"
    assert set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[1].split()) == TARGETS


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_alone_tells_every_target():
    assert named_targets(output("make")) == TARGETS


PRETENDED = """#!/bin/sh
echo "$*" >> did
case "$*" in *"-m venv"*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/pip;; esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_environment_is_made_once_and_anew_where_the_folder_was_moved(tmp_path):
    def did(folder, *changed):
        (folder / "did").unlink(missing_ok=True)
        for name in changed:
            os.utime(folder / name, (later := time.time() + 9, later))          # clocks of files tick slowly
        subprocess.run(["make", "env", "PYTHON=./python"], cwd=folder, check=True, capture_output=True)
        lines = (folder / "did").read_text().splitlines() if (folder / "did").exists() else []
        return ["venv" if "-m venv" in line else "pip" for line in lines if "-m" in line]
    first = tmp_path / "a course"
    first.mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, first)
    (first / "python").write_text(PRETENDED)
    (first / "python").chmod(0o755)
    assert did(first) == ["venv", "pip"] and did(first) == []
    assert did(first, "pyproject.toml") == [], "what only looks newer asks for no network"
    (first / "requirements.txt").write_text("torch")
    assert did(first, "requirements.txt") == ["pip"]
    moved = first.rename(tmp_path / "course")
    assert did(moved) == ["venv", "pip"], "scripts and the editable install still point to the old place"
    assert did(moved) == []


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert named_targets(script) == {"test"} and os.access(ROOT / ".ci/run", os.X_OK)
    named = named_targets((ROOT / "README.md").read_text("utf-8"))
    assert not named or "test" in named


def test_forks_run_the_same_script_on_the_oldest_and_newest_python():
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))
    job = workflow["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["strategy"]["matrix"]["python"] == ["3.10", "3.13"]
    assert PROJECT["project"]["requires-python"] == ">=3.10,<3.14"


def test_the_oldest_versions_are_asked_for_in_one_install():
    """A second one would be free to replace them."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))
    [install] = [step["run"] for step in workflow["jobs"]["oldest"]["steps"] if "pip install" in step.get("run", "")]
    assert install.count("pip install") == 1 and "typer>=0.15.2,<0.16" in install and '-e ".[dev]"' in install


def test_the_build_asks_for_the_same_tools_as_those_who_develop():
    asked = {Requirement(line) for line in PROJECT["build-system"]["requires"]}
    assert asked <= set(EXTRAS["dev"])
    assert Requirement("hatchling>=1.27") in asked                            # reads a list of licence files


def test_the_weekly_run_kills_twenty_times_and_can_be_repeated():
    workflow = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text("utf-8"))
    step = workflow["jobs"]["kills"]["steps"][-1]
    assert step["run"] == "python -m pytest tests/test_kills.py"
    assert step["env"] == {"FERCOURSE_KILLS": 20, "FERCOURSE_KILLS_DRAW": "${{ inputs.draw }}"}
    assert {"schedule", "workflow_dispatch"} == workflow[True].keys()         # YAML reads `on` as true


def test_every_week_peers_are_compared_with_and_an_older_torch_is_left_alone():
    jobs = yaml.safe_load((ROOT / ".github/workflows/weekly.yml").read_text("utf-8"))["jobs"]
    install, test = [step["run"] for step in jobs["peers"]["steps"] if "run" in step]
    assert '-e ".[dev,bench]"' in install and test == "python -m pytest tests/bench"
    step = jobs["older-torch"]["steps"][-1]
    assert step == {"run": "python -m pytest tests/course/test_colab.py", "env": {"FERCOURSE_COLAB_TEST": 1}}


def test_hooks_need_no_network():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert {repo["repo"] for repo in repos} == {"local"}
    assert {hook["language"] for repo in repos for hook in repo["hooks"]} == {"system"}


# ---------------------------------------------------------------------- nothing about our machines

@pytest.mark.parametrize("text", ["see /" + "tmp/x.png", "open('/" + "home/me')", "C:" + r"\Users\me"])
def test_machine_paths_are_recognised(text):
    assert MACHINES.search(text)


@pytest.mark.parametrize("text", ["data/home/x", "https://x.org/work/1", "~/opt/x", "/content/drive"])
def test_other_paths_are_not(text):
    assert not MACHINES.search(text)


def test_no_committed_text_names_a_machine_or_a_registry():
    found = {path: hit[0] for path, text in tracked().items() if (hit := MACHINES.search(text))}
    assert found == {}
