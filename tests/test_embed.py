"""Projections, neighbours and class activation maps against values known by hand."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from fercourse import embed, methods
from fercourse.augment import normalise
from fercourse.cli.train import METHODS
from fercourse.errors import InputError

from .drawn import drawn_faces
from .toy import fitted, toy_faces


def clusters(count=60, shift=6.0, seed=0):
    """Return features [3 * count, 5] in three well separated groups."""
    rng = np.random.default_rng(seed)
    centres = shift * np.eye(3, 5)
    return torch.tensor((centres[:, None] + rng.normal(size=(3, count, 5))).reshape(-1, 5)).float()


def test_pca_finds_the_axis_of_points_on_a_line():
    line = torch.tensor([-2.0, -1.0, 0.0, 3.0])
    points = embed.pca(line[:, None] * torch.tensor([0.6, 0.8, 0.0]))
    assert torch.allclose(points[:, 0], line, atol=1e-6)
    assert torch.allclose(points[:, 1], torch.zeros(4), atol=1e-6)


def test_a_projection_leaves_the_number_of_threads_alone():
    """Other work shares the cores where somebody asked for one thread; a fresh process, for umap wakes them once."""
    asked = ("import torch; from fercourse import embed; embed.project(torch.randn(60, 5)); "
             "print(torch.get_num_threads())")
    told = subprocess.run([sys.executable, "-c", asked], env=os.environ | {"OMP_NUM_THREADS": "1"}, text=True,
                          capture_output=True, check=True).stdout
    assert told.strip() == "1"


@pytest.mark.parametrize(("writable", "set_before", "given"), [
    ({"__pycache__"}, False, False), ({"numba"}, False, False), (set(), True, False), (set(), False, True)])
def test_umaps_compiler_gets_a_folder_where_it_may_write_to_none(writable, set_before, given, tmp_path, monkeypatch):
    environment = {"NUMBA_CACHE_DIR": "mine"} if set_before else {}
    monkeypatch.setattr(embed.os, "environ", environment)
    monkeypatch.setattr(embed.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(embed, "_writable", lambda folder: folder.name in writable)
    embed._place_for_compiled()
    assert [str(made) for made in tmp_path.iterdir()] == ([environment["NUMBA_CACHE_DIR"]] if given else [])
    assert set_before or ("NUMBA_CACHE_DIR" in environment) == given


def test_a_folder_that_is_not_there_is_as_writable_as_what_it_would_be_made_in(tmp_path, monkeypatch):
    assert embed._writable(tmp_path / "new" / "deep") and not any(tmp_path.iterdir())
    access = os.access
    monkeypatch.setattr(embed.os, "access", lambda path, mode: mode == os.F_OK and access(path, mode))
    assert not embed._writable(tmp_path / "new")


def test_pca_agrees_with_scikit_learn():
    from sklearn.decomposition import PCA
    features = clusters()
    ours, theirs = embed.pca(features).numpy(), PCA(2).fit_transform(features.numpy())
    for axis in (0, 1):
        sign = np.sign((ours[:, axis] * theirs[:, axis]).sum())
        np.testing.assert_allclose(ours[:, axis], sign * theirs[:, axis], atol=1e-4)


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_projection_repeats_exactly_and_has_unit_size(method):
    features = clusters()
    first, again = embed.project(features, method, seed=-3), embed.project(features, method, seed=-3)
    assert torch.equal(first, again)
    assert first.shape == (180, 2) and first.dtype == torch.float32
    assert first.square().sum(1).mean().sqrt().item() == pytest.approx(1, abs=1e-5)


def test_umap_keeps_groups_apart():
    points = embed.project(clusters()).reshape(3, 60, 2)
    centres = points.mean(1)
    within = (points - centres[:, None]).norm(dim=2).max()
    assert torch.pdist(centres).min() > 2 * within


@pytest.mark.parametrize("count", [1, 2, 3, 15, 16])
def test_few_points_are_projected(count):
    points = embed.project(torch.randn(count, 7, generator=torch.Generator().manual_seed(0)))
    assert points.shape == (count, 2) and points.isfinite().all()


def test_points_that_agree_and_one_column_are_projected():
    assert embed.project(torch.ones(5, 3), "pca").eq(0).all()
    assert embed.project(torch.arange(5.0)[:, None], "pca").shape == (5, 2)


def test_turning_onto_undoes_rotation_mirror_shift_and_scale():
    reference = embed.unit_size(torch.randn(40, 2, generator=torch.Generator().manual_seed(1)))
    angle = torch.tensor(2.1)
    turn = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([angle.sin(), -angle.cos()])])
    assert torch.allclose(embed.turn_onto(3 * reference @ turn + 5, reference), reference, atol=1e-5)


def moved(features, method, seed):
    """Return how far points move on average where the features only turn, as a share of the picture's width."""
    turned = features[:, [2, 0, 1, 4, 3]] * torch.tensor([1.0, -1, 1, -1, 1])
    first, second = embed.aligned_sequence([features, turned], method, seed)
    return float((first - second).norm(dim=1).mean() / torch.pdist(first).max())


