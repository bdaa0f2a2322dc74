"""The browser's camera on Colab: what is written, what is said, and what happens when the answer is no."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import fercourse as fc
from fercourse.course import webcam
from fercourse.errors import InputError

PLACE = webcam.PLACE
PAGE = Path(__file__).parents[2] / "docs" / "your-own-face.md"


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """Return a function that makes this a Colab whose browser answers so; pictures go to a folder of the test."""
    asked = []

    def answering(answer):
        package, inner, output = ModuleType("google"), ModuleType("google.colab"), ModuleType("google.colab.output")
        package.colab, inner.output = inner, output
        output.eval_js = lambda script: asked.append(script) or answer
        for one in (package, inner, output):
            monkeypatch.setitem(sys.modules, one.__name__, one)
        return asked
    monkeypatch.setattr(webcam, "PLACE", tmp_path / "content" / "my-own-face.jpg")
    return answering


def shot(kind="JPEG", mime="image/jpeg", picture=None):
    """Return what the browser answers when a picture was taken."""
    file = io.BytesIO()
    (picture or Image.fromarray(np.full((30, 40, 3), 120, np.uint8))).save(file, kind)
    return json.dumps({"picture": f"data:{mime};base64,{base64.b64encode(file.getvalue()).decode()}"})


def test_a_picture_is_taken_read_and_forgotten(colab, tmp_path, capsys):
    asked = colab(shot())
    path = webcam.take()
    assert Image.open(path).size == (40, 30) and len(asked) == 1
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    told = capsys.readouterr().out
    for words in ("your own runtime", str(path), "to nobody", "webcam.forget()", "Omit code cell output"):
        assert words in told
    webcam.forget()
    assert not path.exists() and "is deleted" in capsys.readouterr().out
    webcam.forget()
    assert "There is no" in capsys.readouterr().out


def test_the_page_s_cell_finds_the_face(colab):
    pytest.importorskip("cv2")
    face = fc.load_faces("synthfaces", split="test", domain="lab").images[0].permute(1, 2, 0).numpy()
    scene = Image.new("RGB", (640, 480), (150, 170, 160))
    scene.paste(Image.fromarray(face).resize((300, 300), Image.Resampling.BICUBIC), (170, 90))
    colab(shot(picture=scene))
    cells, names = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL), {}
    exec(next(cell for cell in cells if "webcam.take()" in cell), names)
    assert names["photo"].images.shape == (1, 3, 64, 64)


def test_the_page_says_where_the_picture_goes():
    text = PAGE.read_text("utf-8")
    for words in (f"`{PLACE.as_posix()}`", "your own runtime", "webcam.forget()", "Omit code cell output"):
        assert words in text


def test_the_second_picture_replaces_the_first(colab):
    colab(shot())
    assert webcam.take() == webcam.take()


@pytest.mark.parametrize(("error", "words"), [
    ("NotAllowedError", "may not use the camera"),
    ("Cancelled", "as you wished"),
    ("NotFoundError", "finds no camera"),
    ("NotReadableError", "another program"),
    ("TypeError", "TypeError: navigator.mediaDevices is undefined"),
])
def test_no_means_no(colab, error, words):
    colab(json.dumps({"error": error, "words": "navigator.mediaDevices is undefined"}))
    with pytest.raises(InputError, match=words) as told:
        webcam.take()
    assert "fc.from_photo" in str(told.value) and not webcam.PLACE.parent.exists()


@pytest.mark.parametrize("answer", [None, "", "[]", "{}", '{"picture": 3}', '{"picture": "data:image/jpeg;base64,&&"}',
                                    shot("PNG"), shot("PNG", "image/png"), json.dumps({"picture": "x,y,z"})])
def test_what_is_no_picture_is_not_written(colab, answer):
    colab(answer)
    with pytest.raises(InputError, match="no picture"):
        webcam.take()
    assert not webcam.PLACE.parent.exists()


def test_outside_colab_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    with pytest.raises(InputError, match=r"only on Colab; here, give fc\.from_photo a picture file"):
        webcam.take()


def test_the_picture_stays_in_the_runtime_s_own_folder():
    assert PLACE.parent.as_posix() == "/content"                 # /content/drive would leave the runtime


BROWSER = """
const told = [], press = PRESS;
const element = kind => ({setAttribute() {},
  append(child) { if (child.textContent === press) setTimeout(child.onclick); },
  remove() { told.push('gone'); }, play: async () => {}, videoWidth: 4, videoHeight: 3,
  getContext: () => ({drawImage() { told.push('drawn'); }}), toDataURL: kind => `data:${kind}`});
globalThis.document = {createElement: element, body: {append() {}}, documentElement: {scrollHeight: 9}};
globalThis.google = {colab: {output: {setIframeHeight() {}}}};
const devices = {getUserMedia: async () => {
  if (press === 'refuse') throw {name: 'NotAllowedError', message: 'no'};
  return {getTracks: () => [{stop() { told.push('off'); }}]};
}};
Object.defineProperty(globalThis, 'navigator', {value: {mediaDevices: devices}});
CAMERA.then(answer => console.log(JSON.stringify([answer, told])));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="no node here to run the browser's part")
@pytest.mark.parametrize(("press", "answer", "told"), [
    ("Take", {"picture": "data:image/jpeg"}, ["drawn", "off", "gone"]),
    ("Cancel", {"error": "Cancelled"}, ["off", "gone"]),
    ("refuse", {"error": "NotAllowedError", "words": "no"}, ["gone"]),
])
def test_the_browser_s_part_switches_the_camera_off_whatever_happens(press, answer, told):
    script = BROWSER.replace("PRESS", repr(press)).replace("CAMERA", webcam.CAMERA)
    ran = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found, events = json.loads(ran.stdout)
    assert json.loads(found) == answer and events == told
