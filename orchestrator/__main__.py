"""The command `dmlbed`, which is ready for its end before anything else is imported.

Ctrl-C in the first moments meets the imports, and closed streams meet every file that is opened.
`scripts/dmlbed` starts it with SIGINT blocked.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the command."""
    try:
        import signal

        # What has come so far is raised here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        from orchestrator.terminal.streams import prepare

        prepare()
        from orchestrator.cli import main as command

        command()
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
