"""What numbers were made with: the machine, the versions of what they depend on, and the commit of this library."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scikit-learn", "umap-learn")


def hardware(device: str = "auto") -> dict:
    """Return what the numbers were made on, work on `device`, and by how many threads of the processor."""
    import torch

    from .device import pick_device
    kind = pick_device(device).type
    gpu = torch.cuda.get_device_name() if kind == "cuda" else "Apple GPU" if kind == "mps" else None
    return {"processor": platform.machine(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu,
            "system": platform.system()}


def versions() -> dict:
    """Return the versions of Python and of the packages that numbers depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def commit() -> str | None:
    """Return the commit of this checkout, with `+` where the library differs from it; None outside its own git."""
    here = Path(__file__).resolve().parent

    def git(*words):
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")    # installed below another repository, it is not that one's
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
