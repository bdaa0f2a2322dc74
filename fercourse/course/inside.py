"""The inner side of `sandbox`: executes `book.ipynb` in a folder; a line a cell to `outputs.jsonl`."""

import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

BIGGEST_FILE = 1 << 28                                       # bytes a submission may write into one file
LATE, DEAF = "Timeout", "WentOn"                             # how a cell ends that ran too long, heeding it or not
HEED = 15                                                    # seconds in which an interrupted cell must end
MOST_TASKS = 4096                                            # processes and threads, where only its own count
MOST_SAID = 1 << 20                                          # characters of a cell's outputs that are kept


def main(own: str, cell_timeout: str):
    """Execute the notebook in folder `own`, at most so many seconds a cell."""
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path.cwd()]     # where the notebook writes
    sys.modules.setdefault("rfc3987_syntax", None)           # jsonschema would compile a grammar: most of the start
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError
    _prepare()
    handed_over = Path(own) / "book.ipynb"
    book = nbformat.read(handed_over, as_version=4)
    handed_over.unlink()                                     # it holds private tests, and what runs can read files
    with (Path(own) / "outputs.jsonl").open("w", encoding="utf-8") as file:

        async def ended(cell, cell_index, execute_reply):
            content = (execute_reply or {}).get("content", {})
            if any(one.get("source") == "ask_exit" for one in content.get("payload") or ()):
                raise DeadKernelError("a cell called exit()")          # it would end a little later, in some cell
            if content.get("status") == "error" and not any(one.output_type == "error" for one in cell.outputs):
                cell.outputs.append(nbformat.v4.new_output(
                    "error", ename=content.get("ename", "Error"), evalue=content.get("evalue", ""), traceback=[]))
            _say(file, cell_index, cell.outputs)
            if content.get("ename") == LATE:                 # it was interrupted; does it heed that?
                try:
                    await client.kc.wait_for_ready(timeout=_patience())
                except RuntimeError:
                    if await client.km.is_alive():
                        cell.outputs.append(nbformat.v4.new_output("error", **deaf))
                        _say(file, cell_index, cell.outputs)
                    raise DeadKernelError("a cell went on though it was interrupted") from None

        late = {"ename": LATE, "evalue": f"this cell ran longer than {float(cell_timeout):g} s", "traceback": []}
        deaf = {"ename": DEAF, "evalue": "this cell went on though it was interrupted", "traceback": []}
        client = NotebookClient(book, timeout=float(cell_timeout), kernel_name="python3", allow_errors=True,
                                record_timing=False, interrupt_on_timeout=True, error_on_timeout=late,
                                on_cell_executed=ended, resources={"metadata": {"path": str(Path(own) / "notebooks")}})
        with suppress(DeadKernelError):
            client.execute()


def _say(file, index, outputs):
    """Write a cell's outputs; of several lines of a cell the last one counts."""
    file.write(json.dumps({"index": index, "outputs": _cut(outputs)}) + "\n")
    file.flush()


def _patience():
    """Return for how many seconds to wait for an interrupted cell: longer on a loaded machine."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1
    return HEED * min(8, max(1, load))


def _cut(outputs):
    """Return a cell's outputs, shortened where they are longer than anybody reads; how the cell ended stays told."""
    kept, room = [], MOST_SAID
    for one in outputs:
        size = len(json.dumps(one))
        if size > room and one["output_type"] == "error":
            one = one | {"evalue": one["evalue"][:1000], "traceback": []}
        elif size > room:
            text = one.get("text", "")[:room] if one["output_type"] == "stream" else ""
            one = {"output_type": "stream", "name": one.get("name", "stdout"),
                   "text": f"{text}\n[an output of {size:,} characters was cut off here]\n"}
        kept.append(one)
        room = max(0, room - size)
    return kept


def _prepare():
    if sys.platform == "win32":
        return
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (BIGGEST_FILE, BIGGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if os.environ.get("FERCOURSE_WALLED") == "1" and kernel >= (5, 14):      # before, the user's others counted, too
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_TASKS, MOST_TASKS))
    if os.environ.get("FERCOURSE_WALLED") == "1":            # the kernel is talked to over the loopback device
        import ctypes
        import fcntl
        import socket
        import struct
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            fcntl.ioctl(link, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))       # SIOCSIFFLAGS: up, running
        for capability in range(64):                         # what starts from here cannot take the walls down again
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)                           # PR_CAPBSET_DROP


if __name__ == "__main__":
    main(*sys.argv[1:])
