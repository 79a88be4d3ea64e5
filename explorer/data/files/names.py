"""Store the names of possibly millions of files in few bytes each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import overload

BLOCK = 1000  # names that are packed into one string


class Names(Sequence[str]):
    """A list of names with one byte of overhead for each name; a plain list has about 60."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._packed: list[bytes] = []
        self._unpacked: tuple[int, list[str]] = (-1, [])
        rest = iter(names)
        while len(block := list(islice(rest, BLOCK))) == BLOCK:
            self._packed.append(_pack(block))
        self._last = block

    def append(self, name: str) -> None:
        """Add a name at the end."""
        self._last.append(name)
        if len(self._last) == BLOCK:
            self._packed.append(_pack(self._last))
            self._last = []

    def __len__(self) -> int:
        return BLOCK * len(self._packed) + len(self._last)

    def __iter__(self) -> Iterator[str]:
        for block in self._packed:
            yield from _unpack(block)
        yield from self._last

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        block, place = divmod(range(len(self))[index], BLOCK)
        if block == len(self._packed):
            return self._last[place]
        number, names = self._unpacked  # the last block used, as access is mostly in order
        if number != block:
            names = _unpack(self._packed[block])
            self._unpacked = block, names
        return names[place]


def _pack(names: list[str]) -> bytes:
    return "\0".join(names).encode("utf-8", "surrogatepass")


def _unpack(block: bytes) -> list[str]:
    return block.decode("utf-8", "surrogatepass").split("\0")
