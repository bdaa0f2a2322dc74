"""Sets of drawn faces for tests of pictures: discs whose grey says which face it is."""

import torch

from fercourse.faces import EMOTIONS, FaceSet


def drawn_faces(count=40, size=16, classes=EMOTIONS, people=5, seed=0, **known) -> FaceSet:
    """Return `count` faces with labels, people, ages and the rest; `known` replaces or removes (None) fields.

    Face i is a disc of the grey 5 i mod 256 on a blue ground.
    """
    draw = torch.Generator().manual_seed(seed)
    x = torch.linspace(-1, 1, size)
    disc = (x[:, None] ** 2 + x ** 2) < 0.8
    images = torch.tensor([0, 0, 200], dtype=torch.uint8)[:, None, None].repeat(count, 1, size, size)
    for i in range(count):
        images[i, :, disc] = 5 * i % 256
    labels = torch.arange(count) % len(classes)
    facts = {"true_labels": labels.clone(), "identity": torch.randint(people, (count,), generator=draw),
             "domain": torch.arange(count) % 2, "valence_arousal": torch.rand(count, 2, generator=draw) * 2 - 1,
             "votes": torch.nn.functional.one_hot(labels, len(classes)).float() * 10,
             "attributes": {"age": 20 + 50 * torch.rand(count, generator=draw),
                            "gender": torch.arange(count) % 2},
             "names": {"domain": ("lab", "wild"), "gender": ("woman", "man")}}
    return FaceSet(images, labels, classes, torch.arange(100, 100 + count), name="drawn", **(facts | known))
