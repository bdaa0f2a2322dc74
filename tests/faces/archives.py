"""Small archives, honest and hostile, and what they leave in a folder."""

import io
import tarfile
import zipfile

import numpy as np

NOISE = np.random.default_rng(0).integers(0, 256, 100_000, dtype=np.uint8).tobytes()
LEGEND = b"user.id,image,emotion\n628,a_0001.jpg,anger\n"


def tar(members, mode="w:gz"):
    """Return a tar of (name or TarInfo, bytes) pairs."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if content is not None:
                info.size = len(content)
            archive.addfile(info, None if content is None else io.BytesIO(content))
    return stream.getvalue()


def zipped(members):
    """Return a zip of (name or ZipInfo, bytes) pairs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def sealed(content):
    """Return a tar whose first header has the checksum that belongs to it."""
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


def negative():
    """Return a tar whose member has a negative size (it once led tarfile round and round)."""
    content = bytearray(tar([("a", b"x")], "w"))
    content[124:136] = (-512 & (1 << 96) - 1 | 0xff << 88).to_bytes(12, "big")
    return sealed(content)


MUXSPACE = [("top/data/legend.csv", LEGEND), ("top/images/a_0001.jpg", NOISE), ("top/LICENSE", b"Apache")]
ARCHIVE = tar(MUXSPACE)


def left(folder):
    return sorted(path.name for path in folder.iterdir())
