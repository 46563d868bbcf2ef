"""Tells systemd that a service of `Type=notify` is ready (sd_notify(3))."""

import os
import socket


def say_ready() -> None:
    """Say so, if it wants to know."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        try:
            out.sendto(b"READY=1", address.replace("@", "\0", 1) if address[0] == "@" else address)
        except OSError:
            return
