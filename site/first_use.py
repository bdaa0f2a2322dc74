"""Sphinx extension: link each glossary term at its first use in the prose of every lesson page."""

import re
from itertools import groupby

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

LESSONS = "lessons/"
REFERENCES = "References"                                    # what stands below it is not prose
NOT_PROSE = (nodes.title, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.reference, nodes.raw,
             nodes.comment, nodes.image, nodes.Invisible)


def pattern(terms) -> re.Pattern:
    """Return a pattern of all terms, the longest first, alone or with an s; capitals count where a term has some."""
    words = [(term, r"\s+".join(map(re.escape, term.split())).replace("'", "['’]"))
             for term in sorted(terms, key=len, reverse=True)]
    words = [word if term != term.lower() else f"(?i:{word})" for term, word in words]
    return re.compile(rf"(?<![\w-])({'|'.join(words)})s?(?![\w+-])")


def join_lines(document):
    """Make neighbouring texts one: each line of a paragraph comes as a text of its own."""
    for parent in {id(text.parent): text.parent for text in document.findall(nodes.Text)}.values():
        pieces = []
        for is_text, children in groupby(parent.children, lambda child: isinstance(child, nodes.Text)):
            run = list(children)
            pieces += [nodes.Text("".join(run))] if is_text else run
        parent.children = []
        parent.extend(pieces)


def prose(document):
    """Yield a page's texts that are neither code, its output, formula, heading nor link; up to the references."""
    for text in list(document.findall(nodes.Text)):
        if text.astext().strip() == REFERENCES:
            return
        above = text
        while above := above.parent:
            if isinstance(above, NOT_PROSE) or {"cell_output", "cell_input"} & set(above.get("classes", ())):
                break
        else:
            yield text


def _plain(words):
    return words.lower().replace("’", "'")                   # as Sphinx writes ' on a page


def link_first(document, terms, link):
    """Put `link(term, words)` in place of the first words that name each term.

    Args:
        terms: as the glossary writes them; those in small letters are found whatever their capitals.
        link: given a term and the words on the page, returns the node to put there.
    """
    wanted = {_plain(term): term for term in terms}
    if not wanted:
        return
    found = pattern(terms)
    join_lines(document)
    for text in prose(document):
        pieces, end = [], 0
        for match in found.finditer(text):
            if term := wanted.pop(" ".join(_plain(match[1]).split()), None):
                pieces += [nodes.Text(text[end:match.start()]), link(term, match[0])]
                end = match.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


class FirstUse(SphinxPostTransform):
    """Link the terms of the site's glossary in a lesson."""

    default_priority = 500                                   # after references and outputs are in their place

    def run(self, **_):
        """Change the page at hand, if it is a lesson."""
        if not self.env.docname.startswith(LESSONS):
            return
        standard = self.env.domains["std"]
        places = {shown: (page, anchor) for _, shown, kind, page, anchor, _ in standard.get_objects() if kind == "term"}

        def link(term, words):
            return make_refnode(self.app.builder, self.env.docname, *places[term], nodes.Text(words), term)
        link_first(self.document, places, link)


def setup(app):
    """Register the extension."""
    app.add_post_transform(FirstUse)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
