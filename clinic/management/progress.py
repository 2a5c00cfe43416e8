"""Progress at the terminal: a bar for people, plain lines for everything else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)


class Show(Protocol):
    """Say how far it is. `total` may be unknown at first."""

    def __call__(self, done: int, total: int | None) -> None: ...


@contextmanager
def progress(what: str, *, bar: bool = True) -> Iterator[Show]:
    """Show progress while the block runs: a bar at a terminal, else a line a step."""
    if bar and sys.stderr.isatty():
        from rich.console import Console

        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        ) as display:
            task = display.add_task(what, total=None)

            def show(done: int, total: int | None) -> None:
                display.update(task, completed=done, total=total)

            yield show
        return
    last: list[tuple[int, int | None]] = []

    def lines(done: int, total: int | None) -> None:
        if (done, total) not in last:
            last[:] = [(done, total)]
            print(f"{what}: {done} of {total if total is not None else 'an unknown number'}")

    yield lines
