"""`fercourse course doctor`: look at Python, PyTorch, the device, memory, data and versions, and tell what to do."""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..errors import InputError, brief, with_extra
from .colab import UNUSED

RIGHT, MIND, WRONG = "right", "mind", "wrong"
GIB = 2**30
MEMORY, DISK = 6, 2                                          # GiB that the lessons want


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is right, mind (slower or less) or wrong (the lessons cannot run)."""

    what: str
    state: str
    found: str
    fix: str = ""


def examine() -> list[Finding]:
    """Look at everything; a look that fails is itself a finding."""
    findings = []
    for look in (course, python, packages, torch, device, memory, disk, cache, data, weights, kernel, grading):
        try:
            findings.append(look())
        except Exception as error:                           # a broken package may raise anything
            findings.append(Finding(look.__name__, WRONG, f"{type(error).__name__}: {error}",
                                    "install the course anew: pip install -e ."))
    return findings


def report(findings) -> str:
    """Return the findings as lines, each with its fix below."""
    lines = []
    for one in findings:
        lines.append(f"{one.state:6} {one.what:9} {one.found}")
        lines += [f"{'':17}-> {one.fix}"] if one.fix else []
    wrong = sum(one.state == WRONG for one in findings)
    return "\n".join([*lines, "the lessons can run" if not wrong else f"{wrong} to put right first"])


def course() -> Finding:
    """Tell which version of the course is asked, as Colab always fetches the newest."""
    from .. import __version__
    from ..provenance import commit
    made = f", commit {found}" if (found := commit()) else ""
    return Finding("course", RIGHT, f"fercourse {__version__}{made}, in {Path(__file__).parents[1]}")


def python(version=sys.version_info) -> Finding:
    """Look at the version of Python."""
    found = ".".join(map(str, version[:3]))
    if (3, 10) <= version[:2] < (3, 14):
        return Finding("python", RIGHT, f"{found}, {sys.executable}")
    return Finding("python", WRONG, found, "use Python 3.10 to 3.13, for example: make env PYTHON=python3.12")


def packages(requirements=None, installed=metadata.version) -> Finding:
    """Look whether everything the course requires is there, in a version that fits."""
    from packaging.requirements import Requirement
    wanted = [Requirement(line) for line in (metadata.requires("fercourse") if requirements is None else requirements)]
    wrong, useless = [], UNUSED if _there("google-colab", installed) else ()
    for one in wanted:
        if (one.marker and not one.marker.evaluate({"extra": ""})) or one.name in useless:
            continue
        try:
            found = installed(one.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{one.name} is missing")
            continue
        if not one.specifier.contains(found, prereleases=True):
            wrong.append(f"{one.name} is {found}, not {one.specifier}")
    if wrong:
        return Finding("packages", WRONG, "; ".join(wrong), "pip install -r requirements.txt (Colab: the first cell)")
    if apart := _apart(installed):
        return Finding("packages", WRONG, apart, "pip install -U umap-learn")
    return Finding("packages", RIGHT, "all that are required, in versions that fit")


def _apart(installed):
    """Return what two packages of which each fits have against each other: umap-learn passes an argument that went."""
    from packaging.version import Version
    if not (_there("umap-learn", installed) and _there("scikit-learn", installed)):
        return ""
    umap, sklearn = installed("umap-learn"), installed("scikit-learn")
    if Version(umap) >= Version("0.5.8") or Version(sklearn) < Version("1.8"):
        return ""
    return f"umap-learn {umap} fails with scikit-learn {sklearn}, which needs umap-learn 0.5.8 or newer"


def _there(name, installed):
    try:
        return bool(installed(name))
    except metadata.PackageNotFoundError:
        return False


def torch() -> Finding:
    """Look whether PyTorch and torchvision load and belong together."""
    import torch
    import torchvision
    try:
        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except RuntimeError:
        return Finding("torch", WRONG, f"torch {torch.__version__}, torchvision {torchvision.__version__}: no pair",
                       "install both in one command: pip install --upgrade torch torchvision")
    return Finding("torch", RIGHT, f"{torch.__version__}, torchvision {torchvision.__version__}")


def device(which=shutil.which) -> Finding:
    """Look whether there is a GPU, and whether PyTorch sees it."""
    import torch

    from ..device import pick_device
    found = pick_device().type
    if found == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        return Finding("device", RIGHT, f"{torch.cuda.get_device_name(0)}, {total / GIB:.0f} GiB")
    if which("nvidia-smi"):
        return Finding("device", MIND, f"{found}: a GPU is there, but PyTorch does not see it",
                       "install a PyTorch made for CUDA, or bring the driver up to date; the lessons run without")
    if "google.colab" in sys.modules or Path("/content").is_dir():
        return Finding("device", MIND, found, "Runtime > Change runtime type > T4 GPU; the lessons run without")
    return Finding("device", RIGHT, f"{found}: the lessons take their small sizes" if found == "cpu" else found)


def memory(total: int | None = None) -> Finding:
    """Look how much main memory there is."""
    import psutil
    total = psutil.virtual_memory().total if total is None else total
    if total < MEMORY * GIB:
        return Finding("memory", MIND, f"{total / GIB:.1f} GiB, {MEMORY} are better",
                       "close other notebooks; restart the kernel between lessons")
    return Finding("memory", RIGHT, f"{total / GIB:.1f} GiB")


def disk(free: int | None = None) -> Finding:
    """Look at the space left, and whether this folder can be written to."""
    free = shutil.disk_usage(Path()).free if free is None else free
    if not os.access(Path(), os.W_OK):
        return Finding("disk", WRONG, f"{Path().resolve()} cannot be written to", "start in a folder of your own")
    if free < DISK * GIB:
        return Finding("disk", MIND, f"{free / GIB:.1f} GiB free", f"make room: runs and caches take up to {DISK} GiB")
    return Finding("disk", RIGHT, f"{free / GIB:.1f} GiB free")


def cache(free: int | None = None) -> Finding:
    """Look whether decoded faces can be kept between runs, by writing a byte there, and at the space left."""
    from ..faces.cache import folder
    place, fix = folder(), "set FERCOURSE_CACHE to a folder of your own with room; the lessons run without, but slower"
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"1")
        free = shutil.disk_usage(place).free if free is None else free
    except OSError as error:                                 # of flushing, too: a full disk
        return Finding("cache", MIND, f"{place} cannot be written to ({brief(error)})", fix)
    if free < DISK * GIB:
        return Finding("cache", MIND, f"{place}, {free / GIB:.1f} GiB free", f"make room there, or {fix}")
    return Finding("cache", RIGHT, f"{place}, {free / GIB:.1f} GiB free")


def data() -> Finding:
    """Look whether the synthetic faces are there, whole, and can be read."""
    from ..faces import load_faces
    from ..faces.manifest import verify
    from ..faces.synthfaces import pack_path
    try:
        verify(pack_path())
        count = len(load_faces("synthfaces", split="test"))
    except (InputError, OSError) as error:
        return Finding("data", WRONG, str(error), "fetch the course again: git checkout -- data, or install it anew")
    return Finding("data", RIGHT, f"synthetic faces, {count} to test on")


def weights(folder=Path(__file__).parents[1] / "weights") -> Finding:
    """Look whether the networks that come with the course are the ones their manifests name."""
    import json

    from ..files import sha256
    bad = []
    for manifest in sorted(folder.glob("*.json")):
        file = manifest.with_suffix(".safetensors")
        wanted = json.loads(manifest.read_text("utf-8")).get("sha256")
        if not file.is_file() or (wanted and sha256(file) != wanted):
            bad.append(file.name)
    if bad:
        return Finding("weights", WRONG, f"{', '.join(bad)} missing or spoilt",
                       "fetch the course again: git checkout -- fercourse/weights, or install it anew")
    return Finding("weights", RIGHT, "the networks that come with the course are whole")


def kernel() -> Finding:
    """Look whether notebooks will run in this Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return Finding("kernel", WRONG, "Jupyter has no Python kernel", "python -m ipykernel install --sys-prefix")
    found = shutil.which(command) or command
    if Path(command).is_absolute() and Path(found).parent.resolve() != Path(sys.executable).parent.resolve():
        return Finding("kernel", MIND, f"notebooks run in {found}, not in {sys.executable}",
                       "python -m ipykernel install --sys-prefix, with the Python of the course")
    return Finding("kernel", RIGHT, "notebooks run in this Python")


def grading(installed=metadata.version, shut_in: bool | None = None) -> Finding:
    """Look whether those who teach could grade here, and whether submissions can be shut in."""
    from .sandbox import walled
    if not _there("nbgrader", installed):
        return Finding("grading", RIGHT, "not set up, which only those who teach need: "
                       f"{with_extra('instructor')}")
    if not (walled() if shut_in is None else shut_in):
        return Finding("grading", MIND, "nbgrader is there; submissions cannot be shut in here",
                       "to grade, use a machine or container you can throw away")
    return Finding("grading", RIGHT, "nbgrader is there, and submissions can be shut in")
