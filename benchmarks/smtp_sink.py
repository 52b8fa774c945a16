"""The mail server of benchmarks: `python -m benchmarks.smtp_sink PORT DIRECTORY`.

It is the sink of `parcours dev`, which keeps every mail, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from devstack.inbox import Inbox
from devstack.ports import HOST, free_port
from devstack.smtp_sink import start_sink

_READY = "ready"


async def _serve(port: int, directory: Path) -> None:
    server = await start_sink(Inbox(directory), port)
    print(_READY, flush=True)
    await server.serve_forever()


@contextmanager
def smtp_sink(directory: Path) -> Iterator[str]:
    """Run the server until the context ends; its URL. `directory` is where it keeps mails."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.smtp_sink", str(port), str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != _READY:
            raise RuntimeError("the mail server did not start")
        yield f"smtp://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
