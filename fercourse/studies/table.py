"""The tables of the pages, generated from `results/*.json`: `python -m fercourse.studies.table`."""

import json
from functools import lru_cache, partial
from pathlib import Path

from ..files import write_text
from .effects import GLANCE, measured
from .picture import draw
from .record import made, told
from .rows import SECTIONS

PAGES = ("README.md", "docs/results.md", "docs/scaling.md")

def effects_table(folder="results", glance=False) -> str:
    """Return what each method is worth in Markdown: without it, with it, points better seed by seed, a yardstick.

    At a glance: one or two rows a method.
    """
    lines = ["| lesson | measured | without the method | with it | points better (95 %) | for comparison | seeds |",
             "|---|---|---|---|---|---|---|"]
    for effect, content in measured(partial(_content, folder)):
        if glance and effect.what not in GLANCE[effect.lesson[:2]]:
            continue
        gain, seeds = effect.gain(content)
        cell = {part: "; ".join(_shown(word, said, seeds) for word, said in ways)
                for part, ways in effect.read(content).items()}
        beside = "; ".join(cell[part] for part in ("peers", "hope") if cell[part]) or "–"
        cells = (effect.lesson, effect.what, cell["without"], cell["method"], gain, beside, seeds)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _shown(word, said, seeds):
    """Return a word and its number; of other seeds than the row's, how many they are is said."""
    return f"{word}: {told(said, seeds=said['n'] != seeds)}"


def results_table(folder="results") -> str:
    """Return every section's table in Markdown: mean and standard deviation, seeds, scale, processor, commit."""
    return "\n\n".join(f"## {title}\n\n{_section(rows, folder)}" for title, rows in SECTIONS.items())


def _section(rows, folder):
    lines = ["| what | %, mean ± sd | seeds | scale | made on | commit |", "|---|---|---|---|---|---|"]
    for title, file, arm, metric in rows:
        content = _content(folder, file)
        if metric in content["summary"].get(arm, {}):
            lines.append(_row(title, content, arm, metric))
    return "\n".join(lines) if len(lines) > 2 else "Not measured yet."


@lru_cache
def _content(folder, file):
    path = Path(folder) / f"{file}.json"
    return json.loads(path.read_text()) if path.is_file() else {"summary": {}, "runs": []}


def _row(title, content, arm, metric):
    score, runs = content["summary"][arm][metric], [run for run in content["runs"] if run["arm"] == arm]
    places = (run.get("hardware", content["hardware"]) for run in runs)
    device = " and ".join(dict.fromkeys(map(_device, places)))
    commits = sorted({_short(run["commit"]) for run in runs if run["commit"]})
    epochs = content["summary"][arm].get("epochs", {"mean": content["config"]["epochs"]})["mean"]     # of a longer arm
    return (f"| {title} | {told(score, seeds=False)} | {score['n']} | {content['config']['name']}, "
            f"{content['config']['size']} px, {epochs:.0f} epochs | {device} | {', '.join(commits)} |")


def _device(made):
    return made["gpu"] or f"{made['cores']} {made['processor']} cores"


def _short(commit):
    """Return seven digits, and the `+` of a library that differed from its commit; a dash where git knew none."""
    return commit[:7] + ("+" if commit.endswith("+") else "") if commit else "–"


AGAIN = "recalibrated_accuracy"            # with batch norm's statistics of the domain that is tested


def comparison_table(folder="results") -> str:
    """Return every method of the course (rows) under every circumstance (columns): accuracy, and the least minutes."""
    path = Path(folder) / "comparison-synthfaces-cpu.json"
    if not path.is_file():
        return "Not measured yet: `fercourse study comparison`."
    content = json.loads(path.read_text())
    summary, runs = content["summary"], content["runs"]
    places, rows = (list(dict.fromkeys(arm.partition(", ")[place] for arm in summary)) for place in (0, 2))
    again = [one for one in places
             if any(AGAIN in facts for arm, facts in summary.items() if arm.startswith(f"{one},"))]
    columns = [(one, "accuracy") for one in places] + [(one, AGAIN) for one in again]
    heads = [f"{one}, with its statistics" if metric == AGAIN else one for one, metric in columns]
    lines = [f"| accuracy, % | {' | '.join(heads)} | least minutes |", "|---" * (len(columns) + 2) + "|"]
    for name in rows:
        known = [one for one in places if f"{one}, {name}" in summary]
        found = [summary.get(f"{one}, {name}", {}).get(metric) for one, metric in columns]
        cells = [told(one, seeds=False) if one else "–" for one in found]
        minutes = [_least_minutes(runs, f"{one}, {name}") for one in known]
        lines.append(f"| {name} | {' | '.join(cells)} | {sum(minutes) / len(minutes):.1f} |")
    commits = sorted({_short(run["commit"]) for run in runs if run["commit"]})
    shown = made(content).replace(" n seeds", f" {_seeds(runs)} seeds")
    return "\n".join([*lines, "", f"{shown}; minutes of a training: the least over the seeds, their mean over "
                                  f"circumstances; commit {', '.join(commits)}."])


