"""The README tells what is there: its numbers are those of results/, its links lead somewhere."""

import json
import re
from pathlib import Path

import pytest

from fercourse.course.notebooks import badge, sources
from fercourse.studies import table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DIGITS = "zero one two three four five six".split()
WHOLE = {"60 minutes": "60", "two hours": "120", "two and a half hours": "150"}


def test_the_results_table_is_the_one_of_the_results_files():
    shown = README.split(table.BEGIN)[1].split(table.END)[0].strip()
    assert shown == table.results_table(ROOT / "results").strip()


def test_the_comparison_is_the_one_of_the_results_files():
    shown = README.split(table.COMPARED_BEGIN)[1].split(table.COMPARED_END)[0].strip()
    assert shown == table.comparison_table(ROOT / "results").strip()
    assert shown.startswith("| accuracy, % | right labels |")


def test_the_speed_table_is_the_one_of_the_benchmarks():
    shown = README.split(table.SPEED_BEGIN)[1].split(table.SPEED_END)[0].strip()
    assert shown == table.speed_table(ROOT / "results").strip()


def test_every_results_file_names_its_making():
    for path in (ROOT / "results").glob("*.json"):
        content = json.loads(path.read_text())
        counted = "rule" in content and content["sources"]            # counts of published votes: no machine matters
        parts = content.values() if path.name.startswith("bench-") else [content]      # each comparison by itself
        assert counted or all(part["hardware"]["cores"] and part["versions"]["torch"] for part in parts), path


@pytest.mark.parametrize("page", ["README.md", "data/README.md", "LICENSES.md"])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_the_table_of_lessons_has_their_minutes_and_badges(source):
    [row] = [line for line in README.splitlines() if line.startswith(f"| {source.stem[:2]} | ")]
    whole, code = re.search(r"# About ([\w ]+?)(?: with the|,).*?code runs in ([\w ]+) minutes", source.read_text(),
                            re.DOTALL).groups()
    digits = re.sub("|".join(DIGITS), lambda word: str(DIGITS.index(word[0])), code)
    opened = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({badge(source)})"
    assert row.split(" | ")[3:] == [WHOLE[whole], digits, f"{opened} |"]


def test_the_plain_commands_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    for target in ("run", "test", "lab"):
        recipe = re.search(rf"^{target}: env.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1]
        for command in re.findall(r"\$\(BIN\)/(python -m .*)", recipe):
            assert f"`{' '.join(command.split())}`" in README, command


def test_a_rewritten_table_follows_the_results(tmp_path):
    run = {"arm": "wild", "seed": 0, "metrics": {"wild_accuracy": .5}, "commit": "abcdef123456"}
    content = {"summary": {"wild": {m: {"mean": .5, "sd": .01, "n": 3} for m in
                                    ("wild_accuracy", "identity_probe", "identity_chance")},
                           "lab": {m: {"mean": .9, "sd": None, "n": 1} for m in ("lab_accuracy", "wild_accuracy")}},
               "runs": [run], "hardware": {"cores": 2, "processor": "x", "gpu": None},
               "config": {"name": "cpu", "size": 48, "epochs": 3}}
    (tmp_path / "faces-synthfaces-cpu.json").write_text(json.dumps(content))
    page = tmp_path / "README.md"
    page.write_text(f"a\n{table.BEGIN}\nold\n{table.END}\nb\n")
    assert table.rewrite(page, tmp_path) and not table.rewrite(page, tmp_path)
    assert "| 50.0 ± 1.0 | 3 | cpu, 48 px, 3 epochs | 2 x cores | abcdef1 |" in page.read_text()
