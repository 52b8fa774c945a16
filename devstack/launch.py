"""Launcher of another program that ends when its parent process ends.

It is run as a script: `python -I -S launch.py --parent PID --death-signal N [--user NAME] --
COMMAND…`. On Linux the kernel sends the signal when the parent dies, even by SIGKILL, so that a
stack leaves no process behind. Elsewhere only the stack's own stop ends it. With `--user`, root
becomes that user first, because PostgreSQL refuses to run as root. The capability to ignore file
permissions is kept, because others need not be able to read the environment and the data directory.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
SECBIT_NO_SETUID_FIXUP = 1 << 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> None:
    """Become the command; returns only by an exception."""
    split = arguments.index("--")
    options = dict(zip(arguments[0:split:2], arguments[1:split:2], strict=True))
    command = arguments[split + 1 :]
    # What the stack keeps names people: messages, events, logs.
    os.umask(0o077)
    if "--user" in options:
        step_down(options["--user"])
    # After stepping down: a change of user clears the death signal.
    die_with(int(options["--parent"]), int(options["--death-signal"]))
    os.execv(command[0], command)


def step_down(user: str) -> None:
    """From root to `user`, keeping the one capability where the kernel lets us."""
    account = pwd.getpwnam(user)
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Without it access(2), by which the server finds its own files, looks at the user alone.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if libc is not None:
        one = 1 << CAP_DAC_OVERRIDE
        header = _Header(LINUX_CAPABILITY_VERSION_3, 0)
        sets = (_Sets * 2)(_Sets(one, one, one), _Sets(0, 0, 0))
        if libc.capset(ctypes.byref(header), ctypes.byref(sets)) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def die_with(parent: int, signal: int) -> None:
    """Ask for `signal` when the parent dies; leave at once if it already has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
