"""A program as a user has it: every rank sends a file to the next one, some times over.

Ships with an experiment; it needs nothing but Python, and knows its peers by their host names.

Usage: ring.py HOST,HOST,... BYTES ROUNDS
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time

PORT = 6000


def connect(host: str) -> socket.socket:
    """A connection to a host that may not listen yet."""
    while True:
        try:
            return socket.create_connection((host, PORT))
        except ConnectionRefusedError:
            time.sleep(0.05)


def main() -> None:
    """Send, receive, and print a line of JSON for every round."""
    hosts, size, rounds = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    rank = int(os.environ["RANK"])
    assert socket.gethostname() == hosts[rank]
    listening = socket.create_server(("", PORT))
    out = connect(hosts[(rank + 1) % len(hosts)])
    into, _ = listening.accept()

    def send() -> None:
        for _ in range(rounds):
            out.sendall(bytes(size))

    sender = threading.Thread(target=send)
    sender.start()
    print("ready", flush=True)
    for number in range(rounds):
        begin, left = time.monotonic(), size
        while left:
            got = len(into.recv(min(left, 1 << 20)))
            if not got:
                sys.exit("a peer is gone")
            left -= got
        speed = 1 / (time.monotonic() - begin)
        print(json.dumps({"round": number, "imgs_per_sec": speed}), flush=True)
    sender.join()
    print(json.dumps({"sent": {(rank + 1) % len(hosts): size * rounds}}), flush=True)


if __name__ == "__main__":
    main()
