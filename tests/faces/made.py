"""Small sets of faces for tests: every column filled, nothing rendered."""

import torch

from fercourse.faces import SEVEN, FaceSet

PEOPLE = 10


def faces(count=70, size=4, seed=0, **changes):
    """Make a FaceSet of random pixels that knows everything; classes, people and tones are spread evenly."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.arange(count)
    known = dict(
        images=torch.randint(0, 256, (count, 3, size, size), generator=draw, dtype=torch.uint8),
        labels=rows % len(SEVEN), classes=SEVEN, ids=1000 + rows, name="made:train",
        votes=torch.randint(1, 5, (count, len(SEVEN)), generator=draw).float(),
        valence_arousal=torch.rand(count, 2, generator=draw) * 2 - 1,
        identity=rows % PEOPLE, landmarks=torch.rand(count, 5, 2, generator=draw) * size,
        visible=torch.ones(count, 5, dtype=torch.bool), domain=rows % 2,
        attributes={"age": torch.rand(count, generator=draw) * 60 + 15,
                    "gender": torch.randint(0, 2, (count,), generator=draw),
                    "skin_tone": torch.randint(1, 11, (count,), generator=draw)},
        names={"domain": ("lab", "wild"), "gender": ("man", "woman")},
        files=tuple(f"{row}.png" for row in range(count)),
    )
    return FaceSet(**{**known, **changes})


def same(one, other):
    """Tell whether two sets hold the same columns, files and classes."""
    columns, others = one.columns(), other.columns()
    if columns.keys() != others.keys() or (one.files, one.classes) != (other.files, other.classes):
        return False
    return all(torch.allclose(columns[name].double(), others[name].double(), 0, 0, equal_nan=True)
               for name in columns)
