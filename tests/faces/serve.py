"""A small HTTP server on 127.0.0.1 that misbehaves as it is told."""

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Manner:
    """How the server answers.

    Attributes:
        content: what it has; `later` replaces it after the first request (a new version with a new tag).
        breaks: break the connection after so many bytes of each of the first answers.
        ranges: whether it heeds Range; `shift` bytes too late if told so.
        length: send Content-Length; `chunked` sends chunks instead.
        kind: content type. status: always answer this. redirect: send elsewhere. tag: an entity tag.
        silent: take requests and say nothing, for so many requests.
    """

    content: bytes = b""
    later: bytes | None = None
    breaks: tuple[int, ...] = ()
    ranges: bool = True
    shift: int = 0
    length: bool = True
    chunked: bool = False
    kind: str = "application/x-gzip"
    status: int = 0
    redirect: str = ""
    tag: str = '"one"'
    asked: list = field(default_factory=list)


@contextmanager
def serving(manner):
    """Yield the address of a server with this manner."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if manner.chunked else "HTTP/1.0"

        def log_message(self, *words):
            pass

        def do_GET(self):
            answer(self, manner)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/faces.tar.gz"
    finally:
        server.shutdown()
        server.server_close()


def answer(request, manner):
    number = len(manner.asked)
    manner.asked.append(dict(request.headers))
    content, tag = (manner.content, manner.tag) if manner.later is None or not number else (manner.later, '"two"')
    if manner.redirect and "moved" not in request.path:
        request.send_response(302)
        request.send_header("Location", manner.redirect)
        return request.end_headers()
    begin = start(request, manner, tag, len(content))
    request.send_response(manner.status or (206 if begin else 200))
    if begin:
        request.send_header("Content-Range", f"bytes {begin + manner.shift}-{len(content) - 1}/{len(content)}")
    request.send_header("Content-Type", manner.kind)
    if tag:
        request.send_header("ETag", tag)
    if manner.chunked:
        request.send_header("Transfer-Encoding", "chunked")
    elif manner.length:
        request.send_header("Content-Length", str(len(content) - begin))
    request.end_headers()
    stop = begin + manner.breaks[number] if number < len(manner.breaks) else len(content)
    try:
        send(request, content[begin:stop], manner.chunked, whole=stop >= len(content))
    except OSError:                                  # the client has heard enough
        pass
    request.close_connection = True


def start(request, manner, tag, length):
    match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if not match or not manner.ranges or request.headers.get("If-Range", tag) != tag:
        return 0
    return min(int(match[1]), length)


def send(request, content, chunked, whole):
    for begin in range(0, len(content), 4096):
        piece = content[begin:begin + 4096]
        request.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked and whole:
        request.wfile.write(b"0\r\n\r\n")
