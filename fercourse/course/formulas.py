"""Pages whose formulas a browser shows without a script or a network: as MathML."""

from contextlib import suppress

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


class PageExporter(HTMLExporter):
    """nbconvert's exporter, with MathML in place of TeX."""

    @pass_context
    def markdown2html(self, context, source):
        """Return a markdown cell's HTML."""
        renderer = _Renderer(escape=False, attachments=context.get("cell", {}).get("attachments", {}))
        return MarkdownWithMath(renderer=renderer).render(source)


class _Renderer(IPythonRenderer):
    def inline_math(self, body):
        return _mathml(body, "inline") or super().inline_math(body)

    def block_math(self, body):
        return _mathml(body, "block") or super().block_math(body)


def _mathml(body, display):
    with suppress(Exception):       # a student's slip in TeX is shown as it was written; without the package, all TeX
        from latex2mathml.converter import convert
        return convert(body, display=display)
