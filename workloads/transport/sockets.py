"""Sockets as the job asks for them, and what the kernel made of them."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any, NamedTuple

from workloads.errors import WorkloadError

# <linux/socket.h>: set the size beyond net.core.*mem_max; needs CAP_NET_ADMIN
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33

_RETRY_SECONDS = 0.02

# struct tcp_info of <linux/tcp.h>: offset and format of the fields that are recorded
_TCP_INFO_FIELDS = {
    "rtt_us": (68, "=I"),
    "cwnd": (80, "=I"),
    "retransmits": (100, "=I"),
    "bytes_received": (128, "=Q"),
    "busy_us": (168, "=Q"),
    "receiver_limited_us": (176, "=Q"),
    "bytes_sent": (200, "=Q"),
}
_TCP_INFO_BYTES = 256


class Endpoint(NamedTuple):
    """A TCP address."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Buffers(NamedTuple):
    """Socket buffer sizes to ask for, in bytes."""

    send: int
    receive: int


def _set_buffers(sock: socket.socket, buffers: Buffers) -> None:
    """Fix the buffers' sizes. Must precede listen and connect: the window scale depends on them."""
    set_send_buffer(sock, buffers.send)
    set_receive_buffer(sock, buffers.receive)


def set_send_buffer(sock: socket.socket, size: int) -> None:
    """Fix the size of a send buffer, in bytes; at any time."""
    _set_size(sock, _SO_SNDBUFFORCE, socket.SO_SNDBUF, size)


def set_receive_buffer(sock: socket.socket, size: int) -> None:
    """Fix the size of a receive buffer, in bytes."""
    _set_size(sock, _SO_RCVBUFFORCE, socket.SO_RCVBUF, size)


def _set_size(sock: socket.socket, force: int, plain: int, size: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, plain, size)


def listen(endpoint: Endpoint, buffers: Buffers, expected: int) -> socket.socket:
    """Return a socket that listens on this address only; accepted ones inherit its buffers.

    Args:
        endpoint: own address; port 0 lets the kernel choose.
        buffers: asked for.
        expected: connections that may wait to be accepted. A worker opens all of them before it
            says a word on the first, so none of them may have to wait for room.

    Raises:
        WorkloadError: the address is in use or is not of this host.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _set_buffers(listener, buffers)
        listener.bind(endpoint)
        listener.listen(expected)
    except OSError as error:
        listener.close()
        raise WorkloadError(f"cannot listen on {endpoint}: {error.strerror}") from None
    return listener


def connect(
    bind: str,
    server: Endpoint,
    buffers: Buffers,
    patience: float,
    *,
    who: str = "the parameter server",
) -> socket.socket:
    """Return a connection from `bind` to a process that listens, which may still be starting.

    The own address is bound first, so that no route leads training traffic over another network.

    Args:
        bind: own data address.
        server: where it listens.
        buffers: asked for.
        patience: seconds to keep trying.
        who: it is, for messages.

    Raises:
        WorkloadError: no answer came in time, or `bind` is not an address of this host.
    """
    deadline = time.monotonic() + patience
    while True:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            _set_buffers(sock, buffers)
            sock.bind((bind, 0))
        except OSError as error:
            sock.close()
            raise WorkloadError(f"cannot use the address {bind}: {error.strerror}") from None
        try:
            sock.settimeout(max(_RETRY_SECONDS, deadline - time.monotonic()))
            sock.connect(server)
        except OSError as error:
            sock.close()
            if time.monotonic() + _RETRY_SECONDS > deadline:
                why = error.strerror or "no answer"
                raise WorkloadError(
                    f"cannot reach {who} at {server} within {patience:g} s: {why}"
                ) from None
            time.sleep(_RETRY_SECONDS)
            continue
        sock.settimeout(None)
        prepare(sock)
        return sock


def prepare(sock: socket.socket) -> None:
    """Set what a connected socket needs: small frames leave at once."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def mark(sock: socket.socket, dscp: int) -> None:
    """Write a class into the DSCP field of all that a socket sends from now on."""
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


def limit_not_sent(sock: socket.socket, count: int | None) -> None:
    """Let a socket hold no more than `count` bytes that are not yet on their way; None: any."""
    if count is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, count)


def kept_settings(receiving: socket.socket, sending: socket.socket) -> dict[str, Any]:
    """Return what the kernel kept; it doubles the buffer sizes that it is asked for."""
    algorithm = sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return {
        "congestion_control": algorithm.split(b"\0", 1)[0].decode("ascii", "replace"),
        "send_buffer_bytes": sending.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        "receive_buffer_bytes": receiving.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
        "not_sent_limit_bytes": sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        or None,
        "dscp": sending.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) >> 2,
    }


def tcp_state(receiving: socket.socket, sending: socket.socket) -> dict[str, int]:
    """Return the counters of a pair of connections from TCP_INFO; an older kernel's lack some."""
    return {**_counters(sending), **_counters(receiving, only="bytes_received")}


def _counters(sock: socket.socket, only: str = "") -> dict[str, int]:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return {
        name: struct.unpack_from(form, info, offset)[0]
        for name, (offset, form) in _TCP_INFO_FIELDS.items()
        if offset + struct.calcsize(form) <= len(info) and only in (name, "")
    }
