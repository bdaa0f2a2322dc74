"""HNCL: its queue, its neighbours, what it remembers, and that two processes keep one queue."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from fercourse import distributed, fit
from fercourse.errors import InputError
from fercourse.losses.neighbour_contrast import neighbour_contrast
from fercourse.methods import Batch
from fercourse.models.landmarks import Landmarks
from tests.toy import Stop, stopping, toy_faces, toy_method
from tests.twice import twice

QUICK = {"quiet": True, "device": "cpu"}


def drawn_landmarks(faces):
    """Return landmarks of which class c opens its mouth by c, in another place and size for every face."""
    base = torch.randn(68, 2, generator=torch.Generator().manual_seed(5)) + torch.tensor([0.0, 0.0])
    points = base.repeat(len(faces), 1, 1)
    points[:, 55:60, 1] += faces.labels[:, None].float()
    spread = torch.rand(len(faces), 1, 3, generator=torch.Generator().manual_seed(6))
    return points * (0.5 + spread[..., :1]) * 10 + 20 * spread[..., 1:]


def ready(faces=40, rows=None, **hyper):
    """Return faces with landmarks and a method whose queue holds keys of `rows`."""
    faces = toy_faces(faces, 16, landmarks=drawn_landmarks(toy_faces(faces, 16)))
    method = toy_method(faces, "hncl", **{"detector": "given", "queue": 10, "count": 2, **hyper})
    method.setup(faces)
    if rows is not None:
        method.memory["rows"] = torch.tensor([*rows, *[-1] * (10 - len(rows))])
        method.memory["queue"] = F.normalize(torch.randn(10, 128, generator=torch.Generator().manual_seed(0)), dim=1)
    return faces, method


def key(count):
    return F.normalize(torch.randn(count, 128, generator=torch.Generator().manual_seed(1)), dim=1)


def test_heatmap_neighbours_are_the_nearest_descriptors_and_never_oneself():
    _, method = ready(rows=range(10))
    index = torch.tensor([3, 20])
    neighbours, negatives = method.choose(index, key(2))
    told = method.memory["descriptors"]
    for row, face in enumerate(index.tolist()):
        likeness = [(float(told[face] @ told[other]), other) for other in range(10) if other != face]
        chosen = [float(told[face] @ told[other]) for other in neighbours[row].nonzero().flatten()]
        assert sorted(chosen) == pytest.approx(sorted(v for v, _ in likeness)[-2:], abs=1e-6)
    assert not (neighbours & negatives).any()
    assert not neighbours[0, 3] and not negatives[0, 3]                   # its own earlier key is neither
    assert negatives.sum(1).tolist() == [7, 8]


def test_a_face_that_stands_in_two_rows_is_neither_its_own_neighbour_nor_its_negative():
    faces, _ = ready()
    method = toy_method(faces, "hncl", detector="given", queue=10, count=2)
    method.setup(faces[torch.tensor([*range(10), *range(30)])])               # rows 10 to 19 are 0 to 9 again
    method.memory["rows"] = torch.arange(10)
    neighbours, negatives = method.choose(torch.tensor([13, 25]), key(2))
    assert not neighbours[0, 3] and not negatives[0, 3]
    assert neighbours.sum(1).tolist() == [2, 2] and negatives.sum(1).tolist() == [7, 8]


@pytest.mark.parametrize("source, expected", [("none", 0), ("random", 2), ("embedding", 2), ("class", 2)])
def test_other_sources(source, expected):
    faces, method = ready(rows=range(10), neighbours=source)
    index = torch.tensor([30, 31, 32])
    neighbours, _ = method.choose(index, key(3))
    assert neighbours.sum(1).tolist() == [expected] * 3
    if source == "class":
        chosen = [faces.labels[row.nonzero().flatten()] for row in neighbours]
        assert all((labels == faces.labels[i]).all() for labels, i in zip(chosen, index))
    if source == "embedding":
        assert neighbours.equal(torch.zeros_like(neighbours).scatter(
            1, (key(3) @ method.memory["queue"].T).topk(2).indices, True))


def test_faces_without_a_label_are_nobodys_class():
    _, method = ready(rows=range(10), neighbours="class")
    method.memory["labels"][:] = -1
    assert not method.choose(torch.tensor([30]), key(1))[0].any()


def test_other_people_only():
    _, method = ready(rows=range(10), apart=True)                     # four faces a person: 0 1 2 3 are one
    neighbours, negatives = method.choose(torch.tensor([0, 1, 2]), key(3))
    assert not neighbours[:, :4].any() and neighbours.sum(1).tolist() == [2, 2, 2]
    assert negatives[:, :4].sum(1).tolist() == [3, 3, 3]              # of the same person, but not the same picture


@pytest.mark.parametrize("identity", [None, torch.arange(40)])
def test_pictures_of_one_video_are_neither_neighbours_nor_negatives_of_each_other(identity):
    faces = toy_faces(40, 16, identity=identity, landmarks=drawn_landmarks(toy_faces(40, 16)),
                      attributes={"group": torch.tensor([7, 7, 7, 7, *[-1] * 36])})
    method = toy_method(faces, "hncl", detector="given", queue=10, count=8, apart=True)
    method.setup(faces)
    method.memory["rows"] = torch.arange(10)
    near = method._likeness
    method._likeness = lambda *asked: near(*asked) + 10 * (torch.arange(10) < 4)          # the video is most like
    neighbours, negatives = method.choose(torch.tensor([0, 20]), key(2))
    assert neighbours.sum(1).tolist() == [2, 2] and not neighbours[0, :4].any() and neighbours[1, :4].any()
    assert not negatives[0, :4].any() and negatives[0].sum() == 4 and negatives[1].sum() == 8


@pytest.mark.parametrize("identity", [None, torch.full((40,), -1)])
def test_nothing_can_be_apart_where_neither_people_nor_groups_are_known(identity):
    faces = toy_faces(40, 16, identity=identity)
    toy_method(faces, "hncl", neighbours="random").setup(faces)
    with pytest.raises(InputError, match="toy knows neither people nor groups"):
        toy_method(faces, "hncl", neighbours="random", apart=True).setup(faces)


def test_what_a_small_set_leaves_of_the_settings_is_told():
    _, method = ready(8, neighbours="random", count=3)                # a quarter of the set, and a quarter of that
    assert method.start_epoch(0, None) == {"queue": 2, "neighbours": 1}
    _, method = ready(40, neighbours="random")
    assert method.start_epoch(0, None) == {}
    _, method = ready(8, neighbours="none", count=3)
    assert method.start_epoch(0, None) == {"queue": 2}


def test_a_queue_with_fewer_keys_than_neighbours():
    _, method = ready(rows=[5])
    neighbours, negatives = method.choose(torch.tensor([1, 5]), key(2))
    assert neighbours.sum(1).tolist() == [1, 0] and negatives.sum() == 0
    faces, method = ready(8)                                          # a queue of a quarter: shorter than count
    assert len(method.memory["rows"]) == 2
    fit(method, faces, epochs=1, batch_size=4, **QUICK)


def test_faces_without_landmarks_have_no_neighbours_and_are_told():
    faces = toy_faces(40, 16)
    points = drawn_landmarks(faces)
    points[:10] = torch.nan
    faces = toy_faces(40, 16, landmarks=points)
    method = toy_method(faces, "hncl", detector="given", queue=10, count=2)
    method.setup(faces)
    assert float(method.start_epoch(0, None)["without_landmarks"]) == pytest.approx(0.25)
    method.memory["rows"] = torch.arange(5, 15)                           # five keys without, five with
    neighbours, negatives = method.choose(torch.tensor([2, 30]), key(2))
    assert neighbours.sum(1).tolist() == [0, 2] and not neighbours[1, :5].any() and negatives[0].sum() == 10


def test_the_queue_forgets_the_oldest():
    _, method = ready()
    for start, count in ((0, 4), (4, 4), (8, 4), (12, 4)):
        method.fresh = key(count) * (start + 1), torch.arange(start, start + count)
        method.after_step()
    assert method.memory["rows"].tolist() == [10, 11, 12, 13, 14, 15, 6, 7, 8, 9]
    assert method.memory["next"] == 6
    norms = method.memory["queue"].norm(dim=1).round().int()
    assert norms.tolist() == [9, 9, 13, 13, 13, 13, 5, 5, 9, 9]


def test_a_batch_larger_than_the_queue():
    _, method = ready()
    method.fresh = key(13), torch.arange(13)
    method.after_step()
    assert sorted(method.memory["rows"].tolist()) == list(range(3, 13))


def test_the_key_encoder_follows():
    _, method = ready(key_decay=0.75)
    pairs = [(method.projector[0].weight, method.key_projector[0].weight),
             (method.backbone.trunk.conv1[0].weight, method.key_backbone.trunk.conv1[0].weight)]
    before = [kept.clone() for _, kept in pairs]
    with torch.no_grad():
        for own, _ in pairs:
            own += 1
    method.fresh = key(1), torch.zeros(1, dtype=torch.int64)
    method.after_step()
    for (_, kept), old in zip(pairs, before):
        torch.testing.assert_close(kept, old + 0.25)
    assert not any(p.requires_grad for part in (method.key_backbone, method.key_projector) for p in part.parameters())


def test_one_view_is_the_query_and_the_key_encoder_sees_the_other():
    _, method = ready(rows=range(10), temperature=0.5)
    method.eval()
    with torch.no_grad():
        method.key_projector[-1].weight *= 3
    index, views = torch.tensor([20, 21]), torch.randn(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = method(Batch(index, views), 1.0)
    query = method.projector(method.backbone.features(views[0]))
    wanted = F.normalize(method.key_projector(method.key_backbone.features(views[1])), dim=1)
    torch.testing.assert_close(method.fresh[0], wanted)
    own, near = neighbour_contrast(query, wanted, method.memory["queue"], *method.choose(index, wanted), 0.5)
    torch.testing.assert_close((found["own"], found["near"]), (own, near))


def test_landmarks_that_are_not_to_be_trusted_find_no_neighbours(monkeypatch):
    faces = toy_faces(12, 16, landmarks=drawn_landmarks(toy_faces(12, 16)))
    there = torch.arange(12) >= 3
    monkeypatch.setattr("fercourse.models.descriptor.find_landmarks", lambda images, detector, device: Landmarks(
        faces.column("landmarks"), torch.ones(12, 68), there))
    covered = replace(faces, visible=there[:, None].expand(12, 68))
    for detector, seen in (("embedded", faces), ("given", covered)):
        method = toy_method(seen, "hncl", detector=detector)
        method.setup(seen)
        assert torch.equal(method.memory["descriptors"].any(1), there)


def test_neighbours_begin_after_a_while():
    _, method = ready(rows=range(10), begin=0.5)
    batch = Batch(torch.tensor([20, 21]), torch.randn(2, 2, 3, 16, 16))
    for progress, counted in ((0.4, 0.0), (0.5, 5.0)):
        losses = method(batch, progress)
        torch.testing.assert_close(losses["total"], losses["own"] + counted * losses["near"])
        assert losses["near"] > 0


def test_a_run_that_stopped_ends_like_one_that_did_not(tmp_path):
    faces = toy_faces(48, 16)
    faces = toy_faces(48, 16, landmarks=drawn_landmarks(faces))
    def method():
        return toy_method(faces, "hncl", detector="given", queue=10)
    settings = dict(epochs=2, batch_size=8, save_every=4, **QUICK)
    whole = method()
    fit(whole, faces, out=tmp_path / "whole", **settings)
    with pytest.raises(Stop):
        fit(stopping(method(), 10), faces, out=tmp_path / "cut", **settings)
    again = method()
    fit(again, faces, out=tmp_path / "cut", resume=True, **settings)      # from step 8, in the second epoch
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    for name in ("queue", "rows", "next"):
        assert torch.equal(torch.as_tensor(whole.memory[name]), torch.as_tensor(again.memory[name])), name


def one_step():
    """Return the queue after a step on eight faces, four a process if there are two, and the loss's gradient."""
    torch.manual_seed(0)
    _, method = ready(rows=range(10), neighbours="class")
    method.hyper.count = 9
    method.backbone = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 64))
    method.backbone.features = method.backbone.forward
    method.projector = torch.nn.Linear(64, 128)
    method.key_backbone, method.key_projector = method.backbone, method.projector
    index, views = torch.arange(20, 28), torch.randn(2, 8, 3, 16, 16)
    mine = distributed.share(torch.arange(8))
    method(Batch(index[mine], views[:, mine]), 1.0)["total"].backward()
    method.key_backbone, method.key_projector = torch.nn.Identity(), torch.nn.Identity()
    slope = distributed.gather(method.projector.weight.grad[None]).mean(0)
    method.backbone, method.projector = torch.nn.Identity(), torch.nn.Identity()
    method.after_step()
    return method.memory["queue"], method.memory["rows"], slope


