"""The few lines of shell that run on a host, and the command strings that carry them.

SSH passes one string to the user's shell. Every word of it is quoted by `shlex.join`; the
scripts receive names as positional parameters, so no name is ever parsed as shell text.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

PID_MARK = "dmlbed-pid "
"""The line that tells a process' pid starts with this; what comes before it is a shell's noise."""

# Processes of the session $session, into $found. By session, not only by group: a child with a
# process group of its own goes too. A zombie counts as gone: it waits for its parent or for
# PID 1, and runs nothing.
_FUNCTIONS = """\
left() {
    found=
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        set -- ${line##*) }
        case $1 in Z|X) continue ;; esac
        [ "$4" = "$session" ] || continue
        stat=${stat#/proc/}
        found="$found ${stat%/stat}"
    done
    [ -n "$found" ]
}
now() { # hundredths of a second
    read -r up line </proc/uptime
    now=${up%.*}${up#*.}
}
finish() { # signal, hundredths of a second
    now
    end=$((now + $2))
    sent=
    while left; do
        now
        [ "$now" -lt "$end" ] || return 1
        [ "$sent" = TERM ] || kill -s "$1" $found 2>/dev/null
        sent=$1
        sleep 0.02
    done
}
"""

# A second process waits for the end of standard input, which is the end of the SSH channel
# (nothing is ever written to it): a dropped connection must not leave a process behind.
# The leader is killed by its pid first: it may not have come to its setsid yet.
_WATCH = f"""{_FUNCTIONS}
session=$1
read -r line <&3
kill -s KILL "$session"
finish KILL 1000
"""

# The leader prints its pid itself, after setsid: whoever knows the pid may signal the session.
# setpriv makes leader and watcher end with this script, should someone kill it. Output of the
# script itself ("Killed") is dropped once the leader runs. SSH's exit status hides the signal
# as 128 + n. (`kill -s KILL` is the spelling that every sh knows.)
START = f"""{_FUNCTIONS}
cd -- "$1" || exit 126
shift
exec 3<&0 </dev/null
setpriv --pdeathsig KILL setsid sh -c 'echo "{PID_MARK}$$"; exec "$@"' sh "$@" 3<&- &
session=$!
setpriv --pdeathsig KILL sh -c {shlex.quote(_WATCH)} dmlbed-watch "$session" >/dev/null 2>&1 &
watcher=$!
exec 3<&- 2>/dev/null
wait "$session"
status=$?
kill -s KILL "$watcher"
finish KILL 1000
exit "$status"
"""

STOP = f"""{_FUNCTIONS}
session=$1
finish TERM "$2" || finish KILL 300 || {{ echo "$found" >&2; exit 1; }}
"""

# The parent is shared by hosts that share a file system: the last one to leave removes it.
REMOVE = """\
rm -rf -- "$1"
rmdir -- "${1%/*}" 2>/dev/null
[ ! -e "$1" ]
"""


def start_command(argv: Sequence[str], *, directory: str, environment: Mapping[str, str]) -> str:
    """The command string that starts `argv` as the leader of its own session.

    Args:
        argv: program and arguments.
        directory: working directory on the host.
        environment: variables to add to the ones that sshd sets.

    Raises:
        ValueError: if a variable's name is empty or holds `=`.
    """
    for name in environment:
        if not name or "=" in name or name.startswith("-"):
            raise ValueError(f"not a name of an environment variable: {name!r}")
    variables = [f"{name}={value}" for name, value in environment.items()]
    words = ["env", *variables, *argv] if variables else list(argv)
    return "exec " + shlex.join(["sh", "-c", START, "dmlbed-start", directory, *words])


def stop_argv(pid: int, grace: float) -> tuple[str, ...]:
    """Arguments that end the session `pid`: TERM, `grace` seconds, KILL; 0 if none is left."""
    return ("sh", "-c", STOP, "dmlbed-stop", str(pid), str(max(0, round(grace * 100))))


def remove_argv(directory: str) -> tuple[str, ...]:
    """Arguments that remove a trial's directory on a host."""
    return ("sh", "-c", REMOVE, "dmlbed-remove", directory)
