"""Both ray-casting engines see the same geometry."""

import numpy as np
import pytest

from fercourse.synth.head import PIVOT, head
from fercourse.synth.people import draw_person
from fercourse.synth.picture import _rays, align, geometry, head_vertices, render
from fercourse.synth.raycast import ZBufferScene, scene
from fercourse.synth.shots import Lens, draw_shot

TRIANGLE = np.float32([[-1, -1, 0], [1, -1, 0], [0, 1, 0]])


def grid(side, distance=10.0, frame=(1 + 0j, 0j)):
    return _rays(frame, side, distance)


def test_zbuffer_on_one_triangle_by_hand():
    rays = grid(4)
    hits = ZBufferScene(TRIANGLE, np.array([[0, 1, 2]])).cast([0, 0, 10], rays)
    seen = (hits.triangle >= 0).reshape(4, 4)
    # pixel centres at ±.25 and ±.75; the triangle is |x| <= (1 - y) / 2
    expected = np.array([[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [1, 1, 1, 1]], bool)
    assert np.array_equal(seen, expected)
    centre = hits.distance.reshape(4, 4)[1, 1]
    assert centre == pytest.approx(np.sqrt(100 + 0.25**2 + 0.25**2), rel=1e-6)


def test_nearer_triangle_wins():
    both = np.concatenate([TRIANGLE, TRIANGLE + [0, 0, 1]])
    hits = ZBufferScene(both, np.array([[0, 1, 2], [3, 4, 5]])).cast([0, 0, 10], grid(8))
    assert set(hits.triangle.tolist()) <= {-1, 1, 0} and (hits.triangle == 1).sum() > 10
    assert not (hits.triangle[27:29] == 0).any()


@pytest.mark.parametrize("yaw", [0, 35])
def test_geometry_buffers_agree_between_engines(yaw):
    """Stated tolerance: same triangle on 99.5 % of rays, and there depth within 1e-3 dm, template point within 2e-3."""
    pytest.importorskip("embreex")
    from fercourse.synth.picture import rotation

    model, person = head(), draw_person(3)
    turn = rotation(yaw, 5, 3)
    posed = np.float32((head_vertices(person, {"jawOpen": 0.5}) - PIVOT) @ turn.T)
    frame = align(model, np.float32((head_vertices(person, {}) - PIVOT) @ turn.T), Lens())
    rays, eye = grid(96, 9.0, frame), np.float32([0, 0, 9])
    fast, slow = (geometry(model, person, posed, [], [], eye, rays, engine)[0] for engine in ("embree", "zbuffer"))
    same = fast.hits.triangle == slow.hits.triangle
    assert same.mean() > 0.995
    met = same & (fast.hits.triangle >= 0)
    assert np.abs(fast.hits.distance[met] - slow.hits.distance[met]).max() < 1e-3
    common = np.intersect1d(fast.rows, slow.rows)
    a, b = (buffer.template[np.searchsorted(buffer.rows, common)] for buffer in (fast, slow))
    close = np.abs(a - b).max(1) < 2e-3
    assert close.mean() > 0.995


def test_pictures_are_made_without_embree():
    person = draw_person(1)
    picture = render(person, draw_shot(person, 0, "lab", "surprise"), 32, engine="zbuffer")
    assert picture.image.shape == (32, 32, 3) and picture.image.std() > 20


def test_embree_blocks_light():
    pytest.importorskip("embreex")
    world = scene(TRIANGLE, np.array([[0, 1, 2]]), "embree")
    below = np.float32([[0, 0, -1], [5, 5, -1]])
    up = np.float32([[0, 0, 1], [0, 0, 1]])
    assert world.blocked(below, up).tolist() == [True, False]
    assert world.blocked(below, up, reach=0.5).tolist() == [False, False]
