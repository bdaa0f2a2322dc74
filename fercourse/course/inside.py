"""The inner side of `sandbox`: executes `book.ipynb` in a folder; a line a cell to `outputs.jsonl`."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

BIGGEST_FILE = 1 << 28                                       # bytes a submission may write into one file


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

        def ended(cell, cell_index, execute_reply):
            content = (execute_reply or {}).get("content", {})
            if any(one.get("source") == "ask_exit" for one in content.get("payload") or ()):
                raise DeadKernelError("a cell called exit()")          # it would end a little later, in some cell
            if content.get("status") == "error" and not any(one.output_type == "error" for one in cell.outputs):
                cell.outputs.append(nbformat.v4.new_output(
                    "error", ename=content.get("ename", "Error"), evalue=content.get("evalue", ""), traceback=[]))
            file.write(json.dumps({"index": cell_index, "outputs": cell.outputs}) + "\n")
            file.flush()

        late = {"ename": "Timeout", "evalue": f"this cell ran longer than {float(cell_timeout):g} s", "traceback": []}
        client = NotebookClient(book, timeout=float(cell_timeout), kernel_name="python3", allow_errors=True,
                                record_timing=False, interrupt_on_timeout=True, error_on_timeout=late,
                                on_cell_executed=ended, resources={"metadata": {"path": str(Path(own) / "notebooks")}})
        with suppress(DeadKernelError):
            client.execute()


def _prepare():
    if sys.platform == "win32":
        return
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (BIGGEST_FILE, BIGGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
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
