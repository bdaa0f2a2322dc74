"""Hidden tests stay hidden in what students are shown, in whichever cell and dress they are quoted."""

import json
from html import escape

import nbformat
import pytest

from fercourse.course.covered import INSTEAD, covered

SECRET = "assert low < mean(x) > 0 and name == 'it\\'s', \"no\""
SOURCE = f"shown = mean([1])\n### BEGIN HIDDEN TESTS\n{SECRET}\nassert\nshown = mean([1])\n### END HIDDEN TESTS"
COLOURED = SECRET.replace("assert", "\x1b[38;5;241massert\x1b[39m").replace("mean", "\x1b[1mmean\x1b[0m")
HTML = "<pre>" + escape(SECRET).replace("mean", "<span class='k'>mean</span>") + "</pre>"
new_output = nbformat.v4.new_output


def shown(*outputs):
    """Return the outputs of a student's own cell after those of a test cell with hidden tests, covered."""
    cells = [nbformat.v4.new_code_cell(SOURCE), nbformat.v4.new_code_cell("print(In)", outputs=list(outputs))]
    return covered(nbformat.v4.new_notebook(cells=cells)).cells


@pytest.mark.parametrize("output", [
    new_output("stream", text=f"before\n{SECRET}\nafter"),
    new_output("stream", text=f"before\n{[SOURCE]!r}\nafter"),
    new_output("stream", text=f"before\n{json.dumps(SOURCE)}\nafter"),
    new_output("stream", text=f"before\n---> 3 {COLOURED}\nafter"),
    new_output("execute_result", data={"text/html": f"before\n{HTML}\nafter"}),
    new_output("error", ename="E", evalue="", traceback=["before", f"before\n---> {COLOURED}\nafter", "after"]),
    new_output("error", ename="E", evalue=f"before\n{SECRET}\nafter", traceback=[]),
], ids=["plain", "repr", "json", "coloured", "html", "traceback", "message"])
def test_a_line_that_quotes_a_hidden_test_is_replaced(output):
    text = json.dumps(shown(output)[1].outputs)
    assert "mean" not in text and "it" not in text.replace("(hidden tests)", "") and INSTEAD in text
    assert "before" in text and "after" in text


def test_json_that_quotes_a_hidden_test_is_replaced():
    output = new_output("display_data", data={"application/json": {"a": [SECRET]}})
    assert shown(output)[1].outputs[0].data == {"application/json": INSTEAD}


def test_what_is_no_secret_stays():
    output = new_output("stream", text="assert\nshown = mean([1])\n<b>low</b>")
    test, own = shown(output)
    assert own.outputs[0].text == output.text                # also shown, or too short to tell anything
    assert test.source == f"shown = mean([1])\n{INSTEAD}" and own.source == "print(In)"


def test_a_number_too_long_to_be_one_is_text():
    source = "x = 1  # &#" + "1" * 5000 + ";"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    assert covered(book).cells[0].source == source