def _least_minutes(runs, arm):
    """Return the least minutes of an arm over its seeds: what other work on the machine adds is no cost of it."""
    return min(run["metrics"]["minutes"] for run in runs if run["arm"] == arm)


def _seeds(runs):
    return len({run["seed"] for run in runs})


def speed_table(folder="results") -> str:
    """Return the benchmarks in Markdown: how many times as fast as the peer, by medians, and over paired turns."""
    lines = ["| what | ratio of medians | of turns (quartiles) | aim | scale | made on | commit |",
             "|---|---|---|---|---|---|---|"]
    for path in sorted(Path(folder).glob("bench-*.json")):
        lines += [_speed_row(benchmark) for benchmark in json.loads(path.read_text()).values()
                  if "ratio_of_turns" in benchmark]
    return "\n".join(lines)


def _speed_row(benchmark):
    turns, config = benchmark["ratio_of_turns"], benchmark["config"]
    low, high = turns["quartiles"]
    return (f"| {benchmark['what']} | {benchmark['ratio']:.2f} | {turns['median']:.2f} ({low:.2f}–{high:.2f}) | "
            f"{_aim(benchmark)} | {config['name']} | {_machine(benchmark)} | {_short(benchmark['commit'])} |")


def _aim(benchmark):
    ratio, aim = benchmark["ratio"], benchmark["aim"]
    return f"{aim:.2f}{', missed' if ratio < aim else ''}" if aim else "–"


def _machine(benchmark):
    device = _device(benchmark["hardware"])
    return f"{device}, busy" if benchmark["busy"] else device


def waits_table(folder="results") -> str:
    """Return in Markdown what a newcomer waits for, in seconds, on each machine where that was measured."""
    lines = ["| wait for | seconds | made on | commit |", "|---|---|---|---|"]
    for path in sorted(Path(folder).glob("bench-*.json")):
        if first := json.loads(path.read_text()).get("first-picture"):
            lines += [f"| {row['wait']} | {row['seconds']:.1f} | {_machine(first)} | {_short(first['commit'])} |"
                      for row in first["rows"]]
    return "\n".join(lines)


def growth_table(folder="results") -> str:
    """Return in Markdown how time and memory grow with the number of faces, a row a size."""
    lines = ["| faces | pack, MiB | epoch, s | s per 1,000 faces | memory beside the pack, MiB | opened in, s |",
             "|---|---|---|---|---|---|"]
    found = json.loads((Path(folder) / "bench-cpu.json").read_text())["growth"]
    return "\n".join(lines + [
        f"| {row['faces']:,} | {row['file_MiB']:,.1f} | {row['epoch_s']:.2f} | {row['per_thousand_s']:.3f} | "
        f"{row['memory_MiB']:.1f} | {row['open_s']:.3f} |" for row in found["rows"]])


TABLES = {"glance": partial(effects_table, glance=True), "effects": effects_table, "comparison": comparison_table,
          "results": results_table, "speed": speed_table, "waits": waits_table,
          "growth": growth_table}


def between(name: str) -> tuple[str, str]:
    """Return the markers between which a page shows a table of `TABLES`."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def rewrite(page, folder="results") -> bool:
    """Put the current tables between a page's markers; returns whether they changed."""
    text = fresh = Path(page).read_text(encoding="utf-8")
    for name, table in TABLES.items():
        begin, end = between(name)
        if begin in fresh:
            before, rest = fresh.split(begin)
            fresh = f"{before}{begin}\n{table(folder)}\n{end}{rest.split(end)[1]}"
    write_text(page, fresh)
    return fresh != text


if __name__ == "__main__":
    for page in PAGES:
        print(page, "rewritten" if rewrite(page) else "is up to date")
    draw(partial(_content, "results"))
