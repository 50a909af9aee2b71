"""How much is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Size:
    """Distinct panels; A B pairs; calls a turn; seconds of an open-loop turn; starts of a process."""

    name: str
    panels: int
    pairs: int
    calls: int
    seconds: float
    starts: int
    # Whether what takes minutes by its nature, such as an image, is made.
    builds: bool


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        size.name: size
        for size in (
            Size("tiny", panels=64, pairs=2, calls=32, seconds=0.3, starts=1, builds=False),
            Size("short", panels=150, pairs=4, calls=300, seconds=2.0, starts=3, builds=True),
            Size("full", panels=600, pairs=12, calls=1_200, seconds=5.0, starts=11, builds=True),
        )
    }
)
