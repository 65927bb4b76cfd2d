"""Start a program so that it does not outlive the supervisor that started it.

Run as a file, before anything else is imported: `python -I -S leash.py SUPERVISOR_PID PROGRAM ARGUMENT…`. On Linux the
kernel sends SIGTERM when the supervisor dies, however it dies. Elsewhere the next start stops what was left.
"""

import ctypes
import os
import signal
import sys

# prctl(2): the request lives on through exec, not through fork.
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


def put_on(supervisor: int, name: str = "") -> None:
    """Put the leash on this process, and let `ps -e` call it `name` (the system keeps 15 characters).

    Raises SystemExit if process `supervisor` has ended already. Nothing happens where there is no prctl.
    """
    if sys.platform != "linux":
        return
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if name:
        system.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
    # It may have died before the request was made.
    if os.getppid() != supervisor:
        sys.exit(1)


def main(argv: list[str]) -> None:
    """Put the leash on this process, then become the program."""
    put_on(int(argv[0]))
    os.execv(argv[1], argv[1:])  # noqa: S606 -- no shell wanted


if __name__ == "__main__":
    main(sys.argv[1:])
