"""The command in processes of their own that need not import it: they are forked from one that has.

To import a worker takes longer than most tests let one live. A process that imports everything and
does nothing else (this module, run as a script) is started by the first test that needs it, forks
itself for each command, and ends with the process of the tests, and all that it started with it.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_MOST = 1 << 18
"""Bytes of a request, most of which is an environment."""
_ROOT = Path(__file__).parents[2]


@dataclass
class Forked:
    """A running command."""

    pid: int = 0
    returncode: int | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> int:
        """Its exit code, once it has ended; below nought, the signal that ended it."""
        await self.ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


async def forked(
    arguments: Sequence[str], environment: Mapping[str, str], outputs: Sequence[int] = ()
) -> Forked:
    """Start `parcours ARGUMENTS`.

    `outputs`: the file descriptors of its standard output and standard error; without them what it
    says is lost.
    """
    return await _forks().start(arguments, environment, outputs)


async def forked_output(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `parcours ARGUMENTS`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = await forked(arguments, environment, [out.fileno(), err.fileno()])
        code = await process.wait()
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


class _Forks:
    """The commands that were started, and the process that forks them."""

    def __init__(self) -> None:
        self._processes: dict[int, Forked] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        # It ends once the socket is closed. This process does not wait for it.
        server.returncode = 0
        atexit.register(self._socket.close)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    async def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], outputs: Sequence[int]
    ) -> Forked:
        number, process = len(self._processes), Forked()
        self._processes[number] = process
        request = [number, list(arguments), dict(environment)]
        socket.send_fds(self._socket, [json.dumps(request).encode()], outputs)
        await process.started.wait()
        return process

    def _read(self) -> None:
        said = self._socket.recv(_MOST)
        # Nothing is read once the other process has ended, which it does not by itself.
        assert said, "the process that forks commands has ended"
        number, what, value = json.loads(said)
        process = self._processes[number]
        if what == "started":
            process.pid = value
            process.started.set()
        else:
            process.returncode = value
            process.ended.set()


@cache
def _forks() -> _Forks:
    return _Forks()


def _serve(control: socket.socket) -> bool:
    """Fork a process for each request, and say when it began and how it ended.

    Returns True in a process that was forked, and False once no request can come any more.
    """
    running: dict[int, int] = {}
    # A child that ends is written to this pipe, which `select` looks at.
    ending, ended = os.pipe()
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(ended)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A Ctrl-C is for the tests, whose end is this one's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        readable, _, _ = select.select([control.fileno(), ending], [], [])
        if ending in readable:
            os.read(ending, _MOST)
            for pid in list(running):
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    code = os.waitstatus_to_exitcode(status)
                    _say(control, running.pop(pid), "ended", code)
        if control.fileno() in readable:
            request, descriptors, _, _ = socket.recv_fds(control, _MOST, 2)
            if not request:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                return False
            number, arguments, environment = json.loads(request)
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                control.close()
                os.close(ending)
                os.close(ended)
                _become(arguments, environment, descriptors)
                return True
            running[pid] = number
            for descriptor in descriptors:
                os.close(descriptor)
            _say(control, number, "started", pid)


def _say(control: socket.socket, number: int, what: str, value: int) -> None:
    try:
        control.send(json.dumps([number, what, value]).encode())
    except BrokenPipeError:
        # The tests have ended: what is read next says so.
        pass


def _become(arguments: list[str], environment: dict[str, str], descriptors: Sequence[int]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for target in (1, 2):
        descriptor = descriptors[target - 1] if descriptors else os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.argv[1:] = arguments


if __name__ == "__main__":
    # What the commands import once it is known which one it is.
    import worker  # noqa: F401
    from cli.main import app

    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        if _serve(asked):
            app(prog_name="parcours")
