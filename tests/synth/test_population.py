"""A population on disk: the same bytes for the same seed, whatever the workers and interruptions."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fercourse.errors import InputError
from fercourse.synth import Population, population_file, render_face, row_picture, write_population
from fercourse.synth.people import draw_person
from fercourse.synth.picture import render
from fercourse.synth.shots import Light, Shot, draw_shot

pytest.importorskip("embreex")
SMALL = Population(people=4, per_person=3, size=24)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("faces") / "faces.parquet"
    return out, write_population(SMALL, out, workers=1, progress=False)


def test_workers_and_interruptions_do_not_change_a_byte(made, tmp_path, monkeypatch):
    out, _ = made
    again = tmp_path / "again.parquet"
    whole = population_file._render_person

    def stop_at_two(plan, parts, number):
        if number == 2:
            raise KeyboardInterrupt
        whole(plan, parts, number)

    monkeypatch.setattr(population_file, "_render_person", stop_at_two)
    with pytest.raises(KeyboardInterrupt):
        write_population(SMALL, again, workers=1, progress=False)
    assert not again.exists()
    monkeypatch.undo()
    write_population(SMALL, again, workers=2, progress=False)
    assert again.read_bytes() == out.read_bytes()
    assert not (tmp_path / "again.parquet.parts").exists()


def test_of_two_processes_one_renders_and_the_other_takes_its_file(made, tmp_path, monkeypatch):
    _, manifest = made
    again, rendered, reached = tmp_path / "new" / "faces.parquet", [], threading.Event()
    render_all = population_file._render_all

    def slowly(*given):
        rendered.append(given)
        reached.set()
        time.sleep(0.5)
        render_all(*given)
    monkeypatch.setattr(population_file, "_render_all", slowly)
    told = []
    write = lambda: told.append(write_population(SMALL, again, workers=1, progress=False))        # noqa: E731
    first = threading.Thread(target=write)
    first.start()
    reached.wait(60)
    write()
    first.join(60)
    assert len(rendered) == 1 and told[0] == told[1] and told[0]["sha256"] == manifest["sha256"]
    assert sorted(file.name for file in again.parent.iterdir()) == ["faces.json", "faces.parquet"]
    write()
    assert len(rendered) == 2, "asked for again, it is made again"


def test_parts_of_another_plan_are_refused(tmp_path):
    parts = tmp_path / "x.parquet.parts"
    population_file._open_parts(parts, SMALL)
    with pytest.raises(InputError, match="another plan"):
        population_file._open_parts(parts, Population(people=4, per_person=3, size=32))


def test_one_row_again_alone(made):
    out, _ = made
    row = pd.read_parquet(out).iloc[7]
    _, shot, picture = row_picture(SMALL, int(row.person), int(row.shot))
    assert shot.word == row.label and shot.domain == row.domain
    assert shot.valence_arousal == pytest.approx((row.valence, row.arousal), abs=1e-3)
    assert np.allclose(picture.landmarks.ravel(), row.landmarks.astype(np.float32), atol=0.05)
    again = row_picture(SMALL, int(row.person), int(row.shot))[2]
    assert np.array_equal(picture.image, again.image)


def test_manifest_and_splits(made):
    out, manifest = made
    frame = pd.read_parquet(out)
    assert manifest["faces"] == len(frame) == 12 and frame.id.is_unique
    assert frame.groupby("person").split.nunique().max() == 1
    assert list(frame.split.drop_duplicates()) == [s for s in ("train", "val", "test") if s in set(frame.split)]


def test_bad_plans_are_refused():
    with pytest.raises(InputError, match="people is 0"):
        Population(people=0)
    with pytest.raises(InputError, match="size is 4"):
        Population(size=4)
    with pytest.raises(InputError, match="seed is -1; expected 0 to"):
        Population(seed=-1)


def test_wanted_fields_hold_and_unwanted_vary():
    people = [draw_person(n, age=70, tone=9) for n in range(5)]
    assert {p.age for p in people} == {70} and {p.tone for p in people} == {9}
    assert len({p.hair for p in people} | {p.seed for p in people}) > 5
    assert draw_person(3).shape == draw_person(3).shape != draw_person(4).shape


def test_landmarks_lie_where_the_face_is_and_covered_ones_are_not_visible():
    person = draw_person(5)
    clear = render(person, Shot(), 64)
    assert clear.visible[27:].all()
    left, right = clear.landmarks[36:42].mean(0), clear.landmarks[42:48].mean(0)
    assert left[0] < 32 < right[0] and abs(left[1] - right[1]) < 3
    assert clear.landmarks[48:].mean(0)[1] > left[1] + 15
    dark = render(person, Shot(occluder="sunglasses"), 64)
    assert dark.visible[36:48].sum() < 4 and dark.visible[48:].all()
    turned = render(person, Shot(yaw=60), 64)
    assert turned.visible.sum() < 60


def test_light_moves_the_shadow():
    person = draw_person(5)
    left, right = (render(person, Shot(light=Light(direction=(x, 0.3, 0.5))), 32).image.astype(int) for x in (-1, 1))
    assert left[:, :16].mean() > left[:, 16:].mean() and right[:, 16:].mean() > right[:, :16].mean()


def test_wild_shots_vary_and_lab_shots_are_calm():
    person = draw_person(8)
    wild, lab = ([draw_shot(person, n, domain, "fear") for n in range(40)] for domain in ("wild", "lab"))
    assert np.std([s.yaw for s in wild]) > 3 * np.std([s.yaw for s in lab])
    assert {s.occluder for s in lab} == {"none"} and len({s.occluder for s in wild}) > 1
    assert any(s.blend for s in wild) and not any(s.blend for s in lab)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    """Or they would wait for ever, and write into the folder of whoever renders again."""
    command = [sys.executable, "-m", "fercourse", "render", "--out", str(tmp_path / "a.parquet"), "--people", "60",
               "--size", "16", "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        until(lambda: list(tmp_path.glob("a.parquet.parts/*.parquet")))
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert len(workers) == 2
    until(lambda: not any(alive(pid) for pid in workers))


def alive(pid):
    """Return whether a process runs; one that ended and that nobody asked about counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(happened, seconds=60):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("wrong, said", [
    (dict(occluder="hat"), "occluder 'hat' is unknown; expected one of none, glasses"),
    (dict(engine="lamp"), "engine 'lamp' is unknown; expected auto, embree or zbuffer"),
    (dict(size=0), "size is 0; expected 16 to 1024"), (dict(person=-1), "person is -1; expected 0 or more"),
    (dict(units={"mouthSmile": float("nan")}), "mouthSmile is nan; expected a finite number"),
    (dict(yaw=float("inf")), "yaw is inf; expected a finite number")])
def test_a_face_that_cannot_be_rendered_is_told(wrong, said):
    with pytest.raises(InputError, match=said):
        render_face(**wrong)


def test_a_face_is_drawn_from_named_units():
    smile, rest = (render_face(units, person=7, yaw=15, size=32) for units in ({"mouthSmile": 0.8}, {}))
    assert smile.shape == (32, 32, 3) and smile.dtype == np.uint8 and (smile != rest).any()


def test_a_face_takes_little_computing():
    """0.15 s of CPU time for 128 pixels is what is wanted; a slow machine may take four times as long."""
    def seconds(person):
        begin = time.process_time()
        render_face(expression_word="happiness", person=person)
        return time.process_time() - begin
    render_face()                                             # the head is loaded once
    assert min(seconds(person) for person in range(5)) < 4 * 0.15