def test_a_sequence_that_only_turns_stands_still():
    assert moved(clusters(20), "pca", 0) < 1e-4


def test_a_sequence_that_only_turns_moves_little_in_most_of_umaps_pictures():
    """A single seed tells nothing: in about one of four a group turns about itself, which UMAP leaves open."""
    assert np.median([moved(clusters(40), "umap", seed) for seed in range(5)]) < 0.15


def test_bad_input_is_named():
    with pytest.raises(InputError, match="face 2"):
        embed.project(torch.tensor([[0.0, 1], [1, 2], [torch.nan, 0]]))
    with pytest.raises(InputError, match="tsne"):
        embed.project(clusters(), "tsne")
    with pytest.raises(InputError, match="moment 1 has 3 faces"):
        embed.aligned_sequence([torch.eye(4), torch.eye(3)], "pca")


def test_gradcam_of_a_network_known_by_hand():
    maps = torch.tensor([[[[1.0, 0], [0, 2]], [[0, 3], [0, 1]]]])          # [1, 2, 2, 2]
    head = torch.tensor([[4.0, -8.0], [0.0, 4.0]])                       # logits = head @ mean(maps)

    def logits(m):
        return m.mean((2, 3)) @ head.T

    # d logit / d map = head / 4 everywhere, so the weights are (1, -2) for class 0 and (0, 1) for class 1
    zero = embed.gradcam(torch.zeros(1), lambda _: maps, logits, torch.tensor([0]))
    one = embed.gradcam(torch.zeros(1), lambda _: maps, logits, torch.tensor([1]))
    assert zero.tolist() == [[[1, 0], [0, 0]]]
    assert one.tolist() == [[[0, 3], [0, 1]]]
    predicted = embed.gradcam(torch.zeros(1), lambda _: maps, logits)       # mean maps (.75, 1): 4 > -5
    assert torch.equal(predicted, one)


def test_gradcam_by_place_is_zero_where_a_branch_cannot_look():
    """A branch that sees the top left 2 x 2 of 3 x 3 cells: the mean slope alone, 4 / 9, would light up all of them."""
    maps = torch.ones(1, 1, 3, 3)
    plain, by_place = (embed.gradcam(torch.zeros(1), lambda _: maps, lambda m: m[:, :, :2, :2].sum((2, 3)), by_place=by)
                       for by in (False, True))
    torch.testing.assert_close(plain, torch.full((1, 3, 3), 4 / 9))
    assert by_place.tolist() == [[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]


def test_gradcam_is_the_same_in_chunks_and_leaves_no_gradient():
    torch.manual_seed(0)
    body = torch.nn.Conv2d(3, 4, 3)
    head = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 3))
    images = torch.rand(5, 3, 8, 8)
    with torch.no_grad():
        whole, parts = (embed.gradcam(images, body, head, chunk=chunk) for chunk in (5, 2))
    assert whole.shape == (5, 6, 6)
    assert torch.allclose(whole, parts)
    assert body.weight.grad is None and head[2].weight.grad is None


def test_saliency_of_a_method_follows_its_own_decision():
    faces = drawn_faces(3, 32, classes=("neutral", "fear"))
    method = methods.create("baseline", faces).eval()
    maps = embed.saliency(method, faces.images, torch.tensor([1, 0, 1]))
    assert maps.shape[0] == 3 and maps.shape[1] > 1 and (maps >= 0).all()
    with torch.no_grad():
        method.head.weight[1] = -method.head.weight[0]
        features = method.backbone.maps(normalise(faces.images))
    for_it = (method.head.weight[0][:, None, None] * features).sum(1) / features[0, 0].numel()   # mean pooling
    first, second = (embed.saliency(method, faces.images, torch.full((3,), number)) for number in (0, 1))
    assert torch.allclose(first, for_it.relu(), atol=1e-5)
    assert torch.allclose(second, (-for_it).relu(), atol=1e-5)


@pytest.mark.parametrize("domain", ["source", "target"])
@pytest.mark.parametrize("name", [*METHODS, "dann"])
def test_saliency_explains_what_a_method_predicts(name, domain):
    method, images = fitted(name), toy_faces(6, seed=3).images
    method.domain = domain                                    # of DMSRL; no other method reads it
    torch.testing.assert_close(method.decide(method.embed_maps(method.maps(images))), method.predict(images))


def test_saliency_refuses_a_transformer():
    faces = drawn_faces(1, 32)
    method = methods.create("baseline", faces, backbone="vit_tiny_patch16_224")
    with pytest.raises(InputError, match="convolutional"):
        embed.saliency(method.eval(), faces.images)


def test_umap_is_asked_for_as_many_neighbours_as_were_wanted(monkeypatch):
    import umap
    asked = []

    class Umap:
        def __init__(self, n_neighbors, **_):
            asked.append(n_neighbors)

        def fit_transform(self, features):
            return features[:, :2]

    monkeypatch.setattr(umap, "UMAP", Umap)
    for count in (5, 30):
        embed.project(torch.randn(40, 6), neighbours=count)
    assert asked == [5, 30]
