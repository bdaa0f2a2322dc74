"""What a network reads in somebody's picture: the faces found, where it looked, how sure it is, whom it remembers."""

from matplotlib.patches import Rectangle

from .arrays import as_array
from .faces import COARSE, as_images
from .figure import Figure, styled
from .palette import colours_of


@styled
def reading(photo, answers, classes=None, maps=None, alike=None, title=None, words=None):
    """Draw a picture with its faces numbered, and a row for each face.

    Args:
        photo: a `fercourse.photo.Photo` of N faces.
        answers: [N, C] probabilities of the classes, rows with the sum 1; without classes valence and arousal [N, 2].
        maps: [N, h, w] class activation maps, up to 8 x 8 cells drawn as squares; None: left out.
        alike: uint8 [N, K, 3, H, W] the most similar training faces; None: left out.
        words: [N][K] their labels, written under them.
    """
    faces, rows = as_images(photo.images), len(photo)
    shown = 0 if alike is None else alike.shape[1]
    high, wide = photo.picture.shape[:2]
    top = min(4.5, 6.5 * high / wide)
    figure = Figure(figsize=(7.2, top + 1.25 * rows + 0.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(top, 1.25 * rows + 0.2))
    axes = upper.subplots()
    axes.imshow(photo.picture)
    axes.axis("off")
    axes.set_title(title or "", loc="left")
    for number, (left, above, right, below) in enumerate(photo.boxes, 1):
        axes.add_patch(Rectangle((left, above), right - left, below - above, fill=False, edgecolor="white", lw=2.4))
        axes.add_patch(Rectangle((left, above), right - left, below - above, fill=False, edgecolor="#222222", lw=1))
        axes.text(left, above, f" {number} ", color="white", backgroundcolor="#222222", fontsize=9, va="bottom")
    grid = lower.subplots(rows, 3 + shown, squeeze=False, width_ratios=(1, 1, 2.6, *[0.8] * shown))
    for number, row in enumerate(grid):
        _row(row, number, faces, maps, alike, words)
        if classes is None:
            _point(row[2], as_array(answers)[number], last=number == rows - 1)
        else:
            _bars(row[2], as_array(answers)[number], classes)
    said = "; ".join(f"face {k + 1}: {_words(answer, classes)}" for k, answer in enumerate(as_array(answers)))
    middle = "how sure it is" if classes else "how pleasant and how stirred it reads"
    _head(grid[0], middle, maps is not None, shown)
    return figure.describe(f"{rows} faces found. {said}",
                           f"From left: the face as the network gets it, where it looked, {middle}, and the "
                           "training faces nearest in its embedding. A guess about movements, not about feelings.")


def _words(answer, classes):
    if classes is None:
        return f"valence {answer[0]:+.2f}, arousal {answer[1]:+.2f}"
    return f"{classes[answer.argmax()]} {100 * answer.max():.0f} %"


def _bars(axes, share, classes):
    axes.barh(range(len(classes)), share, color=colours_of(classes))
    axes.set(yticks=range(len(classes)), xlim=(0, 1), xticks=[0, .5, 1], xticklabels=["0", "50", "100 %"])
    axes.set_yticklabels(classes, fontsize=6.5)
    axes.tick_params(axis="x", labelsize=6.5)
    axes.invert_yaxis()


def _point(axes, answer, last):
    """Draw valence and arousal as two marks between their ends, -1 and 1; what lies beyond is drawn at the end."""
    axes.hlines((0, 1), -1, 1, color="#bbbbbb", lw=1)
    axes.vlines(0, -0.4, 1.4, color="#bbbbbb", lw=0.8)
    axes.plot(answer.clip(-1, 1), (0, 1), "o", color="#222222", ms=6)
    for place, value in enumerate(answer):
        axes.text(min(max(value, -1), 1), place - 0.2, f"{value:+.2f}", fontsize=6.5, ha="center", va="bottom")
    axes.set(xlim=(-1.15, 1.15), ylim=(1.6, -0.7), xticks=[-1, 0, 1], yticks=(0, 1))
    axes.set_yticklabels(("valence", "arousal"), fontsize=6.5)
    axes.set_xticklabels(("unpleasant,\nstill", "0", "pleasant,\nstirred") if last else ("", "", ""), fontsize=6.5)


def _head(axes, middle, mapped, shown):
    """Say over the first row what each part is."""
    heads = ["the face", "where it looked" if mapped else "", middle, *["nearest training faces"][:shown]]
    for panel, head in zip(axes, heads):
        panel.set_title(head, fontsize=7, fontweight="normal", loc="left")


def _row(axes, number, faces, maps, alike, words):
    axes[0].imshow(faces[number])
    axes[0].set_ylabel(f"{number + 1}", rotation=0, labelpad=8)
    axes[1].imshow(faces[number])
    if maps is not None:
        heat = as_array(maps[number]).clip(0)
        side = faces[number].shape[0]
        axes[1].imshow(heat / max(heat.max(), 1e-12), extent=(-.5, side - .5, side - .5, -.5), cmap="inferno",
                       alpha=0.8 * heat / max(heat.max(), 1e-12),
                       interpolation="nearest" if max(heat.shape) <= COARSE else "bilinear")
    for k, panel in enumerate(axes[3:]):
        panel.imshow(as_images(alike[number])[k])
        panel.set_xlabel(words[number][k] if words else "", fontsize=6.5, labelpad=2)
    for panel in (*axes[:2], *axes[3:]):
        panel.set(xticks=[], yticks=[])
        for spine in panel.spines.values():
            spine.set_visible(False)
