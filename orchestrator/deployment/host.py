"""One SSH connection per host: upload, start, run, fetch."""

from __future__ import annotations

import logging
import queue
import shlex
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import TypeVar

import paramiko

from orchestrator.deployment.deadline import within
from orchestrator.deployment.last_output import last_output
from orchestrator.deployment.process import DRAIN_SECONDS, Message, RemoteProcess, describe_end
from orchestrator.deployment.scripts import remove_argv, start_command, stop_argv
from orchestrator.errors import RunError
from orchestrator.spec.access import SshAccess

T = TypeVar("T")

# What paramiko would print on stderr by itself (tracebacks, mostly) is raised as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class CompletedRemote:
    """The outcome of a command.

    Attributes:
        status: exit status; negative for the signal that killed it.
        stdout: what it printed, as text; every line ends with a line feed.
        stderr: the same of stderr.
    """

    status: int
    stdout: str
    stderr: str


def connect(access: SshAccess, timeout: float = 10.0) -> RemoteHost:
    """Connect to a host.

    Args:
        access: where it is, whose key opens it, and the host key that it must show.
        timeout: seconds for this and for every later answer of the host.

    Raises:
        RunError: it does not answer, shows another host key, or refuses the user's key.
    """
    host = RemoteHost(access, timeout)
    host.connect()
    return host


