"""Sequences that begin neutral and end at the peak of an expression."""

import re
from pathlib import Path

from .common import option

FRAME = re.compile(r"(.*?)(\d+)(\.\w+)")


def by_folder(files) -> dict[Path, list[str]]:
    """Return folder -> its frames, in order."""
    sequences = {}
    for file in files:
        sequences.setdefault(Path(file).parent, []).append(file)
    return sequences


def check_options(name, last, neutral):
    """Raise InputError for options that no sequence can be read by."""
    option(f"{name}: last", last, 1)
    option(f"{name}: neutral", neutral)


def with_lost(frames):
    """Return the frames of a sequence and those that its numbers pass over: lost ones, whose place no other takes.

    Where more than half as many are passed over as are there, the numbers count something else than frames.
    """
    parts = [FRAME.fullmatch(file) for file in frames]
    if not all(parts) or len({(part[1], len(part[2]), part[3]) for part in parts}) != 1:
        return frames
    numbers, (before, digits, after) = [int(part[2]) for part in parts], parts[0].groups()
    every = range(min(numbers), max(numbers) + 1)
    if len(every) - len(numbers) > len(numbers) / 2:
        return frames
    return [f"{before}{number:0{len(digits)}}{after}" for number in every]


def begun_late(sequences, begin):
    """Yield a note where frames before a sequence's first one are lost, so that a later one stands for neutral."""
    firsts = [(frames[0], FRAME.fullmatch(frames[0])) for frames in sequences]
    late = [file for file, parts in firsts if parts and int(parts[2]) > begin]
    if late:
        yield (f"{len(late):,} sequences lack frame {begin}, and the first that is there counts as neutral, such as "
               f"{late[0]}")


def add_sequence(found, frames, label, last, neutral, person, group):
    """Take the last frames under the label and, if wanted and left over, the first one as neutral."""
    frames = with_lost(frames)
    first = frames[:1] if neutral and len(frames) > last else []
    for file in first:
        found.add(file, "neutral", person=person, group=group)
    for file in frames[len(first):][-last:]:
        found.add(file, label, person=person, group=group)
