"""Temperature scaling: what is known is found again."""

import pytest
import torch
import torch.nn.functional as F

from fercourse.errors import InputError
from fercourse.evaluate import fit_temperature


@pytest.mark.parametrize("wanted", [0.5, 1.0, 3.0])
def test_finds_the_temperature_that_the_labels_were_drawn_with(wanted):
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 5, generator=draw) * 3
    labels = torch.multinomial((logits / wanted).softmax(1), 1, generator=draw)[:, 0]
    assert fit_temperature(logits, labels) == pytest.approx(wanted, rel=0.05)


def test_is_the_minimum_and_leaves_unknown_labels_out():
    logits, labels = torch.tensor([[2.0, 0], [0, 2], [2, 0], [9, 0]]), torch.tensor([0, 1, 1, -1])
    best = fit_temperature(logits, labels)
    # Two right, one wrong, each by a margin of 2: sigmoid(2 / T) = 2 / 3.
    assert best == pytest.approx(2 / torch.tensor(2.0).log().item(), rel=1e-4)
    loss = lambda t: F.cross_entropy(logits[:3] / t, labels[:3])                 # noqa: E731
    assert loss(best) < min(loss(best * 1.01), loss(best / 1.01))


def test_needs_a_label():
    with pytest.raises(InputError, match="none of the faces has a label"):
        fit_temperature(torch.zeros(2, 3), torch.tensor([-1, -1]))
