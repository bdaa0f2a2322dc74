"""Install the course into a Colab runtime; run by a lesson's first cell. Standard library only.

What the runtime brings stays as it is, torch above all: only missing packages are installed, and the versions of
those that are there are handed to pip as constraints, so that it stops rather than change one. The course itself comes
last, so that a run after one that failed installs the rest, and any later run nothing.
"""

import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNUSED = {"jupyterlab", "jupytext"}                                 # of no use on Colab
NOT_HERE = {"torch", "torchvision"} | UNUSED                        # torch is Colab's own
BESIDES = ["embreex>=2.17.7"]                                       # sliders in lesson 00


def missing(requirements: list[str], installed: dict[str, str]) -> list[str]:
    """Return the requirements whose package is not installed, those that Colab must bring itself left out."""
    names = {line: re.split(r"[<>=!~\[; ]", line.strip())[0].lower() for line in requirements}
    return [line for line, name in names.items()
            if name and not name.startswith("#") and name not in NOT_HERE and name not in installed]


def installed() -> dict[str, str]:
    """Return every installed package with its version; of two, that of the first, which Python imports."""
    found = {}
    for one in metadata.distributions():
        if one.metadata["Name"]:
            found.setdefault(one.metadata["Name"].lower(), one.version)
    return found


def main():
    """Install what is missing, then the course itself, without its requirements, where it is not yet there."""
    here = installed()
    wanted = missing((ROOT / "requirements.txt").read_text("utf-8").splitlines() + BESIDES, here)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as folder:
        fixed = Path(folder) / "constraints.txt"
        fixed.write_text("".join(f"{name}=={version}\n" for name, version in here.items()), "utf-8")
        if wanted:
            subprocess.run([*pip, "--constraint", str(fixed), *wanted], check=True)
    if "fercourse" not in here:
        subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)


if __name__ == "__main__":
    main()
