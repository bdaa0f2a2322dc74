"""The course's figures: one quiet style, and a description that travels with every picture."""

import base64
import functools
import io
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure as MatplotlibFigure

from ..files import replacing

STYLE = {
    "figure.dpi": 100, "savefig.dpi": 150, "figure.facecolor": "white", "savefig.facecolor": "white",
    "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555", "axes.linewidth": 0.8,
    "axes.labelcolor": "#333333", "xtick.color": "#555555", "ytick.color": "#555555", "text.color": "#222222",
    "legend.frameon": False, "lines.linewidth": 1.6, "image.cmap": "cividis",
}
HEAVY = 150_000      # bytes from which a picture is shown as WebP: faces shrink tenfold


def style(math=True):
    """Return a context in which matplotlib draws in the course's style; nothing changes outside it.

    Args:
        math: read what is between two $ as a formula; names of files and classes are none.
    """
    return matplotlib.rc_context(STYLE | {"text.parse_math": math})


def styled(draw):
    """Make a drawing function draw in the course's style."""
    @functools.wraps(draw)
    def in_style(*args, **kwargs):
        with style(math=False):
            return draw(*args, **kwargs)
    return in_style


def preceded(sentence, caption):
    """Return a caption that begins with a sentence on what the marks of the picture are."""
    return f"{sentence} {caption}" if caption else sentence


class Described:
    """What a notebook shows once, as one image with its alt text, when it is the last line of a cell.

    Attributes:
        alt: what the picture shows, for those who do not see it.
        caption: what to look for, under the picture; may be empty.
    """

    alt = ""
    caption = ""

    def describe(self, alt, caption=None):
        """Set what the picture shows and what to look for; returns the picture."""
        self.alt, self.caption = " ".join(alt.split()), caption or ""
        return self

    def _repr_html_(self):
        data, kind = self._encoded()
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        width = f' width="{self._width()}"' if self._width() else ""
        image = f'<img alt="{escape(self.alt)}" src="{source}"{width} style="max-width:100%;height:auto">'
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure style="margin:0">{self._around(image)}{caption}</figure>'

    def _around(self, image):
        return image

    def _ipython_display_(self):
        # Published by hand: the inline backend would add a second, undescribed PNG of the same figure.
        from IPython.display import publish_display_data
        publish_display_data({"text/html": self._repr_html_(), "text/plain": self.alt})


class Figure(Described, MatplotlibFigure):
    """A matplotlib figure with alt text and a caption; saved files carry the alt text too."""

    def savefig(self, target, **options):
        """Save as matplotlib does, whole or not at all; PNG and SVG carry the alt text as description."""
        if isinstance(target, (str, Path)):
            kind = options.pop("format", Path(target).suffix[1:].lower() or "png")
            with replacing(target) as part, part.open("wb") as file:
                return self.savefig(file, format=kind, **options)
        if options.get("format") in ("png", "svg") and self.alt:
            options["metadata"] = {"Description": self.alt} | options.get("metadata", {})
        with style():
            super().savefig(target, **options)

    def pixels(self, dpi=100):
        """Return the drawn figure, uint8 [H, W, 3]."""
        import numpy as np
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        self.set_dpi(dpi)
        canvas = FigureCanvasAgg(self)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _encoded(self):
        """Return (bytes, kind): a PNG, or a WebP where the PNG would weigh down the notebook."""
        png = self._bytes("png")
        return (png, "png") if len(png) < HEAVY else (self._bytes("webp", pil_kwargs={"quality": 88}), "webp")

    def _bytes(self, kind, **options):
        buffer = io.BytesIO()
        self.savefig(buffer, format=kind, **options)
        return buffer.getvalue()

    def _width(self):
        return round(self.get_figwidth() * 100)


def new_figure(width, height, rows=1, columns=1, **options):
    """Return (figure, axes): an empty described figure of width x height inches, its axes in a flat list."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def lowest_alone(panels, count, across):
    """Hide the panels after the first `count` of rows of `across`, and number the axes of those above them."""
    for axes in panels[count:]:
        axes.set_axis_off()
    for axes in panels[max(0, count - across):count]:
        axes.tick_params(labelbottom=True)


class Animation(Described):
    """Frames shown one after another, as an animated GIF.

    Attributes:
        frames: uint8 [H, W, 3] arrays.
        seconds: how long each is shown.
    """

    def __init__(self, frames, seconds):
        self.frames, self.seconds = frames, seconds

    def savefig(self, target):
        """Write the GIF, whole or not at all; the alt text is kept as its comment."""
        if isinstance(target, (str, Path)):
            with replacing(target) as part, part.open("wb") as file:
                return self.savefig(file)
        from PIL import Image
        first, *rest = [Image.fromarray(frame).quantize(96) for frame in self.frames]
        first.save(target, format="GIF", save_all=True, append_images=rest, loop=0, disposal=1,
                   duration=[round(1000 * s) for s in self.seconds], comment=self.alt.encode())

    def _encoded(self):
        buffer = io.BytesIO()
        self.savefig(buffer)
        return buffer.getvalue(), "gif"

    def _around(self, image):
        """Let it be folded away, and give the last frame to readers whose system is set to show less motion."""
        from PIL import Image
        buffer = io.BytesIO()
        Image.fromarray(self.frames[-1]).quantize(96).save(buffer, format="PNG", optimize=True)
        still = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        return ('<details open><summary>Moving picture (fold it to stop it)</summary><picture>'
                f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}">{image}</picture></details>')

    def _width(self):
        return self.frames[0].shape[1]
