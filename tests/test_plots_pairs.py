"""Pictures of contrast: the cells and arrows that are drawn are those of the masks and gradients."""

import numpy as np
import torch

from fercourse import plots
from fercourse.losses.contrastive import Pairs

WORDS = ["happiness", "happiness", "sadness"] * 2
FACES, LABELS = torch.arange(3).repeat(2), torch.tensor([0, 0, 1] * 2)


def test_cells_of_the_masks():
    figure = plots.pair_masks({rule: Pairs(LABELS, FACES, rule).masks() for rule in ("supcon", "wsc")}, WORDS)
    cells = [np.asarray(axes.collections[0].get_array()).reshape(6, 6) for axes in figure.axes]
    assert cells[0][0].tolist() == [3, 0, 1, 0, 0, 1] and cells[1][0].tolist() == [3, 2, 1, 0, 2, 1]
    assert "wsc: 6 cells attract, 16 repel" in figure.alt


def test_marked_views_are_framed():
    axes, = plots.pair_masks({"wsc": Pairs(LABELS, FACES, "wsc").masks()}, WORDS, marked=[4]).axes
    frames = [(frame.get_xy(), frame.get_width(), frame.get_height()) for frame in axes.patches]
    assert frames == [((-0.5, 3.5), 6, 1), ((3.5, -0.5), 1, 6)]


def test_arrows_go_against_the_gradient_on_one_scale():
    points = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    slopes = {"one": torch.tensor([[0.0, 1], [0, 0], [0, 0]]), "two": torch.tensor([[0.0, 2], [0, 0], [0, 0]])}
    figure = plots.pulls(points, slopes, ["fear", "fear", "anger"], captions="abc")
    arrows = [axes.collections[-1] for axes in figure.axes]
    assert arrows[0].V[0] < 0 and np.isclose(arrows[1].V[0], 2 * arrows[0].V[0])
    assert figure.pixels(40).std() > 0


def legend_of(figure, word):
    return next(one for legend in figure.legends for one, text in zip(legend.legend_handles, legend.texts)
                if text.get_text() == word)


def test_classes_are_told_by_shape_and_by_a_legend():
    mask = Pairs(LABELS, FACES, "wsc").masks()
    edges = [tuple(one.get_facecolor()[0]) for one in plots.pair_masks({"wsc": mask}, WORDS).axes[0].collections[1:]]
    shapes = [len(one.get_paths()[0].vertices) for one
              in plots.pair_masks({"wsc": mask}, ["fear", "fear", "surprise"] * 2).axes[0].collections[1:]]
    assert len(edges) == 6 and len(set(edges)) == 2 and shapes[0] == shapes[1] != shapes[2]
    for figure in (plots.pair_masks({"wsc": mask}, WORDS),
                   plots.pulls(torch.eye(2).repeat(3, 1), {"wsc": torch.ones(6, 2)}, WORDS)):
        assert legend_of(figure, "happiness").get_marker() != legend_of(figure, "sadness").get_marker()


def test_equal_words_have_one_look_though_they_are_no_emotions():
    mask = Pairs(LABELS, FACES, "wsc").masks()
    edges = plots.pair_masks({"wsc": mask}, ["red", "red", "blue"] * 2).axes[0].collections[1:]
    colours = [tuple(one.get_facecolor()[0]) for one in edges]
    assert colours[0] == colours[1] == colours[3] != colours[2] == colours[5]
