"""Data and trainings on a drive that outlives the runtime, such as Google's on Colab: `drive.use()`."""

import os
from pathlib import Path

from ..errors import InputError

MOUNT = Path("/content/drive")
PLACE = MOUNT / "MyDrive" / "fercourse"
NO_LINKS = 1314                                              # Windows: a privilege that is not held


def use(folder: Path | str | None = None) -> Path:
    """Look for data sets in `folder/data`, and keep what is written to `runs/` in `folder/runs`; say so.

    Args:
        folder: on a drive that is mounted already; by default `fercourse` on the student's Google Drive, which
            Colab mounts here after asking.

    Raises:
        InputError: no folder is given outside Colab, it cannot be written, `runs` is a folder already, or Windows
            lets nobody make links.
    """
    place = Path(_mounted() if folder is None else folder).absolute()
    runs = Path("runs")
    try:
        for name in ("data", "runs"):
            (place / name).mkdir(parents=True, exist_ok=True)
        if runs.is_symlink():
            runs.unlink()
        runs.symlink_to(place / "runs", target_is_directory=True)
    except FileExistsError:
        raise InputError(f"{runs.absolute()} holds trainings already; move them to {place / 'runs'}, delete the "
                         "folder, and call this again") from None
    except OSError as error:
        if getattr(error, "winerror", None) == NO_LINKS:
            raise InputError(f"{runs.absolute()} cannot become a link to {place / 'runs'}: Windows makes links only in "
                             "developer mode; switch it on in the settings, or do without the link: train with "
                             f"fit(out=…) and a folder in {place / 'runs'}, and set FERCOURSE_DATA to {place / 'data'}"
                             ) from error
        raise InputError(f"{place} cannot be used: {error}; expected a folder of a mounted drive") from error
    os.environ["FERCOURSE_DATA"] = str(place / "data")
    print(f"Sets of faces are looked for in {place / 'data'}; runs/ is {place / 'runs'}. "
          "After a disconnect, call this again, and fc.fit with resume=True.\n"
          "Keep only sets there whose terms allow it, and do not share the folder.")
    return place


def _mounted():
    """Mount Google Drive and return the course's place on it."""
    try:
        from google.colab import drive
    except ImportError:
        raise InputError("Google Drive can be mounted only on Colab; here, name a folder: drive.use('/media/stick')"
                         ) from None
    drive.mount(str(MOUNT))
    return PLACE
