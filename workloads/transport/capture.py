"""When a sender's packets leave its interface, on the kernel's clock.

A packet socket for all protocols sees an outgoing packet in `dev_queue_xmit_nit`, which is called
by `dev_hard_start_xmit` after a qdisc has let go of it (Linux, net/core/dev.c: `xmit_one`;
net/sched/sch_generic.c: `qdisc_restart`, `sch_direct_xmit`). So the time of a packet here is that
at which it has left all queues of the host, and what waits in htb is not seen yet. A packet that
the kernel hands down whole and that is cut up later (GSO) is one packet here.

The kernel writes the first bytes of each packet and its time into a ring in memory (PACKET_RX_RING,
TPACKET_V2: Linux, Documentation/networking/packet_mmap.rst), so that watching costs this process
nothing before it reads. Times are of the real-time clock; they are turned into the monotonic one by
readings of both.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
import time
from collections.abc import Iterator
from fcntl import ioctl
from typing import NamedTuple

from workloads.errors import WorkloadError

_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_TPACKET_V2 = 1
_SO_ATTACH_FILTER = 26
_SIOCGIFADDR = 0x8915
_ETH_P_ALL = 0x0003  # a socket for one protocol is not shown outgoing packets

_FRAME_BYTES = (
    128  # of the ring: a header of the kernel's, and the packet up to TCP's sequence number
)
_BLOCK_BYTES = 1 << 16
_BLOCKS = 256  # 131072 packets: seconds of a gigabit in whole frames, and more of GSO's
# struct tpacket2_hdr: status, length on the wire, length kept, where it begins, ..., s, ns
_HEADER = struct.Struct("=IIIHHII")
_USER = 1  # the kernel has filled it

# Classic BPF: TCP over IPv4 to a port. (code, jump if true, jump if false, constant)
_FILTER = (
    (0x28, 0, 0, 12),  # ldh [12]: EtherType
    (0x15, 0, 6, 0x0800),
    (0x30, 0, 0, 23),  # ldb [23]: protocol
    (0x15, 0, 4, socket.IPPROTO_TCP),
    (0xB1, 0, 0, 14),  # ldxb 4 * ([14] & 0xf): length of the IP header
    (0x48, 0, 0, 16),  # ldh [x + 16]: destination port
    (0x15, 0, 1, None),  # ... is the one given
    (0x06, 0, 0, 0xFFFF),  # keep
    (0x06, 0, 0, 0),  # drop
)
_INSTRUCTION = struct.Struct("=HBBI")


class Packet(NamedTuple):
    """A TCP packet that has left.

    Attributes:
        left_ns: when, on the monotonic clock.
        port: that it came from.
        syn: whether it opens a connection.
        sequence: TCP's, of its first byte.
        length: of its payload, in bytes.
    """

    left_ns: int
    port: int
    syn: bool
    sequence: int
    length: int


class Capture:
    """Watches what a host sends to a TCP port, from its making on; close it at the end.

    Args:
        address: the host's own, of the interface that is watched.
        port: packets to this port are kept.

    Raises:
        WorkloadError: this process may not capture, or no interface has that address.
    """

    def __init__(self, address: str, port: int) -> None:
        device = interface_of(address)
        try:
            # Without a protocol it hears nothing until it is bound, with the filter in place.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise WorkloadError("capturing packets needs CAP_NET_RAW") from None
        try:
            self._attach_filter(port)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
            size = _BLOCKS * _BLOCK_BYTES
            ring = struct.pack("=IIII", _BLOCK_BYTES, _BLOCKS, _FRAME_BYTES, size // _FRAME_BYTES)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
            self._ring = mmap.mmap(self._socket.fileno(), size)
            self._ahead_ns = clock_difference_ns()
            self._socket.bind((device, _ETH_P_ALL))
        except OSError as error:
            self._socket.close()
            raise WorkloadError(f"cannot capture on {device}: {error.strerror}") from None

    def _attach_filter(self, port: int) -> None:
        program = b"".join(
            _INSTRUCTION.pack(code, yes, no, port if constant is None else constant)
            for code, yes, no, constant in _FILTER
        )
        held = ctypes.create_string_buffer(program)
        fprog = struct.pack("HP", len(_FILTER), ctypes.addressof(held))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)

    def packets(self) -> Iterator[Packet]:
        """What has left so far, in order; to be asked for once, at the end."""
        # The clocks drift apart by some microseconds a second where time is being adjusted.
        ahead = (self._ahead_ns + clock_difference_ns()) // 2
        for start in range(0, len(self._ring), _FRAME_BYTES):
            status, whole, _, link, _, seconds, fraction = _HEADER.unpack_from(self._ring, start)
            if not status & _USER:
                return
            left_ns = seconds * 1_000_000_000 + fraction - ahead
            yield parse(self._ring[start + link : start + _FRAME_BYTES], whole, left_ns)

    def lost(self) -> int:
        """Return how many packets found no room."""
        counts = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", counts)[1])

    def close(self) -> None:
        """Stop watching."""
        self._ring.close()
        self._socket.close()


def parse(link_layer: bytes, whole: int, left_ns: int) -> Packet:
    """Read an Ethernet frame with TCP over IPv4.

    Args:
        link_layer: its first bytes, at least to TCP's flags.
        whole: its length in bytes. (IP's own may be 0 in a packet of more than 64 KiB.)
        left_ns: when it left.
    """
    network = 14
    transport = network + 4 * (link_layer[network] & 0xF)
    port, _, sequence = struct.unpack_from("!HHI", link_layer, transport)
    payload = transport + 4 * (link_layer[transport + 12] >> 4)
    syn = bool(link_layer[transport + 13] & 0x02)
    return Packet(left_ns, port, syn, sequence, whole - payload)


def clock_difference_ns() -> int:
    """Return how far the real-time clock is ahead of the monotonic one.

    Between two readings of the one lies one of the other; of some tries the closest is taken.
    """
    best = 1 << 62
    ahead = 0
    for _ in range(20):
        before = time.monotonic_ns()
        real = time.time_ns()
        after = time.monotonic_ns()
        if after - before < best:
            best, ahead = after - before, real - (before + after) // 2
    return ahead


def interface_of(address: str) -> str:
    """Return the name of the interface that has an IPv4 address.

    Raises:
        WorkloadError: none has.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                answer = ioctl(sock, _SIOCGIFADDR, struct.pack("256s", name.encode()))
            except OSError:
                continue  # it has no address at all
            if socket.inet_ntoa(answer[20:24]) == address:
                return name
    raise WorkloadError(f"no interface has the address {address}")
