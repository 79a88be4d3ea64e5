"""Keep libraries' messages off the terminal, and end a command cleanly."""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import NoReturn, ParamSpec

from explorer.core.hidden_imports import without
from explorer.errors import ExplorerError

P = ParamSpec("P")

INTERRUPTED, PIPE_CLOSED = 130, 141
"""The exit status after Ctrl-C, and after SIGPIPE, as in shells."""
ERASE = "\r\x1b[K"
"""Erases the line in the terminal that was written last."""
SOON = 5.0
"""The time left is shown after this many seconds."""
UNUSED = "sklearn", "matplotlib", "pandas"
"""Libraries that Keras imports for features that nothing here uses."""


@contextlib.contextmanager
def loading_tensorflow() -> Iterator[None]:
    """Import TensorFlow and Keras in this block in two thirds of the time, and without messages.

    Where ``UNUSED`` are installed, Keras would import them for wrappers and plots. TensorFlow
    reports missing GPUs and its own optimisations, whatever its log level: what is written to
    stderr, by C++ code too, is shown only after an exception. Its later advice for programmers is
    left out too.
    """
    with without(*UNUSED), _quiet_stderr():
        yield


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:  # whatever it is, it is raised with what was written
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def share_of(work: str) -> Callable[[float], None]:
    """Return a function that shows on the terminal which share of the work is done, 0 to 1.

    The time left is added to what takes long.
    """
    live = sys.stdout.isatty()
    first: tuple[float, float] | None = None

    def show(share: float) -> None:
        nonlocal first
        if not live:
            return
        first = first or (time.monotonic(), share)
        seconds, gained = time.monotonic() - first[0], share - first[1]
        left = ""
        if seconds > SOON and gained > 0 and share < 1:
            left = ", {}:{:02d} left".format(*divmod(round(seconds * (1 - share) / gained), 60))
        end = "\n" if share == 1.0 else ""
        print(f"{ERASE}{work} … {100 * share:3.0f} %{left}", end=end, flush=True)

    return show


def erase_progress() -> None:
    """Erase a line that shows progress, so that another takes its place on the terminal."""
    if sys.stdout.isatty():
        print(ERASE, end="", flush=True)


def with_sentences(main: Callable[P, int]) -> Callable[P, int]:
    """Decorate a command: what the user can correct ends it with one sentence, not a traceback.

    The command then returns the error's exit status, or 1 if a file cannot be read or written.
    """

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except ExplorerError as error:
            erase_progress()
            print(error, file=sys.stderr)
            return error.exit_status
        except BrokenPipeError:
            raise
        except OSError as error:
            print(file_problem(error, "repeat the command"), file=sys.stderr)
            return 1

    return run


def file_problem(error: OSError, then: str) -> str:
    """A sentence on a file that cannot be read or written, and what to do ``then``."""
    if error.errno == errno.ENOSPC:
        place = error.filename or "the output folder"
        return f"the disk of {place} is full; free some space, then {then}"
    return f"cannot read or write a file: {error}"


def exit_with(main: Callable[[], int]) -> NoReturn:
    """End the process with the status that ``main`` returns.

    It ends quietly after Ctrl-C, and when a program such as ``head`` has closed the pipe that is
    written to. TensorFlow's threads may still be computing then, and would crash an orderly exit.
    """
    end = INTERRUPTED
    try:
        status = main()
        sys.stdout.flush()
        sys.exit(status)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        end = PIPE_CLOSED
    except SystemExit as leaving:
        if leaving.code != INTERRUPTED:
            raise
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(end)
