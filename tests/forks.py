"""Processes that begin with TensorFlow imported: forks of one, as importing it takes seconds.

A test starts ``Server``, which runs this module; each ``Fork`` then runs Python as a command of
its own would, with arguments, environment, output and an exit status.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE = 300
"""Seconds after which a fork is killed."""


class Fork:
    """A running process, which is killed at the end of the block."""

    def __init__(self, server: socket.socket, arguments: list[str], environment: dict[str, str]):
        """Run ``[file, *arguments]`` or ``["-c", code, *arguments]`` as Python's command line."""
        output, told = os.pipe(), os.pipe()
        with contextlib.ExitStack() as stack:
            self.stdout = stack.enter_context(os.fdopen(output[0], encoding="utf-8"))
            self._told = stack.enter_context(os.fdopen(told[0], encoding="utf-8"))
            self._errors = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            request = json.dumps([arguments, environment]).encode()
            socket.send_fds(server, [request], [output[1], self._errors.fileno(), told[1]])
            os.close(output[1])
            os.close(told[1])
            self._pid = int(self._told.readline())
            self._open = stack.pop_all()
        self._timer = threading.Timer(PATIENCE, self.kill)
        self._timer.start()

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, by)

    def end(self) -> tuple[int, str, str]:
        """Wait; return exit status, what was printed since, and all of standard error."""
        printed = self.stdout.read()
        status = int(self._told.readline())
        self._errors.seek(0)
        return status, printed, self._errors.read()

    def __enter__(self) -> Fork:
        return self

    def __exit__(self, *_: Any) -> None:
        self._timer.cancel()
        self.kill()
        self._open.close()


@contextlib.contextmanager
def serve() -> Iterator[socket.socket]:
    """Start the process that is forked; yield its socket."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.forks", str(theirs.fileno())]
    with (
        ours,
        subprocess.Popen(
            command,
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdout=subprocess.PIPE,  # as each fork's
        ) as process,
    ):
        theirs.close()
        yield ours
        ours.close()
        process.wait()


def _fork_for(server: socket.socket) -> list[str] | None:
    """Wait for requests; return the arguments of one in a fork, and None when there are no more.

    A process between the two tells the fork's number, and later its exit status.
    """
    while True:
        request, files, *_ = socket.recv_fds(server, 1 << 16, 3)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not request:
            return None
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    server.close()
    output, errors, told = files
    if child := os.fork():
        os.close(output)  # or a test would wait for its end
        os.write(told, f"{child}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(told, f"{status}\n".encode())
        os._exit(0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for file in files:
        os.close(file)
    arguments, environment = json.loads(request)
    os.environ.update(environment)
    return list(arguments)


def main() -> None:
    from explorer.cli.terminal import loading_tensorflow

    with loading_tensorflow():
        import explorer.training.export
        import explorer.training.loop
        import explorer.training.result  # noqa: F401
    arguments = _fork_for(socket.socket(fileno=int(sys.argv[1])))
    if arguments is None:
        return
    sys.path.insert(0, str(ROOT))
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<code>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
