"""The process that prepares long documents, so that the event loop goes on.

It reads calls from its standard input and writes answers to its standard output, both pickled by
the API that started it. Its first answer says that it is ready. It ends when its input does.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from api.definitions import description, preparation

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "prepare": preparation.prepare,
    "changes": preparation.changes,
    "describe": description.describe,
}

MEMORY = 2 * 1024 * 1024 * 1024
"""The most bytes of address space."""


def main() -> None:
    """Answer calls, one after another."""
    # Ctrl-C goes to the whole group; the API ends this process by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    calls = sys.stdin.buffer
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        # What else is printed must not come between the answers.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        pickle.dump((True, None), answers)
        answers.flush()
        while True:
            try:
                name, arguments = pickle.load(calls)
            except EOFError:
                return
            try:
                answer = (True, FUNCTIONS[name](*arguments))
            except MemoryError:
                return
            except Exception:
                answer = (False, traceback.format_exc())
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    main()
