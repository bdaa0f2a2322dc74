"""The README's results table, generated from `results/*.json`: `python -m fercourse.studies.table` rewrites it."""

import json
from pathlib import Path

from .record import made, told

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
COMPARED_BEGIN, COMPARED_END = "<!-- comparison: begin -->", "<!-- comparison: end -->"
SPEED_BEGIN, SPEED_END = "<!-- speed: begin -->", "<!-- speed: end -->"

_ALONE = ("selfsup-synthfaces-wild-cpu", "neighbours alone")
_ALONE_FER = ("selfsup-fer2013-cpu", "neighbours alone")

# Title, file, arm, metric: what the README shows, in this order; a row that was not measured is left out.
ROWS = (
    ("Lesson network, wild to wild, unseen people", "faces-synthfaces-cpu", "wild", "wild_accuracy"),
    ("   trained for less time, at 48 px", "supervised-synthfaces-wild-cpu", "baseline", "accuracy"),
    ("Lesson network, lab to lab, unseen people", "faces-synthfaces-cpu", "lab", "lab_accuracy"),
    ("Lesson network, lab to wild: the domain gap", "faces-synthfaces-cpu", "lab", "wild_accuracy"),
    ("Person told apart from an expression embedding (linear probe)", "faces-synthfaces-cpu", "wild", "identity_probe"),
    ("   by always naming the commonest person", "faces-synthfaces-cpu", "wild", "identity_chance"),
    ("Trained on synthetic faces alone, tested on FER2013", "transfer-fer2013-cpu", "synthfaces", "accuracy"),
    ("   asked about each face and its mirror image", "transfer-fer2013-cpu", "synthfaces", "accuracy_mirrored"),
    ("   knowing how frequent FER2013's classes are", "transfer-fer2013-cpu", "synthfaces", "accuracy_knowing_shares"),
    ("   by always naming FER2013's commonest class", "transfer-fer2013-cpu", "synthfaces", "majority_class"),
    ("   with three times as many synthetic people", "transfer-fer2013-cpu", "with more people", "accuracy"),
    ("   and asked about each face and its mirror image", "transfer-fer2013-cpu", "with more people",
     "accuracy_mirrored"),
    *((title, "renderer-fer2013-cpu", arm, "accuracy") for title, arm in (
        ("Which variety of the renderer helps on FER2013? 3,360 faces with all of it", "everything"),
        ("   without people's manners of moving", "manner"), ("   textbook poses only", "variants"),
        ("   without variety of looks", "looks"), ("   without the camera's faults", "camera"),
        ("   without variety of light", "light"), ("   without variety of pose", "pose"),
        ("   without things before and behind the face", "things"))),
    ("Lesson network trained on FER2013, 48 px", "supervised-fer2013-cpu", "baseline", "accuracy"),
    *((title, "wscfer-synthfaces-lab-cpu", f"noisy, {arm}", "accuracy") for title, arm in (
        ("Lab, 30 % wrong labels, two augmented views: cross-entropy", "CE"),
        ("   with SimCLR beside it", "CE + SimCLR"),
        ("   with SupCon beside it", "CE + SupCon"), ("   with WSC beside it", "CE + WSC"),
        ("   with WSC and partial consistency: WSCFER", "CE + WSC + PCL"),
        ("   cross-entropy, wrong labels left out", "CE, wrong labels left out"))),
    *((title, "robust-synthfaces-lab-cpu", f"30 %, {arm}", "accuracy") for title, arm in (
        ("Lab, 30 % wrong labels, not augmented: cross-entropy", "cross-entropy"),
        ("   self-pacing", "self-pacing"), ("   masked images and self-pacing", "masked images, self-pacing"),
        ("   with relabelling, too: DR-FER", "DR-FER"), ("   pruned by cleanlab", "pruned by cleanlab"),
        ("   cross-entropy on the rightly labelled faces alone", "clean subset"))),
    *((title, "robust-synthfaces-lab-cpu", arm, "accuracy") for title, arm in (
        ("Lab, one annotator a face, not augmented: cross-entropy", "one annotator, cross-entropy"),
        ("   DR-FER", "one annotator, DR-FER"),
        ("   cross-entropy on the rightly labelled faces alone", "one annotator, clean subset"),
        ("Lab, every label right, not augmented: cross-entropy", "no noise, cross-entropy"),
        ("   DR-FER", "no noise, DR-FER"))),
    *((title, "annotators-fer2013-cpu", "DR-FER", metric) for title, metric in (
        ("FER2013's own wrong labels, as FER+ has them, found by DR-FER: F1", "f1"),
        ("   by cleanlab, as many flags", "cleanlab_f1"),
        ("   by the largest mean losses, as many flags", "small_loss_f1"))),
    *((title, "domains-lab-wild-cpu", arm, metric) for title, arm, metric in (
        ("Labels in the lab only, tested in the wild: source only, three times as long", "source only", "macro_recall"),
        ("   batch norm recalibrated in the wild", "source only", "recalibrated_macro_recall"),
        ("   DANN", "DANN", "macro_recall"), ("   CDAN", "CDAN", "macro_recall"), ("   DMSRL", "DMSRL", "macro_recall"),
        ("   taught with the labels of the wild", "oracle", "macro_recall"))),
    *((title, file, arm, metric) for file, first, place in (
        ("domains-wild-lab-cpu", "Labels in the wild only, tested in the lab", "the lab"),
        ("domains-synthfaces-fer2013-cpu", "Labels of synthetic faces, tested on FER2013", "FER2013"),
        ("domains-fer2013-synthfaces-cpu", "Labels of FER2013, tested on synthetic faces", "synthetic faces"))
      for title, arm, metric in (
        (f"{first}: source only, three times as long", "source only", "macro_recall"),
        (f"   batch norm recalibrated on {place}", "source only", "recalibrated_macro_recall"),
        ("   DANN", "DANN", "macro_recall"), ("   DMSRL", "DMSRL", "macro_recall"),
        (f"   taught with the labels of {place}", "oracle", "macro_recall"))),
    ("Wild, five nearest by heatmap of the same class, no training", *_ALONE, "heatmap_class"),
    ("   by the true landmarks", *_ALONE, "true_landmarks_class"), ("   by pixels", *_ALONE, "pixels_class"),
    ("FER2013, five nearest by heatmap of the same class", *_ALONE_FER, "heatmap_class"),
    ("   by chance", *_ALONE_FER, "random_class"),
    *((title, "selfsup-synthfaces-wild-cpu", arm, metric) for metric, told in (
        ("probe_100", "linear probe, all labels"), ("tuned_10", "fine-tuned on a tenth of the labels"))
      for title, arm in ((f"Wild, learnt without labels, {told}: HNCL", "heatmap neighbours"),
                         ("   MoCo", "MoCo (no neighbours)"), ("   SimCLR", "SimCLR"),
                         ("   untrained network", "random encoder"))),
    ("Trained where skin tone predicts valence: RMSE of valence x 100, baseline", "identity-synthfaces-wild-cpu",
     "baseline", "rmse_valence"),
    ("   identity-invariant", "identity-synthfaces-wild-cpu", "+ weighed (the whole)", "rmse_valence"),
    *((title, "identity-synthfaces-wild-cpu", arm, metric) for metric, title, arm in (
        ("ccc", "   concordance (mean CCC x 100), baseline", "baseline"),
        ("ccc", "   identity-invariant", "+ weighed (the whole)"),
        ("person_linear", "   person read off the baseline's feature by a line", "baseline"),
        ("person_linear", "   off the identity-invariant expression feature", "+ weighed (the whole)"))),
    ("   skin tone (4 words) read off the baseline's feature by a line", "identity-synthfaces-wild-cpu", "baseline",
     "skin_tone_linear"),
    ("   off the identity-invariant expression feature", "identity-synthfaces-wild-cpu", "+ weighed (the whole)",
     "skin_tone_linear"),
)


