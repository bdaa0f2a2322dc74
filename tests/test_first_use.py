"""Glossary links: at the first use of a term in a lesson's prose, and nowhere else."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent.parent / "site"))
from first_use import REFERENCES, link_first

TERMS = ["view", "UMAP", "loss", "contrastive loss", "loss part", "AU", "Student's t"]


def page(*parts):
    """Return a document of paragraphs, or of the nodes given, and the (term, words) that were linked in it."""
    document = nodes.document(None, None)
    document += [nodes.paragraph("", part) if isinstance(part, str) else part for part in parts]
    linked = []

    def link(term, words):
        linked.append((term, words))
        return nodes.reference("", words, refuri=f"#{term}")
    link_first(document, TERMS, link)
    return document, linked


def test_the_first_use_is_linked_and_no_other():
    document, linked = page("One view, two views.", "A view.")
    assert linked == [("view", "view")]
    assert [text.astext() for text in document.findall(nodes.reference)] == ["view"]
    assert document.astext() == "One view, two views.\n\nA view."


@pytest.mark.parametrize(("text", "linked"), [
    ("Views of it", [("view", "Views")]),
    ("a Umap, an umap", []),
    ("UMAP's picture", [("UMAP", "UMAP")]),
    ("a contrastive\nloss", [("contrastive loss", "contrastive\nloss")]),
    ("a contrastive loss, and a loss", [("contrastive loss", "contrastive loss"), ("loss", "loss")]),
    ("of Student’s t and Student's t", [("Student's t", "Student’s t")]),
    ("the loss parts", [("loss part", "loss parts")]),
    ("reviews, viewer, pre-view, view-like, lossy, AU+", []),
])
def test_what_counts_as_a_use(text, linked):
    assert page(text)[1] == linked


def test_a_term_may_go_on_in_the_next_line():
    bold = (nodes.strong("", word) for word in ("x", "y"))
    parts = (next(bold), "\n", next(bold), "the ", "contrastive", "\n", "loss")
    lines = nodes.paragraph("", "", *(nodes.Text(part) if isinstance(part, str) else part for part in parts))
    document, linked = page(lines)
    assert linked == [("contrastive loss", "contrastive\nloss")]
    assert document.astext() == "x\nythe contrastive\nloss"


@pytest.mark.parametrize("kind", [nodes.literal, nodes.literal_block, nodes.title, nodes.math, nodes.math_block])
def test_code_formulas_and_headings_are_left_alone(kind):
    document, linked = page(kind("", "view"), "later a view")
    assert linked == [("view", "view")]
    assert not list(document.children[0].findall(nodes.reference))


def test_links_and_outputs_are_left_alone():
    inside = nodes.reference("", "", nodes.strong("", "view"), refuri="#")
    output = nodes.container("", nodes.paragraph("", "UMAP"), classes=["cell_output"])
    assert page(nodes.paragraph("", "", inside), output)[1] == []


def test_titles_of_papers_are_left_alone():
    references = nodes.paragraph("", "", nodes.strong("", REFERENCES))
    assert page(references, "Smith 2020. A view.")[1] == []
