"""The study of wrong labels: what it counts, and that it runs."""

import torch

from fercourse import studies
from fercourse.faces import FaceSet
from fercourse.studies.noise import by_heart
from tests.toy import CLASSES


def test_wrong_labels_are_counted_apart():
    faces = FaceSet(torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 2, 3, 0]), CLASSES, torch.arange(5))
    noisy = faces.relabel([1, 2, 3, 0, 0])                       # the first four are wrong
    told = by_heart(noisy, torch.tensor([1, 2, 3, 3, 1]))        # repeats three, sees through the fourth
    assert told == {"memorised": 0.75, "seen_through": 0.25}
    assert by_heart(faces, faces.labels) == {}


def test_it_runs_and_is_resumed(tmp_path):
    record = studies.run("noise", scale="smoke", seeds=1, out=tmp_path)
    found = record.summary()
    assert list(found) == ["clean, none", "noisy, none", "clean, weak", "noisy, weak"]
    assert {"accuracy", "fitted", "memorised", "seen_through"} <= found["noisy, none"].keys()
    assert "memorised" not in found["clean, none"]
    runs = studies.run("noise", scale="smoke", seeds=1, out=tmp_path).runs
    assert [run["seconds"] for run in runs] == [run["seconds"] for run in record.runs]
