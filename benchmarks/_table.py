"""Print the table of a benchmark, row by row."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDTHS = (58, 12, 12, 20)


def print_head() -> None:
    """Print the names of the columns."""
    _print_cells("what", "median", "p95", "figure to reach")
    print("─" * (sum(WIDTHS) + 10), flush=True)


def print_row(
    what: str,
    values: Sequence[float],
    unit: str,
    *,
    at_most: float | None = None,
    p95_at_most: float | None = None,
    at_least: float | None = None,
) -> None:
    """Print what was measured beside its target, and whether the target was missed.

    Args:
        what: what was measured.
        values: one value for each repetition; a single value has no 95th percentile.
        unit: unit of the values.
        at_most: upper limit of the median.
        p95_at_most: upper limit of the 95th percentile.
        at_least: lower limit of the median.
    """
    median, p95 = percentile(values, 50), percentile(values, 95)
    figures = {"≤": at_most, "≥": at_least, "p95 ≤": p95_at_most}
    goal = ", ".join(f"{sign} {_number(f)}" for sign, f in figures.items() if f is not None)
    missed = (
        (at_most is not None and median > at_most)
        or (at_least is not None and median < at_least)
        or (p95_at_most is not None and p95 > p95_at_most)
    )
    _print_cells(
        what,
        f"{_number(median)} {unit}",
        f"{_number(p95)} {unit}" if len(values) > 1 else "",
        f"{goal} {unit}" if goal else "",
        "missed" if missed else "",
    )


def percentile(values: Sequence[float], share: int) -> float:
    """Return the smallest value that at least ``share`` percent of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * share / 100) - 1]


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}".removesuffix(".00").removesuffix(".0")


def _print_cells(*cells: str) -> None:
    what, *rest = cells
    columns = [f"{cell:>{width}}" for cell, width in zip(rest, WIDTHS[1:], strict=False)]
    print(f"{what:<{WIDTHS[0]}}{''.join(columns)}  {''.join(rest[3:])}".rstrip(), flush=True)
