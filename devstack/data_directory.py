"""The data directory of a stack: its lock, its keys, and `stack.json`."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from devstack.process import StackFailed

STACK_FILE = "stack.json"


class DataDirectory:
    """Paths of everything a stack keeps, and who may use them."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.postgres = self.path / "postgres"
        self.temporal = self.path / "temporal.db"
        self.inbox = self.path / "inbox.jsonl"
        self.spool = self.path / "spool"
        self.logs = self.path / "logs"
        self.stack_file = self.path / STACK_FILE
        self._keys = self.path / "keys.json"
        self._secret = self.path / "webhook.secret"
        self._link_key = self.path / "link.key"
        self._lock: TextIO | None = None

    def acquire(self) -> None:
        """Make the directory and take it for this process until `release` or its end.

        The kernel releases the lock when the process ends in any way, so a lock file that is left
        behind does not prevent another start.

        Raises:
            StackFailed: another stack has it, or it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
            self._keep_private()
        except OSError as error:
            raise StackFailed(
                f"cannot use {self.path} for data: {error.strerror}; choose another with --data-dir"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise StackFailed(
                f"another stack (pid {holder}) runs on {self.path}: "
                "stop it, or choose another directory with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _keep_private(self) -> None:
        """Let the owner alone read what the stack keeps: messages, events and logs name people.

        This mends what another version left. New files are private by the mask of each process.
        """
        self.path.chmod(0o700)
        self.logs.mkdir(exist_ok=True)
        self.logs.chmod(0o700)
        for file in self.path.iterdir():
            if file.is_file():
                file.chmod(0o600)

    def release(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None

    def log(self, name: str) -> Path:
        """An empty log file for one part of the stack."""
        path = self.logs / f"{name}.log"
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_bytes(b"")
        return path

    def read_keys(self) -> dict[str, str]:
        """The plain keys made for this stack by scope; empty before there are any."""
        try:
            keys: dict[str, str] = json.loads(self._keys.read_text())
        except FileNotFoundError:
            return {}
        return keys

    def write_keys(self, keys: Mapping[str, str]) -> None:
        """Keep the plain keys, readable by their owner alone; the database has hashes only."""
        write_private(self._keys, json.dumps(keys))

    def webhook_secret(self) -> str:
        """The key of webhooks' signatures, the same across restarts."""
        return _kept_secret(self._secret)

    def link_key(self) -> str:
        """The key that signs the links of messages, the same across restarts."""
        return _kept_secret(self._link_key)

    def announce(self, stack: Mapping[str, Any]) -> None:
        """Write `stack.json`, whole or not at all."""
        write_private(self.stack_file, json.dumps(stack, indent=2) + "\n")

    def withdraw(self) -> None:
        """Remove `stack.json`."""
        self.stack_file.unlink(missing_ok=True)


def _kept_secret(path: Path) -> str:
    """The secret of a file, which is made when it is asked for the first time."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that its owner alone may read."""
    whole = path.with_name(f"{path.name}.new")
    whole.unlink(missing_ok=True)
    whole.touch(mode=0o600)
    whole.write_text(text)
    whole.replace(path)
