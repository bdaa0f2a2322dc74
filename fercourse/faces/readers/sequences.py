"""Sequences that begin neutral and end at the peak of an expression."""

from pathlib import Path


def by_folder(files) -> dict[Path, list[str]]:
    """Return folder -> its frames, in order."""
    sequences = {}
    for file in files:
        sequences.setdefault(Path(file).parent, []).append(file)
    return sequences


def add_sequence(found, frames, label, last, neutral, person, group):
    """Take the last frames under the label and, if wanted and left over, the first one as neutral."""
    first = frames[:1] if neutral and len(frames) > last else []
    for file in first:
        found.add(file, "neutral", person=person, group=group)
    for file in frames[len(first):][-last:]:
        found.add(file, label, person=person, group=group)
