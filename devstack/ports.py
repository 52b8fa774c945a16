"""Ports on 127.0.0.1."""

import errno
import socket

from devstack.process import StackFailed

HOST = "127.0.0.1"


def claim_port(port: int, what: str, option: str) -> int:
    """The port itself if it is free, or a free one for 0.

    Raises:
        StackFailed: another program listens there; the message names the port and the option.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                why = "needs rights that this user does not have"
            else:
                why = "is in use"
            raise StackFailed(
                f"port {port} ({what}) {why}: free it, or choose another with {option}"
            ) from None
        return int(probe.getsockname()[1])


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