class RemoteHost:
    """A host reached over one pooled connection, opened again when it was dropped.

    Closing it ends every process that was started through it. Not for use by several threads.
    """

    def __init__(self, access: SshAccess, timeout: float) -> None:
        """See `connect`, which also connects."""
        self._access = access
        self._timeout = timeout
        self._client: paramiko.SSHClient | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The host's name."""
        return self._access.host

    def __repr__(self) -> str:
        return f"RemoteHost({self.name!r}, {self._access.address}:{self._access.port})"

    def __enter__(self) -> RemoteHost:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the host ends what was started through it."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def connect(self) -> paramiko.Transport:
        """The connection, opened if it is not there.

        Raises:
            RunError: see the function `connect`.
        """
        transport = self._client.get_transport() if self._client else None
        if transport is not None and transport.is_active():
            return transport
        if self._closed:
            raise RunError(f"{self.name}: the SSH connection was closed")
        self._drop()
        self._client = within(self._timeout, f"{self.name}: connecting", self._open)
        transport = self._client.get_transport()
        if transport is None:
            raise RunError(f"{self.name}: the SSH connection was dropped")
        return transport

    def upload(self, directory: str, files: Mapping[str, bytes]) -> None:
        """Write files, by path relative to `directory`; directories are made.

        Raises:
            ValueError: a path is absolute or leads out of the directory.
            RunError: the host cannot store them.
        """
        for path in files:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise ValueError(f"not a path inside a directory: {path!r}")
        targets = {str(PurePosixPath(directory, path)): data for path, data in files.items()}
        parents = sorted({directory, *(str(PurePosixPath(path).parent) for path in targets)})
        made = self.run(["mkdir", "-p", "--", *parents])
        if made.status != 0:
            raise RunError(f"{self.name}: cannot make {directory}: {made.stderr.strip()}")

        def put(sftp: paramiko.SFTPClient) -> None:
            for path, data in targets.items():
                with sftp.open(path, "wb") as file:
                    file.set_pipelined(True)
                    file.write(data)
                if sftp.stat(path).st_size != len(data):
                    raise OSError(f"{path} arrived incomplete; is the disk full?")

        self._sftp(f"{self.name}: upload to {directory}", put)

    def fetch(self, path: str, limit_bytes: int, *, needed: bool = True) -> bytes:
        """Read a file; one that is not `needed` may be missing, and is empty then.

        Raises:
            RunError: it is not there, not a plain file, or larger than the limit.
        """

        def get(sftp: paramiko.SFTPClient) -> bytes:
            try:
                file = sftp.open(path, "rb")
            except FileNotFoundError:
                if needed:
                    raise
                return b""
            with file:
                status = file.stat()
                size = status.st_size or 0
                if not stat.S_ISREG(status.st_mode or 0):
                    raise OSError(f"{path} is not a plain file")
                if size > limit_bytes:
                    raise OSError(f"{path} has {size} bytes, more than {limit_bytes}")
                # One request after the other, never paramiko's prefetch(): when an answer comes
                # before its next request is sent, it takes the file for fetched, asks for the
                # rest once more, and every byte crosses the network twice.
                pieces = []
                while piece := file.read(min(size, file.MAX_REQUEST_SIZE)):
                    pieces.append(piece)
                    size -= len(piece)
                return b"".join(pieces)

        return self._sftp(f"{self.name}: fetching {path}", get)

    def start(
        self,
        argv: Sequence[str],
        *,
        directory: str,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
        events: queue.Queue[Message] | None = None,
        name: str = "",
        tells: bool = True,
        printed_bytes: int | None = None,
    ) -> RemoteProcess:
        """Start a process as the leader of its own session and follow it.

        Args:
            argv: program and arguments.
            directory: its working directory.
            environment: variables added to the ones that sshd sets.
            timeout: seconds until it must run; the connection's by default.
            events: queue for what it tells; one of its own by default.
            name: of the process, for messages; the host's by default.
            tells: whether its output has events; if not, every line becomes a message.
            printed_bytes: how much it may print then; see `RemoteProcess`.

        Raises:
            RunError: it does not start.
        """
        limit = self._timeout if timeout is None else timeout
        command = start_command(argv, directory=directory, environment=environment or {})
        process = self._launch(
            command, limit, events=events, name=name, tells=tells, printed_bytes=printed_bytes
        )
        if not process.ended or process.pid:
            return process
        output = "\n".join(f"    {line}" for line in last_output(process.tail()))
        end = describe_end(process.status)
        raise RunError(f"{process.name}: cannot start {argv[0]}: {end}\n{output}".rstrip())

    def run(self, argv: Sequence[str], timeout: float | None = None) -> CompletedRemote:
        """Run a command to its end.

        Raises:
            RunError: it or its output did not end in time (it is killed), or the connection was
                dropped. What it printed is whole or not returned.
        """
        limit = self._timeout if timeout is None else timeout
        output: dict[str, list[str]] = {"stdout": [], "stderr": []}

        def keep(stream: str, line: str) -> None:
            output[stream].append(line + "\n")

        command = start_command(argv, directory="/", environment={})
        # Its output has as much time as it has itself: what is returned is whole.
        process = self._launch(command, limit, listener=keep, drain_seconds=limit)
        what = shlex.join(word if "\n" not in word else "..." for word in argv)
        if not process.wait(limit):
            self._drop()  # the host ends the command when its channel goes
            raise RunError(
                f"{self.name}: {what} did not end within {limit:g} s, or its output did not"
            )
        if process.status is None:
            raise RunError(f"{self.name}: {what}: {describe_end(None)}")
        return CompletedRemote(process.status, "".join(output["stdout"]), "".join(output["stderr"]))

    def remove(self, directory: str) -> None:
        """Remove a directory and, when that leaves it empty, its parent.

        Raises:
            RunError: it is still there.
        """
        if len(PurePosixPath(directory).parts) < 3 or ".." in PurePosixPath(directory).parts:
            raise ValueError(f"refusing to remove {directory!r}")
        done = self.run(remove_argv(directory))
        if done.status != 0:
            raise RunError(f"{self.name}: cannot remove {directory}: {done.stderr.strip()}")

    def _launch(
        self,
        command: str,
        timeout: float,
        *,
        events: queue.Queue[Message] | None = None,
        listener: Callable[[str, str], None] | None = None,
        name: str = "",
        tells: bool = True,
        printed_bytes: int | None = None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> RemoteProcess:
        what = f"{self.name}: starting a process"

        def execute() -> RemoteProcess:
            channel = transport.open_session(timeout=timeout)
            channel.exec_command(command)
            process = RemoteProcess(
                name or self.name,
                channel,
                end_session=self._end_session,
                events=events,
                listener=listener,
                tells=tells,
                printed_bytes=printed_bytes,
                drain_seconds=drain_seconds,
            )
            if not process.wait_for_pid(timeout) and not process.ended:
                raise RunError(f"{what} did not end within {timeout:g} s")
            return process

        transport = self.connect()
        try:
            return within(timeout, what, execute)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._drop()
            raise RunError(f"{what}: {_reason(error)}") from error
        except BaseException:
            # Ctrl-C, or a start that hangs: a process may run whose pid nobody knows. It ends
            # with the connection.
            self._drop()
            raise

    def _end_session(self, pid: int, grace: float) -> None:
        done = self.run(stop_argv(pid, grace), timeout=grace + self._timeout)
        if done.status != 0:
            left = done.stderr.strip() or f"status {done.status}"
            raise RunError(f"{self.name}: processes could not be ended: {left}")

    def _sftp(self, what: str, work: Callable[[paramiko.SFTPClient], T]) -> T:
        transport = self.connect()

        def session() -> T:
            client = paramiko.SFTPClient.from_transport(transport)
            if client is None:
                raise RunError(f"{what}: no SFTP session")
            with client as sftp:
                return work(sftp)

        try:
            return within(self._timeout, what, session)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise RunError(f"{what}: {_reason(error)}") from error
        except BaseException:
            self._drop()
            raise

    def _open(self) -> paramiko.SSHClient:
        access, timeout = self._access, self._timeout
        place = f"{access.host} ({access.address} port {access.port})"
        client = paramiko.SSHClient()
        try:
            user_key = paramiko.Ed25519Key(filename=str(access.key_file))
        except (OSError, paramiko.SSHException) as error:
            raise RunError(f"{place}: cannot read the key {access.key_file}: {error}") from error
        label = access.address if access.port == 22 else f"[{access.address}]:{access.port}"
        pinned = _host_key(access)
        client.get_host_keys().add(hostname=label, keytype=pinned.get_name(), key=pinned)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            sock = socket.create_connection((access.address, access.port), timeout=timeout)
            # requests are small and wait for their answers
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connect(
                hostname=access.address,
                port=access.port,
                username=access.user,
                pkey=user_key,
                sock=sock,
                timeout=timeout,
                banner_timeout=timeout,
                auth_timeout=timeout,
                channel_timeout=timeout,
                allow_agent=False,
                look_for_keys=False,
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            client.close()
            raise RunError(f"{place}: {_reason(error)}") from error
        return client


def _host_key(access: SshAccess) -> paramiko.PKey:
    line = f"{access.address} {access.host_key}"
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
    except paramiko.SSHException as error:
        raise RunError(f"{access.host}: not a host key: {access.host_key!r}") from error
    if entry is None or entry.key is None:
        raise RunError(f"{access.host}: not a host key: {access.host_key!r}")
    return entry.key


def _reason(error: BaseException) -> str:
    """What went wrong, in words; paramiko's own are terse or empty."""
    if isinstance(error, paramiko.BadHostKeyException):
        return "the host key is not the pinned one; refusing to talk to it"
    if isinstance(error, paramiko.AuthenticationException):
        return f"the host refuses the user's key: {error}"
    if isinstance(error, EOFError):
        return "the SSH connection was dropped"
    if isinstance(error, paramiko.SSHException):
        return f"SSH: {error}"
    return str(error) or type(error).__name__