def results_table(folder="results") -> str:
    """Return the table in Markdown: mean and standard deviation in per cent, seeds, scale, processor, commit."""
    lines = ["| what | accuracy, % | seeds | scale | made on | commit |", "|---|---|---|---|---|---|"]
    for title, file, arm, metric in ROWS:
        path = Path(folder) / f"{file}.json"
        content = json.loads(path.read_text()) if path.is_file() else {"summary": {}}
        if metric in content["summary"].get(arm, {}):
            lines.append(_row(title, content, arm, metric))
    return "\n".join(lines)


def _row(title, content, arm, metric):
    found = content["summary"][arm][metric]
    made = content["hardware"]
    device = made["gpu"] or f"{made['cores']} {made['processor']} cores"
    commits = sorted({_short(run["commit"]) for run in content["runs"] if run["arm"] == arm and run["commit"]})
    return (f"| {title} | {told(found, seeds=False)} | {found['n']} | {content['config']['name']}, "
            f"{content['config']['size']} px, {content['config']['epochs']} epochs | {device} | {', '.join(commits)} |")


def _short(commit):
    """Return seven digits, and the `+` of a library that differed from its commit."""
    return commit[:7] + ("+" if commit.endswith("+") else "")


def comparison_table(folder="results") -> str:
    """Return every method of the course (rows) under every circumstance (columns): accuracy, and minutes."""
    path = Path(folder) / "comparison-synthfaces-cpu.json"
    if not path.is_file():
        return "Not measured yet: `fercourse study comparison`."
    content = json.loads(path.read_text())
    summary, runs = content["summary"], content["runs"]
    columns, rows = (list(dict.fromkeys(arm.partition(", ")[place] for arm in summary)) for place in (0, 2))
    lines = [f"| accuracy, % | {' | '.join(columns)} | minutes |", "|---" * (len(columns) + 2) + "|"]
    for name in rows:
        found = [told(summary[f"{one}, {name}"]["accuracy"], seeds=False) for one in columns]
        minutes = [_least_minutes(runs, f"{one}, {name}") for one in columns]
        lines.append(f"| {name} | {' | '.join(found)} | {sum(minutes) / len(minutes):.1f} |")
    commits = sorted({_short(run["commit"]) for run in runs if run["commit"]})
    return "\n".join([*lines, "", f"{made(content).replace(' n seeds', f' {_seeds(runs)} seeds')}; commit "
                                  f"{', '.join(commits)}."])


