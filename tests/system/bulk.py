"""One end of a bulk TCP transfer, as a separate program inside an emulated host.

    bulk.py receive BUFFER ADDRESS
    bulk.py send    BUFFER ADDRESS PORT DSCP

The receiver says on stdout at which port it listens, a free one; the sender, which congestion
control its socket got, which nobody sets here. Each reads `START UNTIL` (monotonic ns) from stdin
and ends at that time; the receiver then prints what it had received when.
"""

from __future__ import annotations

import json
import socket
import sys
import time

CHUNK = bytes(65536)
SAMPLE_NS = 10_000_000


def receive(buffer: int, address: str) -> None:
    """Receive everything until the time is over, and print samples of (ns, bytes so far)."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listener.bind((address, 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)
        connection, _ = listener.accept()
    _, until = map(int, sys.stdin.readline().split())
    connection.settimeout(SAMPLE_NS / 1e9)
    view = memoryview(bytearray(len(CHUNK)))
    received, samples = 0, [(time.monotonic_ns(), 0)]
    while (now := time.monotonic_ns()) < until:
        if now - samples[-1][0] >= SAMPLE_NS:
            samples.append((now, received))
        try:
            count = connection.recv_into(view)
        except TimeoutError:
            continue
        if count == 0:
            break
        received += count
    samples.append((time.monotonic_ns(), received))
    print(json.dumps(samples), flush=True)


def send(buffer: int, address: str, port: int, dscp: int) -> None:
    """Send as fast as it goes, from the start to the end that stdin says."""
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    connection.connect((address, port))
    algorithm = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    print(algorithm.split(b"\0")[0].decode(), flush=True)
    start, until = map(int, sys.stdin.readline().split())
    time.sleep(max(0.0, (start - time.monotonic_ns()) / 1e9))
    while (left := until - time.monotonic_ns()) > 0:
        connection.settimeout(left / 1e9)
        try:
            connection.send(CHUNK)
        except OSError:
            break


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]), sys.argv[3])
    else:
        send(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
