"""Splits for sets that bring none: fixed, disjoint by person, clip or file, whatever the order on disk."""

import hashlib

import numpy as np

TEST_SHARE, VAL_SHARE = 5, 10                     # a fifth of all groups, then a tenth of those that are left


def deal(name, split, keys, by="person, clip or file"):
    """Complete the splits of a set.

    Args:
        name: the set; part of the hash, so that sets do not share their luck.
        split: [N] official words, empty where there is none.
        keys: [N] person, clip or file of each row; equal keys stay together.
        by: what the keys are, in words.

    Returns:
        [N] words, and sentences that say what was dealt.
    """
    split, keys, notes = np.array(split, dtype=object), np.array(keys, dtype=object), []
    open_rows = split == ""
    if open_rows.any():
        split[open_rows] = "train"
        split[open_rows & held_out(name, keys, open_rows, TEST_SHARE)] = "test"
        notes.append(f"no official splits: test is a fixed fifth, disjoint by {by}")
    if "val" not in split and "train" in split:
        split[held_out(name, keys, split == "train", VAL_SHARE)] = "val"
        notes.append(f"no official validation part: val is a fixed tenth of train, disjoint by {by}")
    return split.astype(str), notes


def crossing(split, identity, names):
    """Return a sentence, if any, on people [N], -1 for nobody known, who are in several parts by a set's own splits."""
    if identity is None:
        return []
    known, part = identity >= 0, np.unique(split, return_inverse=True)[1]
    people, parts = np.unique(np.unique(np.stack([identity, part])[:, known], axis=1)[0], return_counts=True)
    several = people[parts > 1].tolist()
    return [f"{len(several):,} of {len(people):,} people are in more than one part, such as "
            f"{names[several[0]] if names else several[0]}; a network may know them again, so that scores are too good "
            "for strangers"] if several else []


def held_out(name, keys, among, part: int):
    """Return which rows belong to the fixed 1/part of the keys among some rows (at least one key of two)."""
    words = sorted(set(keys[among]), key=lambda key: hashlib.sha1(f"{name}:{key}".encode()).digest())
    count = max(1, round(len(words) / part)) if len(words) > 1 else 0
    chosen = set(words[:count])
    return among & np.array([key in chosen for key in keys], dtype=bool)