def _least_minutes(runs, arm):
    """Return the least minutes of an arm over its seeds: what other work on the machine adds is no cost of it."""
    return min(run["metrics"]["minutes"] for run in runs if run["arm"] == arm)


def _seeds(runs):
    return len({run["seed"] for run in runs})


def speed_table(folder="results") -> str:
    """Return the benchmarks in Markdown: how many times as fast as the peer, the median and quartiles over turns."""
    lines = ["| what | ratio to the peer | aim | scale | made on | commit |", "|---|---|---|---|---|---|"]
    for path in sorted(Path(folder).glob("bench-*.json")):
        lines += [_speed_row(found) for found in json.loads(path.read_text()).values() if "ratio_of_turns" in found]
    return "\n".join(lines)


def _speed_row(found):
    turns, made, config = found["ratio_of_turns"], found["hardware"], found["config"]
    low, high = turns["quartiles"]
    device = made["gpu"] or f"{made['cores']} {made['processor']} cores"
    return (f"| {found['what']} | {turns['median']:.2f} ({low:.2f}–{high:.2f}) | {found['aim'] or '–'} | "
            f"{config['name']} | {device}{', busy' if found['busy'] else ''} | {_short(found['commit'])} |")


def rewrite(readme="README.md", folder="results") -> bool:
    """Put the current tables between the README's markers; returns whether they changed."""
    path = Path(readme)
    text = path.read_text()
    fresh = _between(text, BEGIN, END, results_table(folder))
    fresh = _between(fresh, COMPARED_BEGIN, COMPARED_END, comparison_table(folder))
    fresh = _between(fresh, SPEED_BEGIN, SPEED_END, speed_table(folder))
    path.write_text(fresh)
    return fresh != text


def _between(text, begin, end, table):
    if begin not in text:
        return text
    before, rest = text.split(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    print("README.md rewritten" if rewrite() else "README.md is up to date")
