"""One end of a stream of UDP datagrams, as a separate program inside an emulated host.

    datagrams.py receive ADDRESS PORT                   until it is told, and none has come since
    datagrams.py send    ADDRESS PORT RATE SECONDS DSCP at RATE bits of Ethernet frames per second,
                                                        SECONDS long or until it is told to end
A line on stdin tells. Each prints how many it has received or sent; the receiver says first that
it is ready.
"""

from __future__ import annotations

import select
import socket
import sys
import time

PAYLOAD = bytes(1472)
FRAME_BITS = 1514 * 8
SO_RCVBUFFORCE = 33
LONGEST_STEP = 0.005
SILENCE = 0.5
"""After this many seconds without a datagram none is on its way: queues are of 10 ms."""


def receive(address: str, port: int) -> None:
    """Count what arrives, with a buffer that never overflows at the rates of the tests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 * 2**20)
        sock.bind((address, port))
        print("ready", flush=True)
        buffer, count, last = bytearray(2048), 0, time.monotonic()
        sock.settimeout(SILENCE / 10)
        while True:
            try:
                sock.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() - last >= SILENCE and told():
                    break
            else:
                count, last = count + 1, time.monotonic()
    print(count, flush=True)


def told(wait: float = 0.0) -> bool:
    """Whether there is a line on stdin, after waiting for it for some seconds."""
    return bool(select.select([sys.stdin], [], [], wait)[0])


def send(address: str, port: int, rate: float, seconds: float, dscp: int) -> None:
    """Send at a steady rate, in steps of a millisecond or so.

    What could not be sent in time is not made up for: a burst after a pause would overrun queues
    that the rate itself leaves empty.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        sock.connect((address, port))
        begin = before = time.monotonic()
        count, due = 0, 0.0
        while (now := time.monotonic()) - begin < seconds and not told(0.001):
            due += min(now - before, LONGEST_STEP) * rate / FRAME_BITS
            before = now
            while due >= 1:
                sock.send(PAYLOAD)
                count += 1
                due -= 1
    print(count, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(sys.argv[2], int(sys.argv[3]))
    else:
        rate, seconds, dscp = float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])
        send(sys.argv[2], int(sys.argv[3]), rate, seconds, dscp)
