"""A host's files over SSH, from a server in this process that notes what is read of them."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from paramiko.sftp import CMD_READ

from orchestrator.deployment.host import RemoteHost, connect
from orchestrator.emulation.ssh.sshd import make_keys
from orchestrator.errors import RunError
from orchestrator.spec.access import SshAccess

PIECE = paramiko.SFTPFile.MAX_REQUEST_SIZE
PATIENCE = 20.0


class _Anyone(paramiko.ServerInterface):
    """A server that lets everyone in and serves files only."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return OPEN_SUCCEEDED


class _Handle(paramiko.SFTPHandle):
    """An open file whose reads are noted."""

    def __init__(self, path: str, reads: list[tuple[int, int]]) -> None:
        super().__init__()
        self._path = path
        self._reads = reads
        self.readfile = open(path, "rb")  # noqa: SIM115  closed by SFTPHandle.close

    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(Path(self._path).stat())

    def read(self, offset: int, length: int) -> bytes | int:
        self._reads.append((offset, length))
        return super().read(offset, length)


class _Files(paramiko.SFTPServerInterface):
    """The files of this machine, for reading."""

    def __init__(
        self,
        server: paramiko.ServerInterface,
        reads: list[tuple[int, int]],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(server, *args, **kwargs)
        self._reads = reads

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:  # noqa: ARG002
        return _Handle(path, self._reads)


@pytest.fixture
def reads() -> list[tuple[int, int]]:
    """Offset and length of every read that the server was asked for."""
    return []


@pytest.fixture
def host(tmp_path: Path, reads: list[tuple[int, int]]) -> Iterator[RemoteHost]:
    """A connection to the server."""
    keys = make_keys(tmp_path, ["ps"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        served: list[paramiko.Transport] = []

        def serve() -> None:
            accepted, _ = listener.accept()
            transport = paramiko.Transport(accepted)
            transport.add_server_key(paramiko.Ed25519Key(filename=str(keys.hosts["ps"].file)))
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, reads)
            served.append(transport)
            transport.start_server(server=_Anyone())

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        access = SshAccess(
            host="ps",
            address="127.0.0.1",
            port=port,
            user="root",
            key_file=keys.user_key,
            host_key=keys.hosts["ps"].public,
        )
        with connect(access, timeout=PATIENCE) as connected:
            yield connected
        server.join(PATIENCE)
        for transport in served:
            transport.close()


def answers_overtake_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose next request in advance leaves when the answer to the last has come.

    The threads of a busy machine take these turns by themselves, now and then.
    """
    turn = threading.Semaphore()
    request: Callable[..., Any] = paramiko.SFTPClient._async_request  # type: ignore[attr-defined]
    response: Callable[..., Any] = paramiko.SFTPFile._async_response  # type: ignore[attr-defined]

    def in_turn(self: Any, file: Any, kind: int, *args: Any) -> Any:
        if kind == CMD_READ and isinstance(file, paramiko.SFTPFile):
            assert turn.acquire(timeout=PATIENCE)
        return request(self, file, kind, *args)

    def then_the_next(self: Any, *args: Any) -> None:
        response(self, *args)
        turn.release()

    monkeypatch.setattr(paramiko.SFTPClient, "_async_request", in_turn)
    monkeypatch.setattr(paramiko.SFTPFile, "_async_response", then_the_next)


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 4 * PIECE, 4 * PIECE + 77])
def test_every_byte_of_a_file_is_fetched_once(
    tmp_path: Path,
    host: RemoteHost,
    reads: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    answers_overtake_requests(monkeypatch)
    file = tmp_path / "ps.jsonl"
    file.write_bytes(random.Random(size).randbytes(size))
    assert host.fetch(str(file), limit_bytes=size) == file.read_bytes()
    expected = 0
    for offset, length in reads:
        assert offset == expected
        expected += length
    assert expected == size


def test_a_larger_file_than_wanted_is_refused_unread(
    tmp_path: Path, host: RemoteHost, reads: list[tuple[int, int]]
) -> None:
    file = tmp_path / "ps.jsonl"
    file.write_bytes(bytes(1001))
    with pytest.raises(RunError, match=r"ps\.jsonl has 1001 bytes, more than 1000"):
        host.fetch(str(file), limit_bytes=1000)
    assert reads == []


def test_a_directory_is_no_file(tmp_path: Path, host: RemoteHost) -> None:
    with pytest.raises(RunError, match="ps: fetching"):
        host.fetch(str(tmp_path), limit_bytes=1000)
