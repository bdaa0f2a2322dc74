"""The descriptor of expressions: what it must not see, what it must, and heatmaps without heatmaps."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fercourse.errors import InputError
from fercourse.evaluate import nearest
from fercourse.faces import load_faces
from fercourse.models.descriptor import (
    KEPT,
    TWIN,
    Descriptor,
    embedded_descriptor,
    expressions,
    heatmap_likeness,
    lay_on,
)
from fercourse.models.landmarks import MIRRORED, find_landmarks, gaussian_heatmaps


@pytest.fixture(scope="module")
def faces():
    return load_faces("synthfaces", split="test", domain="wild").sample(600)


def moved(points, angle=0.0, scale=1.0, shift=(0.0, 0.0)):
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return scale * points @ turn + torch.tensor(shift)


@pytest.mark.parametrize("change", [{"shift": (9.0, -4.0)}, {"scale": 1.7}, {"angle": 0.6},
                                    {"angle": -2.0, "scale": 0.3, "shift": (100.0, 5.0)}])
def test_place_size_and_roll_do_not_count(faces, change):
    describe, seen = embedded_descriptor(), faces.visible.float()
    torch.testing.assert_close(describe(moved(faces.landmarks, **change), seen), describe(faces.landmarks, seen),
                               atol=2e-3, rtol=0)


def test_a_mirror_image_is_the_same_expression(faces):
    describe, seen = embedded_descriptor(), faces.visible.float()
    mirrored = (faces.landmarks * torch.tensor([-1, 1]))[:, MIRRORED]
    torch.testing.assert_close(describe(mirrored, seen[:, MIRRORED]), describe(faces.landmarks, seen), atol=2e-3,
                               rtol=0)


def test_expressions_count(faces):
    describe = embedded_descriptor()
    opened = faces.landmarks.clone()
    opened[:, 55:60, 1] += 5                                              # the lower lip
    told = describe(torch.cat([faces.landmarks, opened]), torch.ones(1200, 68))
    assert (told.norm(dim=1) - 1).abs().max() < 1e-5
    assert (told[:600] * told[600:]).sum(1).mean() < 0.75


def test_faces_without_landmarks_have_no_expression(faces):
    points, seen = faces.landmarks[:3].clone(), faces.visible[:3].float()
    points[0, 40], seen[1] = torch.nan, 0
    assert embedded_descriptor()(points, seen).norm(dim=1).round().tolist() == [0, 0, 1]


def test_a_covered_point_borrows_its_twins_place(faces):
    describe, points = embedded_descriptor(), faces.landmarks[:50].clone()
    half = torch.ones(50, 68)
    half[:, 17:22] = 0                                                    # one brow is covered and badly guessed
    points[:, 17:22] += 12
    plain = describe(faces.landmarks[:50], torch.ones(50, 68))
    borrowed, believed = ((describe(points, seen) * plain).sum(1).mean() for seen in (half, torch.ones(50, 68)))
    assert borrowed > 0.8 and borrowed > believed + 0.1


def test_laying_on_is_the_weighted_least_squares_solution():
    generator = torch.Generator().manual_seed(0)
    shape, mean = torch.randn(1, 7, 2, generator=generator), torch.randn(7, 2, generator=generator)
    weights = torch.rand(1, 7, generator=generator)
    laid = lay_on(shape, weights, mean)
    x, y = shape[0].unbind(1)
    one, zero = torch.ones(7), torch.zeros(7)
    rows = torch.cat([torch.stack([x, -y, one, zero], 1), torch.stack([y, x, zero, one], 1)])    # a, b, shift
    root = weights[0].sqrt().repeat(2)[:, None]
    solved = torch.linalg.lstsq(root * rows, root * mean.T.flatten()[:, None]).solution
    torch.testing.assert_close(laid[0].T.flatten(), (rows @ solved)[:, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(lay_on(mean[None], weights, mean)[0], mean)


def test_fitting_finds_what_people_and_poses_change():
    """Made-up faces: people differ in one direction, poses in another, expressions in a third."""
    faces = load_faces("synthfaces", split="train", domain="lab")
    base = faces.landmarks[:1].expand(400, -1, -1)
    draw = torch.Generator().manual_seed(0)
    people, pitch = torch.arange(400) // 8, 20 * torch.randn(400, generator=draw)
    mood, who = torch.randn(400, generator=draw), torch.randn(50, generator=draw)[people]
    points = base.clone()
    points[:, 31:36, 0] += who[:, None] * torch.tensor([-2, -1, 0, 1, 2])         # wide noses
    points[:, 27:31, 1] += 0.1 * pitch[:, None] * torch.tensor([0, 1, 2, 3.0])    # long noses
    points[:, 48:68, 1] += 1.5 * mood[:, None]                                    # low mouths
    told = Descriptor().fit(points, torch.ones(400, 68), people, torch.zeros(400), pitch)
    raw = Descriptor().fit(points, torch.ones(400, 68), people, torch.zeros(400), pitch)
    raw.unmix = torch.eye(102)
    def neighbours_differ(descriptor, value):
        _, rows = nearest(descriptor(points, torch.ones(400, 68)), count=5, query_groups=people)
        return (value[rows] - value[:, None]).abs().mean() / (value[:, None] - value).abs().mean()
    assert neighbours_differ(told, mood) < 0.75 * neighbours_differ(raw, mood)


def test_heatmaps_need_not_be_drawn():
    """Eq. (4.1): the cosine of drawn, stacked 64 x 64 Gaussians is the mean kernel of their centres."""
    points = 0.25 + 0.5 * torch.rand(12, 51, 2, generator=torch.Generator().manual_seed(0))
    drawn = F.normalize(gaussian_heatmaps(points, 64, 0.05).flatten(1), dim=1)
    torch.testing.assert_close(heatmap_likeness(points, points, 0.05), drawn @ drawn.T, atol=2e-3, rtol=0)
    with pytest.raises(InputError, match="51 and of 68 points"):
        heatmap_likeness(points, torch.zeros(1, 68, 2), 1)


def test_nearest_by_cosine_is_nearest_by_one_gaussian(faces):
    told = embedded_descriptor()(faces.landmarks, faces.visible.float())
    by_heat = (-torch.cdist(told, told).square() / (4 * 0.3**2)).exp().fill_diagonal_(-1).topk(3).values
    cosines, _ = nearest(told, count=3)
    torch.testing.assert_close(((cosines - 1) / (2 * 0.3**2)).exp(), by_heat, atol=1e-4, rtol=1e-3)


def test_neighbours_of_unseen_people_share_their_expression(faces):
    found = find_landmarks(faces.images)
    told = embedded_descriptor()(found.points, found.visible)
    _, rows = nearest(told, count=5, query_groups=faces.identity)
    assert (faces.labels[rows] == faces.labels[:, None]).float().mean() > 0.4         # chance is 0.14


def test_landmarks_that_are_not_the_68_and_unknown_detectors_are_refused(faces):
    few = replace(faces, landmarks=torch.zeros(len(faces), 5, 2), visible=None)
    with pytest.raises(InputError, match="has 5 landmarks a face; expected 68 points in the order of iBUG"):
        expressions(few, "given")
    with pytest.raises(InputError, match="'foo' is unknown; expected one of embedded, face-alignment, given"):
        expressions(faces, "foo")


def test_twins():
    assert TWIN[TWIN].equal(torch.arange(51)) and KEPT[TWIN[36 - 17]] == 45
