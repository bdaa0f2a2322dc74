"""The expected calibration error, by hand and as another package has it."""

import pytest
import torch

from fercourse.evaluate import calibration


def test_calibration_error_by_hand():
    # two faces at 0.57, one right; two at 0.95, both right: (2 |0.57 - 0.5| + 2 |0.95 - 1|) / 4 = 0.06
    sure = torch.tensor([0.57, 0.57, 0.95, 0.95, 0.9])
    probabilities = torch.stack([sure, 1 - sure], 1)
    truth = torch.tensor([0, 1, 0, 0, -1])
    count, _, _, error = calibration(probabilities, truth, 10)
    assert error == pytest.approx(0.06)
    assert count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]                 # (0.5, 0.6] and (0.9, 1]


def test_calibration_agrees_with_torchmetrics():
    from torchmetrics.functional.classification import multiclass_calibration_error
    draw = torch.Generator().manual_seed(0)
    probabilities = (2 * torch.randn(500, 7, generator=draw)).softmax(1)
    truth = torch.randint(7, (500,), generator=draw)
    theirs = multiclass_calibration_error(probabilities, truth, 7, n_bins=15)
    assert calibration(probabilities, truth)[3] == pytest.approx(float(theirs), abs=1e-6)
