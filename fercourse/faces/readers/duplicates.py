"""Near-duplicates: the same photograph twice, re-encoded or cropped a pixel apart."""

import hashlib

import numpy as np

# Grey levels, root mean square over 8x8 thumbnails. On FER2013, samples of the pairs that appear between 8 and
# 10 are all one photograph; from 12 on some are not, and at 15 strangers chain into groups of a hundred.
TOLERANCE = 10.0


def near_duplicates(pixels, tolerance=TOLERANCE):
    """Return the group of each image: images that look alike, directly or through others, share one.

    Two images are alike if their 8x8 thumbnails (block means) differ by at most `tolerance` grey levels,
    root mean square. That bounds the difference of their mean brightness as well, so that sorting by
    brightness leaves few pairs to compare and misses none.

    Args:
        pixels: uint8 [N, H, W], H and W multiples of 8.

    Returns:
        int64 [N] group numbers, in the order of their first member.
    """
    small = _thumbnails(pixels)
    order = np.argsort(small.mean(1), kind="stable")
    small, level = small[order], small.mean(1)[order]
    square = (small ** 2).sum(1)
    group = np.arange(len(small))
    for start in range(0, len(small), 512):
        stop = min(start + 512, len(small))
        end = np.searchsorted(level, level[stop - 1] + tolerance, side="right")
        gap = square[start:stop, None] + square[None, start:end] - 2 * small[start:stop] @ small[start:end].T
        a, b = np.nonzero(gap <= small.shape[1] * tolerance ** 2 + 1e-3)
        group = _joined(group, order[a + start], order[b + start])       # all pairs of a set of blanks fill the memory
    _, where, number = np.unique(group, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(where)).astype(np.int64)[number]


def _thumbnails(pixels, size=8):
    count, height, width = pixels.shape
    blocks = pixels.reshape(count, size, height // size, size, width // size)
    small = blocks.mean((2, 4), dtype=np.float32).reshape(count, size * size)
    return small - 128                            # centred: keeps float32 exact enough in the products above


def _joined(group, first, second):
    """Return the groups once those of images that are alike are one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    apart = group[first] != group[second]
    first, second = group[first[apart]], group[second[apart]]
    links = coo_matrix((np.ones(len(first), dtype=bool), (first, second)), shape=(len(group),) * 2)
    return connected_components(links, directed=False)[1][group]


def digests(pixels):
    """Return the SHA-1 of each image's bytes: equal only for exact copies."""
    return np.array([hashlib.sha1(image.tobytes()).hexdigest() for image in pixels], dtype=object)


def group_keys(group, digest):
    """Return the smallest digest of each image's group: a name for the group that no row order changes."""
    order = np.lexsort((digest, group))
    _, where = np.unique(group[order], return_index=True)
    return digest[order][where][group]
