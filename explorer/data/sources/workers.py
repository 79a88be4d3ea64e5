"""Process image files on all cores: in threads or, if there are many files, in processes.

``python -m explorer.data.sources.workers KIND PATH`` runs such a process. It reads pickled jobs
from its input and answers each with a pickle. The main program is not imported again.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, TypeVar

from explorer.data.files.opening import open_again
from explorer.data.files.tree import Files
from explorer.data.pixels import Form
from explorer.data.sources.decoding import Decoded, Header, Unit, decode, measure
from explorer.root import own_python

FEWEST = 5_000
"""Fewest images for which processes are started."""
_READY = b"ready\n"
"""Precedes a process's answers: what the start of Python prints before is no pickle of ours."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply a function with one thread for each core; return the results in order."""
    with ThreadPoolExecutor(_cores()) as pool:
        return list(pool.map(function, items))


def measure_all(
    files: Files, chunks: Iterable[Sequence[str]], count: int
) -> Iterator[list[Header | None]]:
    """Yield the headers of files, chunk by chunk; ``count`` is the number of all files."""
    return _in_order(files, chunks, None, count)


def decode_all(
    files: Files, chunks: Iterable[Sequence[Unit]], form: Form, count: int
) -> Iterator[Decoded]:
    """Yield decoded images, chunk by chunk; ``count`` is the number of all images."""
    return _in_order(files, chunks, form, count)


def _process(
    files: Files, chunk: Sequence[Any], form: Form | None, apply: Callable[..., Any]
) -> Any:
    """Decode units into a form or, for None, read the headers of files."""
    if form is None:
        return list(apply(lambda name: measure(files.open, name), chunk))
    return decode(files.open, chunk, form, apply)


def _in_order(
    files: Files, chunks: Iterable[Sequence[Any]], form: Form | None, count: int
) -> Iterator[Any]:
    """Process chunks in this process or, if there are enough images, in parallel in others."""
    place, cores = files.place(), _cores()
    if place is None or cores == 1 or count < FEWEST:
        for chunk in chunks:
            yield _process(files, chunk, form, spread)
        return
    with contextlib.ExitStack() as stack:
        idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for _ in range(cores):
            idle.put(stack.enter_context(_Worker(place)))

        def work(chunk: Sequence[Any]) -> Any:
            worker = idle.get()
            try:
                return worker.ask(chunk, form)
            except (OSError, EOFError, pickle.UnpicklingError):  # it ended, for lack of memory
                worker.end()  # lest what is left of this answer be taken for that of the next job
                return _process(files, chunk, form, spread)
            finally:
                idle.put(worker)

        pool = stack.enter_context(ThreadPoolExecutor(cores))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        waiting: deque[Future[Any]] = deque()
        for chunk in chunks:  # a few at a time, so that results do not pile up
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > 2 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Worker:
    """A process that decodes the files of one folder or archive."""

    def __init__(self, place: Sequence[str]) -> None:
        command, environment = own_python("-m", "explorer.data.sources.workers", *place)
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._is_ready = False

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._process.communicate()

    def end(self) -> None:
        """End the process, so that whatever it is asked later raises OSError."""
        self._process.kill()
        self._process.wait()

    def ask(self, chunk: Sequence[Any], form: Form | None) -> Any:
        """Process a chunk there.

        Raises:
            OSError, EOFError, pickle.UnpicklingError: the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((chunk, form), self._process.stdin)
        self._process.stdin.flush()
        while not self._is_ready and (line := self._process.stdout.readline()):
            self._is_ready = line.endswith(_READY)
        return pickle.load(self._process.stdout)


def _serve(files: Files, jobs: IO[bytes], answers: IO[bytes]) -> None:
    """Answer jobs until the input ends."""
    answers.write(_READY)
    while True:
        chunk, form = pickle.load(jobs)
        pickle.dump(_process(files, chunk, form, map), answers)
        answers.flush()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # where decoders may print
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, EOFError):
        _serve(open_again(sys.argv[1:]), sys.stdin.buffer, answers)
