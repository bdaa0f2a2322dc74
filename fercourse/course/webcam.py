"""One picture from the browser's camera, on Colab: `take()`, and `forget()`.

The picture goes from the browser to the student's own runtime, and nowhere else; nothing is kept that is not told.
"""

import base64
import json
from contextlib import suppress
from pathlib import Path

from ..errors import InputError
from ..files import replacing

PLACE = Path("/content/my-own-face.jpg")                     # in the runtime, not on a mounted drive
TOLD = """\
Your browser now asks whether this page may use your camera. If you agree, you see yourself; press "Take" or "Cancel".
The one picture is sent to your own runtime, the machine at Google that runs this notebook for you alone, as {place}.
The course sends it to nobody. It is gone when you call webcam.forget() or when the runtime ends.
What a cell shows of it is saved with the notebook, on Colab by itself and with earlier versions: choose first Edit,
Notebook settings, "Omit code cell output when saving this notebook"."""
CAMERA = """\
(async () => {
  const box = document.createElement('div'), video = document.createElement('video');
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'user'}});
    video.srcObject = stream;
    video.setAttribute('playsinline', '');
    box.append(video);
    const pressed = new Promise(resolve => ['Take', 'Cancel'].forEach(word => {
      const button = document.createElement('button');
      button.textContent = word;
      button.onclick = () => resolve(word);
      box.append(button);
    }));
    document.body.append(box);
    await video.play();
    google.colab.output.setIframeHeight(document.documentElement.scrollHeight, true);
    if (await pressed === 'Cancel') return JSON.stringify({error: 'Cancelled'});
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    return JSON.stringify({picture: canvas.toDataURL('image/jpeg', 0.95)});
  } catch (error) {
    return JSON.stringify({error: error.name, words: error.message});
  } finally {
    if (stream) stream.getTracks().forEach(track => track.stop());
    box.remove();
  }
})()"""
ELSE = "or give fc.from_photo a picture file"
REASONS = {
    "Cancelled": f"no picture was taken, as you wished; run the cell again to take one, {ELSE}",
    "NotAllowedError": "the browser may not use the camera, so no picture was taken; if that was not meant, allow it "
                       f"beside the page's address and run the cell again, {ELSE}",
    "NotFoundError": f"the browser finds no camera; plug one in and run the cell again, {ELSE}",
    "NotReadableError": f"another program holds the camera; close it and run the cell again, {ELSE}",
}


def take() -> Path:
    """Take one picture with the browser's camera, if the student agrees; return where it lies in the runtime.

    Raises:
        InputError: outside Colab, without a camera, or when the student says no.
    """
    try:
        from google.colab import output
    except ImportError:
        raise InputError("the browser's camera can be asked only on Colab; here, give fc.from_photo a picture "
                         "file") from None
    print(TOLD.format(place=PLACE))
    picture = _picture(output.eval_js(CAMERA))
    with replacing(PLACE) as part:
        part.write_bytes(picture)
    return PLACE


def _picture(answer) -> bytes:
    """Return the JPEG file in what the browser answered."""
    with suppress(TypeError, ValueError, KeyError, AttributeError):
        told = json.loads(answer)
        if error := told.get("error"):
            raise InputError(REASONS.get(error, f"the browser gave no picture ({error}: {told.get('words')}); "
                                                f"try another browser, {ELSE}"))
        picture = base64.b64decode(told["picture"].split(",")[1], validate=True)
        if picture[:2] == b"\xff\xd8":                       # as every JPEG file begins
            return picture
    raise InputError(f"what came from the browser is no picture; run the cell again, {ELSE}")


def forget():
    """Delete the picture, if there is one, and say so."""
    there = PLACE.exists()
    PLACE.unlink(missing_ok=True)
    print(f"{PLACE} is deleted." if there else f"There is no {PLACE}.", "Cells may still show it: clear their outputs.")