def test_two_processes_share_one_queue_and_one_gradient():
    alone, both = one_step(), twice(one_step)
    for queue, rows, slope in both:
        torch.testing.assert_close(queue, alone[0])
        assert rows.equal(alone[1]) and rows.tolist() == [20, 21, 22, 23, 24, 25, 26, 27, 8, 9]
        assert (slope - alone[2]).norm() <= 1e-5 * alone[2].norm()


def test_somebody_is_left_to_be_told_from_however_small_the_set():
    _, method = ready(rows=range(10), count=20)
    neighbours, negatives = method.choose(torch.tensor([30]), key(1))
    assert neighbours.sum() == 2 and negatives.sum() == 8


@pytest.mark.parametrize("source", ["heatmap", "embedding"])
def test_half_precision_chooses_the_same_neighbours(source):
    _, method = ready(400, neighbours=source, queue=100, count=5)
    method.memory |= {"rows": torch.arange(100), "queue": F.normalize(torch.ones(100, 128) + 0.2 * torch.randn(
        100, 128, generator=torch.Generator().manual_seed(0)), dim=1)}
    index, chosen = torch.arange(200, 232), []
    method.choose, choose = (lambda *given: chosen.append(choose(*given)) or chosen[-1]), method.choose
    with torch.autocast("cpu", torch.bfloat16):
        method(Batch(index, torch.randn(2, 32, 3, 16, 16), None, {}, None), 1.0)
    assert chosen[0][0].equal(choose(index, method.fresh[0])[0])


@pytest.mark.parametrize(("count", "groups"), [(7, 3), (64, 22)])
def test_every_shuffled_part_has_two_faces(count, groups):
    _, method = ready(key_groups=groups)
    sizes, features = [], method.key_backbone.features
    method.key_backbone.features = lambda images: sizes.append(len(images)) or features(images)
    assert len(method._keys(torch.randn(count, 3, 16, 16))) == count
    assert len(sizes) == groups and min(sizes) >= 2


def test_shuffled_parts_of_a_batch_keep_their_places_and_have_figures_of_their_own():
    _, method = ready(key_groups=2)
    images = torch.randn(8, 3, 16, 16)
    method.hyper.key_groups = 1
    whole = method._keys(images)
    method.hyper.key_groups = 2
    assert not torch.allclose(method._keys(images), whole, atol=1e-3)
    method.eval()
    torch.testing.assert_close(method._keys(images), method.key_projector(method.key_backbone.features(images)))


def test_who_finds_landmarks_is_checked_at_once():
    with pytest.raises(InputError, match="detector is 'foo'; expected one of embedded, face-alignment, given"):
        toy_method(toy_faces(8, 16), "hncl", detector="foo")
