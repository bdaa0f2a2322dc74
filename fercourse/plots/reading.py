"""What a network reads in somebody's picture: the faces found, where it looked, how sure it is, whom it remembers."""

from matplotlib.patches import Rectangle

from .arrays import as_array
from .faces import as_images
from .figure import Figure, styled
from .palette import colours_of


@styled
def reading(photo, probabilities, classes, maps=None, alike=None, title=None):
    """Draw a picture with its faces numbered, and a row for each face.

    Args:
        photo: a `fercourse.photo.Photo` of N faces.
        probabilities: [N, C] of the classes, rows with the sum 1.
        maps: [N, h, w] class activation maps; None: left out.
        alike: uint8 [N, K, 3, H, W] the most similar training faces; None: left out.
    """
    faces, rows = as_images(photo.images), len(photo)
    shown = 0 if alike is None else alike.shape[1]
    high, wide = photo.picture.shape[:2]
    top = min(4.5, 6.5 * high / wide)
    figure = Figure(figsize=(7.2, top + 1.15 * rows + 0.3), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(top, 1.15 * rows))
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
        _row(row, number, faces, as_array(probabilities), classes, maps, alike)
    best = as_array(probabilities).argmax(1)
    said = "; ".join(f"face {k + 1}: {classes[b]} {100 * probabilities[k][b]:.0f} %" for k, b in enumerate(best))
    return figure.describe(f"{rows} faces found. {said}",
                           "From left: the face as the network gets it, where it looked, how sure it is, and the "
                           "training faces nearest in its embedding. A guess about movements, not about feelings.")


def _row(axes, number, faces, probabilities, classes, maps, alike):
    axes[0].imshow(faces[number])
    axes[0].set_ylabel(f"{number + 1}", rotation=0, labelpad=8)
    axes[1].imshow(faces[number])
    if maps is not None:
        heat = as_array(maps[number]).clip(0)
        side = faces[number].shape[0]
        axes[1].imshow(heat / max(heat.max(), 1e-12), extent=(-.5, side - .5, side - .5, -.5), cmap="inferno",
                       alpha=0.8 * heat / max(heat.max(), 1e-12), interpolation="bilinear")
    share = probabilities[number]
    axes[2].barh(range(len(classes)), share, color=colours_of(classes))
    axes[2].set(yticks=range(len(classes)), xlim=(0, 1), xticks=[0, .5, 1], xticklabels=["0", "50", "100 %"])
    axes[2].set_yticklabels(classes, fontsize=6.5)
    axes[2].tick_params(axis="x", labelsize=6.5)
    axes[2].invert_yaxis()
    for k, panel in enumerate(axes[3:]):
        panel.imshow(as_images(alike[number])[k])
    for panel in (*axes[:2], *axes[3:]):
        panel.set(xticks=[], yticks=[])
        for spine in panel.spines.values():
            spine.set_visible(False)
