"""The explorer's file, and the same file in a browser: a hover shows the face."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from fercourse.errors import InputError
from fercourse.plots import explorer

from .drawn import drawn_faces

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium or chrome")


def spread(count):
    """Return points on a grid, so that neighbours are known."""
    return torch.stack([torch.arange(count) % 8, torch.arange(count) // 8], 1).float()


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page.html, re.S)[1])


def browse(page, script, folder, window=(1000, 700)):
    """Open the page, run a script when it is ready, and return what it leaves in `report`."""
    after = ("<script>const wait = setInterval(() => {"
             "if (!document.body.dataset.ready) return; clearInterval(wait);"
             "let report; const box = canvas.getBoundingClientRect();"
             "const hover = i => canvas.dispatchEvent(new PointerEvent('pointermove', "
             "{clientX: box.left + where[i][0], clientY: box.top + where[i][1]}));"
             "const key = k => canvas.dispatchEvent(new KeyboardEvent('keydown', {key: k}));"
             f"{script}; document.body.dataset.report = JSON.stringify(report); }}, 20);</script>")
    file = Path(folder) / "page.html"
    file.write_text(page.html.replace("</body>", after + "</body>"), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
               "--window-size={},{}".format(*window), f"--user-data-dir={folder}/profile", "--virtual-time-budget=5000",
               "--dump-dom", file.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout
    return json.loads(re.search(r'data-report="(.*?)"', dom)[1].replace("&quot;", '"').replace("&amp;", "&"))


@in_browser
def test_a_hover_shows_the_face_its_labels_and_its_neighbours(tmp_path):
    faces = drawn_faces(40, 64)
    page = explorer(spread(40), faces, predictions=(faces.labels + 1) % 8, neighbours=spread(40).long() + 3)
    seen = browse(page, """
        hover(21);
        const colour = $('face').getContext('2d').getImageData(150, 150, 1, 1).data;
        report = {row: chosen, grey: [...colour], alt: $('face').getAttribute('aria-label'),
                  facts: $('facts').textContent, others: $('others').textContent, open: $('others').checkVisibility(),
                  spoken: [...document.querySelectorAll('[aria-live]')].map(e => e.id),
                  wrong: document.querySelector('.wrong').textContent,
                  near: [...document.querySelectorAll('#near button')].map(b => b.title)}
    """, tmp_path)
    assert seen["row"] == 21
    assert all(abs(part - 105) < 3 for part in seen["grey"][:3])           # the disc of face 21, not of another
    assert "face 121" in seen["alt"] and f"person {int(faces.identity[21])}" in seen["alt"]
    assert f"true label{faces.words('labels')[21]}" in seen["facts"] and "age" not in seen["facts"]
    assert "age" in seen["others"] and not seen["open"] and seen["spoken"] == ["facts"]
    assert seen["wrong"] == faces.words("labels")[22]
    assert [title.split(":")[0] for title in seen["near"]] == ["face 108", "face 105"]


@in_browser
def test_a_telephone_shows_the_face_its_labels_and_its_neighbours_at_once(tmp_path):
    seen = browse(explorer(spread(40), drawn_faces(40)), """
        hover(21);
        const panel = document.querySelector('aside').getBoundingClientRect();
        report = [$('facts'), $('near')].map(e => e.getBoundingClientRect().bottom <= panel.bottom);
        report.push(canvas.clientHeight)
    """, tmp_path, window=(500, 780))            # the narrowest that Chrome makes; some 640 of the height are seen
    assert seen[:2] == [True, True] and seen[2] > 250


@in_browser
def test_two_fingers_or_three_buttons_zoom_and_a_step_is_told(tmp_path):
    seen = browse(explorer(spread(40), drawn_faces(40)), """
        const touch = (kind, id, x) => canvas.dispatchEvent(new PointerEvent('pointer' + kind, {pointerId: id,
            buttons: 1, pointerType: 'touch', clientX: box.left + x, clientY: box.top + 100}));
        canvas.setPointerCapture = () => 0;
        touch('down', 1, 100); touch('down', 2, 200); touch('move', 2, 300);
        report = {pinched: view.zoom, chosen};
        touch('up', 1, 100); touch('up', 2, 300); report.left = fingers.size;
        const [out, closer, all] = document.querySelectorAll('#zooms button');
        report.clicked = [all, closer, out].map(button => { button.click(); return view.zoom; });
        key('ArrowRight'); key('ArrowRight');
        report.told = $('spoken').textContent; report.role = canvas.getAttribute('role')
    """, tmp_path)
    assert abs(seen["pinched"] - 2) < 0.01 and seen["left"] == 0 and seen["chosen"] == -1
    assert seen["clicked"] == [1, 1.5, 1]
    assert re.fullmatch(r"\d+ % from the left, \d+ % from the top", seen["told"]) and seen["role"] == "application"


@in_browser
@pytest.mark.parametrize("window", [(500, 256), (640, 360), (900, 360)])
def test_a_low_window_scrolls_rather_than_leave_no_room_for_the_plane(tmp_path, window):
    assert browse(explorer(spread(40), drawn_faces(40)), "report = canvas.clientHeight / innerHeight", tmp_path,
                  window=window) > 0.55


@in_browser
def test_keys_legend_search_and_colours_work(tmp_path):
    faces = drawn_faces(40)
    seen = browse(explorer(spread(40), faces), """
        report = {};
        key('ArrowRight'); report.first = chosen;
        key('ArrowRight'); report.right = chosen;
        key('ArrowUp'); report.up = chosen;
        key('+'); report.zoom = view.zoom; key('0'); report.back = view.zoom;
        const fear = [...document.querySelectorAll('#legend button')].find(b => b.textContent.startsWith('fear'));
        fear.click(); report.pressed = fear.getAttribute('aria-pressed');
        report.shown = [...data.ids.keys()].filter(shown).length;
        fear.click();
        search('person 2'); report.person = $('found').textContent;
        report.of = [...matches].map(i => data.people[i]);
        search('107'); report.id = [...matches];
        search('fear'); report.nobody = [$('found').textContent, [...data.ids.keys()].filter(shown).length];
        search('');
        const ages = data.columns.findIndex(c => c.name === 'age');
        $('colour').value = ages; $('colour').onchange({target: $('colour')});
        report.legend = $('legend').textContent; report.bars = document.querySelectorAll('#legend canvas').length;
        const [x, y] = where[20].map(v => v * devicePixelRatio);
        report.pixel = [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]
    """, tmp_path)
    assert (seen["first"], seen["right"], seen["up"]) == (0, 1, 9)
    assert seen["zoom"] == 1.5 and seen["back"] == 1
    assert seen["pressed"] == "false" and seen["shown"] == 35
    assert set(seen["of"]) == {"2"} and len(seen["of"]) == int((faces.identity == 2).sum())
    assert seen["person"] == f"{len(seen['of'])} faces of this person"
    assert seen["id"] == [7]
    assert seen["nobody"] == ["no person or face has this number or name", 40]
    assert seen["legend"].startswith("age: ") and seen["bars"] == 1
    assert seen["pixel"][3] > 0


def test_the_file_is_self_contained_and_small(tmp_path):
    faces = drawn_faces(2000, 64)
    grain = 15 * torch.randn(2000, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    faces = replace(faces, images=(faces.images + grain).clamp(0, 255).byte())
    page = explorer(torch.rand(2000, 2), faces, tmp_path / "out.html", neighbours=torch.zeros(2000, 8).long())
    text = page.path.read_text(encoding="utf-8")
    code = re.sub(r'id="data">.*?</script>', "", text)
    assert not re.search(r'(src|href)="(?!data:)|https?://|@import|fetch\(', code)
    assert page.path.stat().st_size < 6e6
    assert [file.name for file in tmp_path.iterdir()] == ["out.html"]


def test_little_known_faces_are_explored():
    faces = drawn_faces(1, true_labels=None, identity=None, domain=None, valence_arousal=None, votes=None,
                        attributes={}, names={})
    data = data_of(explorer(torch.zeros(1, 2), faces))
    assert data["near"] == [[]] and data["people"] is None
    assert [column["name"] for column in data["columns"]] == ["label"]


def test_unknown_values_and_dangerous_names_are_written_safely():
    faces = drawn_faces(4)
    faces = replace(faces, labels=torch.tensor([0, -1, 2, 3]), name="a</script><b>",
                    attributes={"mood": torch.tensor([0, 0, 1, -1]),
                                "age": torch.tensor([30.0, torch.nan, 40, 50])},
                    names={"mood": ("</script><b>", "calm")})
    page = explorer(torch.eye(4)[:, :2], faces)
    data = data_of(page)
    assert data["columns"][0]["words"] == ["neutral", "sadness", "surprise", "unknown"]
    assert data["facts"][-1] == {"name": "age", "values": [30, None, 40, 50]}
    assert data["facts"][-2]["values"] == ["</script><b>", "</script><b>", "calm", None]
    assert "</script><b>" not in page.html and "a&lt;/script&gt;&lt;b&gt;" in page.html


def test_words_that_look_like_the_pages_own_places_and_comments_stay_words():
    faces = replace(drawn_faces(4), name="__DATA__", attributes={"mood": torch.zeros(4, dtype=torch.long)},
                    names={"mood": ("<!--<script>", "<img src=x onerror=alert(1)>")})
    page = explorer(torch.eye(4)[:, :2], faces)
    assert data_of(page)["facts"][-1]["values"] == ["<!--<script>"] * 4
    assert "<img src=x" not in page.html and page.html.count("<!--<script>") == 0
    assert "faces of __DATA__" in page.html


def test_a_scale_of_skin_tones_says_which_end_is_which():
    columns = {column["name"]: column for column in data_of(explorer(spread(40), replace(
        drawn_faces(40), attributes={"skin_tone": 1 + torch.arange(40) % 10, "years": torch.arange(40.0)})))["columns"]}
    assert columns["skin tone"]["note"] == "1 lightest, 10 darkest skin" and columns["years"]["note"] is None
    assert "(dark)" not in files("fercourse.plots").joinpath("explorer.html").read_text(encoding="utf-8")


def test_neighbours_default_to_the_nearest_points():
    near = data_of(explorer(spread(40), drawn_faces(40)))["near"]
    assert set(near[9][:4]) == {1, 8, 10, 17}


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match=r"\[3, 2\]"):
        explorer(torch.zeros(4, 2), drawn_faces(3), tmp_path / "x.html")
    with pytest.raises(InputError, match="2 predictions for 3 faces"):
        explorer(torch.zeros(3, 2), drawn_faces(3), predictions=torch.zeros(2).long())
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_it_in_a_frame_only_when_asked(capsys):
    page = explorer(spread(8), drawn_faces(8))
    assert repr(page).startswith("Explorer (") and not hasattr(page, "_repr_html_")
    page.show()
    assert capsys.readouterr().out.startswith("Explorer (")      # what a terminal gets of it
