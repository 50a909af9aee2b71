"""Sets of truths as bits: what a fact may still be while only some of its causes are decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from labgloss.domain.truth import Truth, all_of, any_of

TRUE, FALSE, UNKNOWN = 1, 2, 4
ANY = TRUE | FALSE | UNKNOWN
BIT = {Truth.TRUE: TRUE, Truth.FALSE: FALSE, Truth.UNKNOWN: UNKNOWN}
_BITS = tuple(BIT.items())
_ALL_MASKS = range(8)


def members(mask: int) -> list[Truth]:
    """The truths in a set."""
    return [truth for truth, bit in _BITS if mask & bit]


def _of(truths: Iterable[Truth]) -> int:
    found = 0
    for truth in truths:
        found |= BIT[truth]
    return found


NOT = tuple(_of(~truth for truth in members(mask)) for mask in _ALL_MASKS)
AND = tuple(
    tuple(_of(all_of(pair) for pair in product(members(a), members(b))) for b in _ALL_MASKS) for a in _ALL_MASKS
)
OR = tuple(tuple(_of(any_of(pair) for pair in product(members(a), members(b))) for b in _ALL_MASKS) for a in _ALL_MASKS)
# TRUE where not FALSE; TRUE where UNKNOWN.
POSSIBLE = tuple((TRUE if mask & (TRUE | UNKNOWN) else 0) | (FALSE if mask & FALSE else 0) for mask in _ALL_MASKS)
IS_UNKNOWN = tuple((TRUE if mask & UNKNOWN else 0) | (FALSE if mask & (TRUE | FALSE) else 0) for mask in _ALL_MASKS)
# Holds or does not: TRUE against the rest.
HOLDS = tuple((TRUE if mask & TRUE else 0) | (FALSE if mask & (FALSE | UNKNOWN) else 0) for mask in _ALL_MASKS)


def conjunction(masks: Iterable[int]) -> int:
    """What `all` of such facts may be."""
    found = TRUE
    for mask in masks:
        found = AND[found][mask]
        if found == FALSE:
            break
    return found


def disjunction(masks: Iterable[int]) -> int:
    """What `any` of such facts may be."""
    found = FALSE
    for mask in masks:
        found = OR[found][mask]
        if found == TRUE:
            break
    return found


def at_least(number: int, masks: Sequence[int]) -> int:
    """What "so many of such facts" may be."""
    certain = sum(mask == TRUE for mask in masks)
    possible = sum(mask != FALSE for mask in masks)
    if certain >= number:
        return TRUE
    if possible < number:
        return FALSE
    counts = {(0, 0)}
    for mask in masks:
        counts = {
            (true + (truth is Truth.TRUE), open_ + (truth is Truth.UNKNOWN))
            for true, open_ in counts
            for truth in members(mask)
        }
    found = 0
    for true, open_ in counts:
        found |= TRUE if true >= number else UNKNOWN if true + open_ >= number else FALSE
    return found


def single(mask: int) -> bool:
    """Whether one truth is left."""
    return mask in (TRUE, FALSE, UNKNOWN)
