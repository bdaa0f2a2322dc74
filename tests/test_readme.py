"""The README tells what is there: its numbers are those of results/, its links lead somewhere."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from fercourse.course.notebooks import sources
from fercourse.faces import load_faces
from fercourse.studies import effects, embedding, picture, table
from fercourse.studies.effects import Effect
from fercourse.studies.record import Record, half_width, paired
from fercourse.studies.rows import SECTIONS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MINUTES = {"half a": 0.5, "one and a half": 1.5, "a minute and a half": 1.5, "two and a half": 2.5,
           "a minute": 1, "one": 1, "two": 2, "three": 3, "four": 4}


@pytest.mark.parametrize("page", table.PAGES)
def test_the_tables_are_those_of_the_results_files(page, tmp_path):
    text = (ROOT / page).read_text()
    copy = tmp_path / "copy.md"
    copy.write_text(text)
    assert not table.rewrite(copy, ROOT / "results"), f"{page}: run python -m fercourse.studies.table"
    shown = [name for name in table.TABLES if table.between(name)[0] in text]
    assert shown == {"README.md": ["glance"], "docs/scaling.md": ["growth"],
                     "docs/results.md": ["effects", "comparison", "results", "speed", "waits"]}[page]


def test_at_a_glance_every_lesson_has_its_rows():
    rows, whole = (fn(ROOT / "results").splitlines() for fn in (table.TABLES["glance"], table.effects_table))
    told = [tuple(row.split(" | ")[:2]) for row in rows[2:]]
    assert set(rows) <= set(whole) and len(told) == sum(map(len, effects.GLANCE.values()))
    assert {lesson[2:4] for lesson, _ in told} == set(effects.GLANCE) == {one.lesson[:2] for one in effects.EFFECTS}


def test_waits_are_told_with_their_machine(tmp_path):
    found = {"rows": [{"wait": "imports", "seconds": 2.44}], "commit": "a" * 12, "busy": False,
             "hardware": {"gpu": None, "cores": 2, "processor": "x86_64"}}
    (tmp_path / "bench-cpu.json").write_text(json.dumps({"first-picture": found}))
    assert table.waits_table(tmp_path).endswith("|\n| imports | 2.4 | 2 x86_64 cores | aaaaaaa |")


def test_an_arm_of_one_circumstance_leaves_the_others_open(tmp_path):
    content = json.loads((ROOT / "results" / "comparison-synthfaces-cpu.json").read_text())
    run = next(run for run in content["runs"] if run["arm"] == "right labels, baseline")
    content["runs"].append(run | {"arm": "right labels, sixth"})
    content["summary"]["right labels, sixth"] = content["summary"]["right labels, baseline"]
    (tmp_path / "comparison-synthfaces-cpu.json").write_text(json.dumps(content))
    [row] = [line for line in table.comparison_table(tmp_path).splitlines() if line.startswith("| sixth")]
    assert row.split(" | ")[2:5] == ["–", "–", "–"]


def test_an_effect_is_told_seed_by_seed_beside_its_yardsticks():
    [row] = [line for line in table.effects_table(ROOT / "results").splitlines() if "| lab to wild, mean" in line]
    content = json.loads((ROOT / "results" / "domains-lab-wild-cpu.json").read_text())
    gain = paired(content["runs"], "DMSRL", "source only, for longer", "macro_recall")
    cells = row.strip("| ").split(" | ")
    ends = [100 * (gain["mean"] + side * half_width(gain)) for side in (-1, 1)]
    assert cells[0] == "05 DMSRL" and cells[4] == f"{100 * gain['mean']:+.1f} ({ends[0]:+.1f} to {ends[1]:+.1f})"
    assert ends[0] < 0 < ends[1]                                       # though its ± is smaller than its mean
    again = content["summary"]["source only"]["recalibrated_macro_recall"]["mean"]
    assert cells[5].startswith(f"source only, recalibrated: {100 * again:.1f}")
    assert "; DANN: " in cells[5] and "; taught with the target's labels: " in cells[5]


def test_a_yardstick_of_fewer_seeds_says_so_and_one_that_was_not_run_is_no_hope():
    effect = Effect("09", "toy", "toy", "accuracy", ("off", "a"), ("on", "b"),
                    peers=(("peer", "c"),), hope=("hope", "d"))
    runs = [{"arm": arm, "seed": seed, "metrics": {"accuracy": value}}
            for arm, seed, value in (("a", 0, .5), ("a", 1, .6), ("b", 0, .6), ("b", 1, .8), ("c", 0, .55))]
    content = {"runs": runs, "summary": Record("", "", "", {}, runs).summary()}
    parts = effect.read(content)
    assert [part for part in parts if parts[part]] == ["without", "method", "peers"]
    assert effect.gain(content) == ("+15.0 (-48.5 to +78.5)", 2)
    [peer], [without] = parts["peers"], parts["without"]
    assert table._shown(*peer, 2) == "peer: 55.0 (1)" and table._shown(*without, 2).endswith("7.1")


def test_what_the_picture_shows_is_a_difference_seed_by_seed_of_peers_too():
    effect = Effect("09", "toy", "toy", "accuracy", ("off", "a"), ("on", "b"), peers=(("peer", "a", "other"),))
    runs = [{"arm": arm, "seed": seed, "metrics": {"accuracy": value, "other": .9}}
            for arm, seed, value in (("a", 0, .5), ("a", 1, .6), ("a", 2, .1), ("b", 0, .6), ("b", 1, .8))]
    found = effect.gains({"runs": runs})
    assert found["method"] == [("on", {"mean": 0.15, "sd": 0.07071, "n": 2})]
    assert found["peers"][0][1]["mean"] == pytest.approx((.4 + .3 + .8) / 3) and not found["hope"]


def test_less_of_what_is_bad_is_points_better_in_table_and_picture():
    effect = Effect("09", "toy", "toy", "leak", ("off", "a"), ("on", "b"), peers=(("peer", "c"),), less=True)
    runs = [{"arm": arm, "seed": 0, "metrics": {"leak": value}} for arm, value in (("a", .5), ("b", .4), ("c", .6))]
    axes = Figure().subplots()
    picture._row(axes, 0, effect, {"runs": runs})
    assert effect.gain({"runs": runs}) == ("+10.0", 1)
    assert [float(line.get_xdata()[0]) for line in axes.lines] == pytest.approx([10, -10])


def test_every_peer_has_a_row_of_its_own_with_its_name_under_its_effect():
    effect = Effect("09", "toy, accuracy", "toy", "accuracy", ("off", "a"), ("on", "b"),
                    peers=(("one", "c"), ("never run", "e"), ("two", "d")), hope=("all", "c"))
    runs = [{"arm": arm, "seed": 0, "metrics": {"accuracy": value}} for arm, value in zip("abcd", (.1, .2, .3, .4))]
    rows = picture._rows([(effect, {"runs": runs})])
    assert [word for word, _, _ in rows] == ["09", "toy", "one", "two"]
    axes = Figure().subplots()
    picture._row(axes, 1, *rows[1][2])
    drawn = [(line.get_marker(), round(line.get_xdata()[0]), line.get_ydata()[0]) for line in axes.lines]
    assert drawn == [("o", 10, 1), ("x", 20, 2), ("x", 30, 3), ("|", 20, 1)] and not axes.texts


@pytest.mark.parametrize("lesson, what, word", [
    ("02 WSCFER", "FER2013, 30 % wrong labels", "WSCFER, consistency of spaces"),
    ("02 WSCFER", "FER2013, its own labels", "WSCFER, consistency of spaces"),
    ("03 DR-FER", "lab, 30 % wrong labels", "averaged weights alone"),
    ("03 DR-FER", "FER2013, its own labels", "self-pacing alone"),
    ("03 DR-FER", "lab, right labels", "self-pacing alone"),
    ("03 DR-FER", "FER2013, its own labels, judged by FER+", "with one pace for all"),
    ("04 HNCL", "wild, no labels but a linear probe's", "untrained network"),
    ("04 HNCL", "FER2013, no labels but a linear probe's", "untrained network")])
def test_what_does_not_flatter_is_told_as_well(lesson, what, word):
    rows = table.effects_table(ROOT / "results").splitlines()
    [row] = [row for row in rows if row.startswith(f"| {lesson} | {what}, accuracy | ")]
    assert f"{word}: " in row


def test_what_a_loss_gains_is_not_told_as_what_the_method_gains():
    plain = {effect.what: effect.without for effect in effects.EFFECTS if effect.lesson.startswith("06")
             and "wild" in effect.file and effect.without != effects.MATCHED}
    assert plain == {"wild, tones that no training saw, CCC × 100": ("baseline, whose loss is another",
                                                                     "baseline, unseen tones")}


@pytest.mark.parametrize("seed, shown", [(0, 1), (1, 0)])
def test_an_effect_without_a_seed_in_common_is_not_told(monkeypatch, seed, shown):
    monkeypatch.setattr(effects, "EFFECTS", (Effect("09", "toy", "toy", "accuracy", ("off", "a"), ("on", "b")),))
    runs = [{"arm": arm, "seed": number, "metrics": {"accuracy": .5}} for arm, number in (("a", 0), ("b", seed))]
    content = {"runs": runs, "summary": Record("", "", "", {}, runs).summary()}
    assert len(effects.measured(lambda file: content)) == shown


def test_the_picture_of_effects_is_that_of_the_results_files():
    content = partial(table._content, ROOT / "results")
    with Image.open(ROOT / picture.PICTURE) as drawn:
        assert drawn.text["Description"] == picture.shown(content), "run python -m fercourse.studies.table"


def test_a_picture_of_other_results_is_another_one(tmp_path):
    content = partial(table._content, ROOT / "results")
    def changed(file):
        said = json.loads(json.dumps(content(file)))
        for run in said["runs"]:
            if run["arm"] == "DMSRL":
                run["metrics"]["macro_recall"] += 0.1
        return said
    picture.draw(changed, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as drawn:
        assert drawn.text["Description"] == picture.shown(changed) != picture.shown(content)


def test_the_line_is_the_interval_and_one_seed_is_a_hollow_dot():
    effect = Effect("09", "toy", "toy", "accuracy", ("off", "a"), ("on", "b"))
    runs = [{"arm": arm, "seed": seed, "metrics": {"accuracy": value}} for arm, seed, value in (
        ("a", 0, .5), ("a", 1, .5), ("a", 2, .5), ("b", 0, .6), ("b", 1, .7), ("b", 2, .8))]
    for said, ends, face in ((runs, [20 - 24.841, 20 + 24.841], picture.INK),
                             ([run for run in runs if not run["seed"]], [10], "white")):
        axes = Figure().subplots()
        picture._row(axes, 0, effect, {"runs": said})
        assert list(axes.lines[0].get_xdata()) == pytest.approx(ends, abs=1e-2)
        assert axes.lines[-1].get_markerfacecolor() == face


def test_the_picture_of_an_embedding_is_of_the_network_that_comes_with_the_course(tmp_path, monkeypatch):
    network = json.loads((ROOT / "fercourse" / "weights" / f"lesson-{embedding.NETWORK}.json").read_text())
    few = load_faces("synthfaces", split="test", domain="lab", size=network["size"]).sample(12, 0)
    monkeypatch.setattr(embedding, "load_faces", lambda *given, **more: few)
    embedding.draw(tmp_path / "drawn.png")
    with Image.open(ROOT / embedding.PICTURE) as ours, Image.open(tmp_path / "drawn.png") as drawn:
        assert ours.text["Source"] == drawn.text["Source"] == network["sha256"], f"draw {embedding.PICTURE}"
        assert "12 faces side by side, 2 panels: before training, after training" in drawn.text["Description"]
    assert f"]({embedding.PICTURE})" in README


def test_every_result_is_shown_somewhere():
    """A file of results that no table shows is a number nobody can find."""
    shown = {file for rows in SECTIONS.values() for _, file, *_ in rows} | {"comparison-synthfaces-cpu", "bench-cpu"}
    told = {path.stem for path in (ROOT / "results").glob("*.json")} - shown
    lessons = {"noise-synthfaces-lab-cpu", "robust-tuning-synthfaces-lab-cpu", "wscfer-tuning-synthfaces-lab-cpu",
               "wscfer-tuning-synthfaces-wild-cpu", "domains-tuning-lab-wild-cpu"}
    assert told <= lessons | {"ferplus-agreement"}, "or a lesson"


def test_the_page_of_papers_copies_numbers_that_are_there():
    told = re.findall(r"\d+\.\d ± \d+\.\d", (ROOT / "docs" / "papers.md").read_text())
    shown = (ROOT / "docs" / "results.md").read_text()
    assert len(told) > 10 and [number for number in told if number not in shown] == []


def test_the_speeds_in_the_sentence_are_those_of_the_results():
    rows = [row for row in table.speed_table(ROOT / "results").splitlines() if " to updated weights by fit" in row]
    told = re.search(r"is (\d\.\d\d) times .*? at 48 px, and (\d\.\d\d) times at 112 px", README).groups()
    for size, ratio in zip((48, 112), told):
        assert [row for row in rows if f" {size} px, one view, against" in row and f" | {ratio} | " in row], size


def test_a_speed_is_held_against_its_aim_by_the_ratio_that_the_command_tells(tmp_path):
    found = json.loads((ROOT / "results" / "bench-cpu.json").read_text())
    chosen = {"a": found["steps"] | {"what": "a", "ratio": 1.13, "aim": 1.2}, "b": found["steps"] | {"what": "b"},
              "c": found["steps"] | {"what": "c", "ratio": 0.8, "aim": None}}
    (tmp_path / "bench-cpu.json").write_text(json.dumps(chosen))
    missed, met, aimless = table.speed_table(tmp_path).splitlines()[2:]
    assert missed.startswith("| a | 1.13 | 1.01 (0.98–1.02) | 1.20, missed | cpu |")
    assert " | 0.97 | cpu |" in met and "| c | 0.80 | 1.01 (0.98–1.02) | – | cpu |" in aimless


def test_the_best_network_of_the_sentence_on_fer2013_is_the_one_that_validation_chooses():
    arms = json.loads((ROOT / "results" / "photographs-fer2013-cpu.json").read_text())["summary"]
    best = max(arms.values(), key=lambda arm: arm["validation_accuracy_mirrored"]["mean"])
    told = re.search(r"names (\d\d\.\d) % of the public test part, and (\d\d\.\d) %", README).groups()
    assert told == tuple(f"{100 * best[name]['mean']:.1f}" for name in ("accuracy", "accuracy_mirrored"))


def test_every_results_file_names_its_making():
    for path in (ROOT / "results").glob("*.json"):
        content = json.loads(path.read_text())
        counted = "rule" in content and content["sources"]            # counts of published votes: no machine matters
        parts = content.values() if path.name.startswith("bench-") else [content]      # each comparison by itself
        assert counted or all(part["hardware"]["cores"] and part["versions"]["torch"] for part in parts), path


def test_the_library_is_as_long_as_the_first_paragraph_says():
    def lines(*patterns):
        return sum(len(path.read_text("utf-8").splitlines()) for one in patterns for path in package.glob(one))

    package, text = ROOT / "fercourse", (ROOT / "README.md").read_text("utf-8")
    told = int(re.search(r"losses, methods and training loop are about ([\d,]+) lines", text)[1].replace(",", ""))
    core = lines("losses/*.py", "methods/*.py", "train.py")
    assert abs(core - told) < 100 and 8 < lines("**/*.py") / core - 1 < 12 and "about ten times as much" in text


@pytest.mark.parametrize("page", ["README.md", "LICENSES.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md",
                                  *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").glob("*.md")))])
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.stem)
def test_the_head_of_a_lesson_tells_about_the_minutes_that_were_measured(source):
    timed = (ROOT / "docs" / "timing.md").read_text()
    measured = float(re.search(rf"^\| {source.stem} \| ([\d.]+), ", timed, re.MULTILINE)[1])
    head = " ".join(source.read_text().partition("**You will be able to**")[0].replace("\n# ", " ").split())
    told = re.search(r"code runs in ([\w ]+?) on two CPU cores", head)[1]
    found = [MINUTES[word] for word in re.findall("|".join(MINUTES), told)]
    assert min(found) / 2 <= measured <= 2 * max(found), f"the head says {told}, docs/timing.md {measured} minutes"


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
    begin, end = table.between("results")
    page.write_text(f"a\n{begin}\nold\n{end}\nb\n")
    assert table.rewrite(page, tmp_path) and not table.rewrite(page, tmp_path)
    assert "| 50.0 ± 1.0 | 3 | cpu, 48 px, 3 epochs | 2 x cores | abcdef1 |" in page.read_text()
    content["summary"]["wild"]["epochs"] = {"mean": 9.0, "sd": 0.0, "n": 3}                 # an arm that ran for longer
    (tmp_path / "longer").mkdir()
    (tmp_path / "longer" / "faces-synthfaces-cpu.json").write_text(json.dumps(content))
    assert table.rewrite(page, tmp_path / "longer") and "| 3 | cpu, 48 px, 9 epochs |" in page.read_text()
