"""What a newcomer waits for is measured line by line, as the Makefile writes the lines."""

import re
from pathlib import Path

import pytest

from fercourse import bench
from fercourse.bench import starting

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_the_lines_are_those_of_make_run():
    lines = re.sub(r"\\\n\s*", "", MAKEFILE.read_text())
    for line in (starting.TRAIN.format(epochs=16), starting.DRAW):
        assert f"-m fercourse {line}\n" in lines


@pytest.fixture
def runs(monkeypatch):
    """Note the commands instead of running them; the clock goes on by the number of runs so far."""
    noted = []

    def run(command, cwd, env):
        noted.append((command[-1] if command[0] == "-c" else " ".join(command[2:]),
                      Path(env["FERCOURSE_CACHE"]).relative_to(cwd).name))

    monkeypatch.setattr(starting, "_run", run)
    monkeypatch.setattr(bench.time, "perf_counter", lambda: len(noted) * (len(noted) + 1) / 2)
    return noted


def test_a_newcomers_faces_are_decoded_once_and_opened_again(runs, tmp_path):
    found = bench.run(["first-picture"], "smoke", tmp_path)["first-picture"]
    assert runs == [(starting.OURS, "cache0"), (starting.OURS, "cache0"), (starting.FACES, "cache0"),
                    (starting.FACES, "cache1"), (starting.FACES, "cache0"), (starting.FACES, "cache0"),
                    (f"{starting.TRAIN.format(epochs=1)} --device cpu", "cache0"),
                    (f"{starting.DRAW} --device cpu", "cache0")]
    assert [row["seconds"] for row in found["rows"]] == [1.5, 3.5, 5.5, 7, 8]
    assert found["epochs"] == 1 and (tmp_path / "bench-smoke.json").is_file()


def test_the_code_runs():
    for code in (starting.OURS, starting.FACES):
        exec(compile(code, "code", "exec"), {})
