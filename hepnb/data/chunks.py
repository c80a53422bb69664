"""Read the files of a sample piece by piece, in order, several pieces at once if wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np

from hepnb.data.formats.reader import Columns, Reader, as_column
from hepnb.errors import BadParameters, UnknownVariable, nearest

__all__ = ("Block", "FrameReader", "Source", "ordered_map", "positive")

# open files kept per sample: enough that few are opened twice, far below the limit of a process
_OPEN_FILES = 16

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def __dir__() -> tuple[str, ...]:
    return __all__


class Block(NamedTuple):
    """Entries [start, stop) of one file, which is given by its place in the sample."""

    file: int
    start: int
    stop: int

    def split(self, size: int) -> Iterator[Block]:
        """Cut the block, in order, into pieces of at most `size` entries."""
        for start in range(self.start, self.stop, size):
            yield Block(self.file, start, min(start + size, self.stop))


class FrameReader(Reader):
    """Columns in memory, read like a file.

    Parameters
    ----------
    frame
        Name to array of shape (n,).
    name
        Of the sample, for messages.
    """

    def __init__(self, frame: Mapping[str, np.ndarray], name: str) -> None:
        self.path = name
        self.columns = tuple(frame)
        self.skipped = {}
        self.entries = max(map(len, frame.values()), default=0)
        self._frame = dict(frame)

    def _read(self, columns: tuple[str, ...], start: int, stop: int) -> Columns:
        return {each: as_column(self._frame[each][start:stop]) for each in columns}

    def close(self) -> None:
        """Do nothing: the arrays belong to others."""


class Source:
    """Files of a sample, or the frame in their place, opened at need and shared by threads.

    Parameters
    ----------
    files, tree
        As in `Sample`.
    frame
        Reader of columns in memory; then there are no files.
    """

    def __init__(self, files: Sequence[str], tree: str | None, frame: Reader | None) -> None:
        self._files = tuple(files)
        self._tree = tree
        self._frame = frame
        self._open = lru_cache(maxsize=_OPEN_FILES)(self._opened)

    def __reduce__(self) -> tuple[type[Source], tuple[Any, ...]]:
        # an open file does not travel to another process
        return Source, (self._files, self._tree, self._frame)

    def __len__(self) -> int:
        return len(self._files) if self._frame is None else 1

    def _opened(self, file: int) -> Reader:
        from hepnb.data.reading import open_reader

        opened: Reader = open_reader(self._files[file], self._tree)
        return opened

    def reader(self, file: int) -> Reader:
        """Open a file, or take it from those that are open.

        Raises
        ------
        UnreadableFile
            If it is missing, empty, truncated or foreign.
        """
        return self._open(file) if self._frame is None else self._frame

    def probe(self, file: int) -> None:
        """Read the last entry of a file, which is not there when the file was cut short."""
        reader = self.reader(file)
        reader.read(reader.columns[:1], max(reader.entries - 1, 0), reader.entries)

    def entries(self, file: int, columns: Iterable[str] = ()) -> int:
        """Count the entries of a file that has these columns.

        Raises
        ------
        UnknownVariable
            If it lacks one, though the first file of the sample has it.
        """
        reader = self.reader(file)
        for name in columns:
            if name not in reader.columns:
                raise UnknownVariable(
                    f"{reader.path!r} has no column {name!r}, unlike the first file of the sample"
                    + nearest(name, reader.columns)
                )
        return reader.entries

    def blocks(self, columns: Sequence[str], size: int) -> Iterator[Block]:
        """Cut each file into blocks of `size` entries; a file is opened when its turn comes."""
        for file in range(len(self)):
            yield from Block(file, 0, self.entries(file, columns)).split(size)

    def read(self, columns: Sequence[str], block: Block) -> Columns:
        """Read some columns of a block: name to array of shape (entries,)."""
        return self.reader(block.file).read(columns, block.start, block.stop)


def positive(name: str, value: int) -> int:
    """Value, if it is a whole number of at least 1.

    Raises
    ------
    BadParameters
        Otherwise.
    """
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole < 1 or whole != value:
        raise BadParameters(f"{name} is {value!r}; it must be a whole number of at least 1")
    return whole


def ordered_map(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    workers: int = 1,
    client: Any = None,
) -> Iterator[Outcome]:
    """Outcomes of a function in the order of the items, computed ahead in threads or on a cluster.

    Parameters
    ----------
    function
        Of one item. With a client it is sent to each worker once, as are the data it holds.
    items
        Taken one by one, as the outcomes are fetched.
    workers
        Threads; 1 computes in this thread. Of outcomes not fetched, at most ``workers + 1`` exist.
    client
        A `dask.distributed.Client` to use instead; then at most 16, or twice its threads, exist.

    Yields
    ------
    object
        What the function gave.
    """
    if client is not None:
        yield from _on_cluster(function, items, client)
    elif workers == 1:
        yield from map(function, items)
    else:
        with ThreadPoolExecutor(workers, thread_name_prefix="hepnb-read") as pool:
            yield from _windowed(lambda item: pool.submit(function, item), items, lambda: workers)


def _on_cluster(
    function: Callable[[Item], Outcome], items: Iterable[Item], client: Any
) -> Iterator[Outcome]:
    # as the outcome of a task it waits for the first worker to come, and survives the loss of one
    sent = client.submit(_same, function, pure=False)

    def ahead() -> int:  # asked for each time, since a cluster grows and shrinks
        threads: dict[str, int] = client.nthreads()
        return max(16, 2 * sum(threads.values()))

    yield from _windowed(lambda item: client.submit(_call, sent, item, pure=False), items, ahead)


def _same(function: Item) -> Item:
    return function


def _call(function: Callable[[Item], Outcome], item: Item) -> Outcome:
    return function(item)


def _windowed(
    submit: Callable[[Item], Future[Outcome]], items: Iterable[Item], ahead: Callable[[], int]
) -> Iterator[Outcome]:
    waiting: deque[Future[Outcome]] = deque()
    try:
        for item in items:
            waiting.append(submit(item))
            while len(waiting) > ahead():
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
