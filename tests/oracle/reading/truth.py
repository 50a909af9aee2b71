"""Three-valued logic (symptoms-patterns.md 0.2): True, False, or None where it is UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from fractions import Fraction

from tests.oracle.limits import Limit

Truth = bool | None


def all_of(*clauses: Truth) -> Truth:
    """TRUE when all are, FALSE when one is FALSE."""
    return False if False in clauses else None if None in clauses else True


def any_of(*clauses: Truth) -> Truth:
    """TRUE when one is, FALSE when all are FALSE."""
    return True if True in clauses else None if None in clauses else False


def no(clause: Truth) -> Truth:
    """The opposite; the opposite of UNKNOWN is UNKNOWN."""
    return None if clause is None else not clause


def at_least(count: int, clauses: Iterable[Truth]) -> Truth:
    """Whether so many are TRUE, as far as that is known."""
    listed = list(clauses)
    true, unknown = listed.count(True), listed.count(None)
    return True if true >= count else None if true + unknown >= count else False


class State(Enum):
    """The state of a pattern."""

    MATCHED = "MATCHED"
    POSSIBLE = "POSSIBLE"
    NOT_MET = "NOT_MET"


def state_of(core: Iterable[Truth], required: Iterable[Truth] = (), excluding: Iterable[Truth] = ()) -> State:
    """symptoms-patterns.md 0.2: core clauses are required, and one TRUE core clause is what a POSSIBLE rests on."""
    cores, excluded = list(core), list(excluding)
    clauses = [*cores, *required]
    if False in clauses or True in excluded:
        return State.NOT_MET
    if None not in clauses:
        return State.MATCHED
    return State.POSSIBLE if True in cores else State.NOT_MET


def as_clause(state: State) -> Truth:
    """A pattern as a clause of another one."""
    return {State.MATCHED: True, State.POSSIBLE: None, State.NOT_MET: False}[state]


def best_of(*states: State) -> State:
    """A pattern with two forms is in the state of the one that is nearer to MATCHED."""
    return min(states, key=list(State).index)


def compared(allowed: Limit, sign: str, number: str) -> Truth:
    """Whether every number that a value allows lies on that side of a number; FALSE when none does."""
    end = Fraction(number)
    if sign in ("<", "<="):
        return no(compared(allowed, {"<": ">=", "<=": ">"}[sign], number))
    if allowed[0][0] == "=":
        return allowed[0][1] >= end if sign == ">=" else allowed[0][1] > end
    for direction, bound in allowed:
        beyond = bound > end or (bound == end and (sign == ">=" or direction == ">"))
        if direction in (">", ">=") and beyond:
            return True
        short = bound < end or (bound == end and (sign == ">" or direction == "<"))
        if direction in ("<", "<=") and short:
            return False
    return None
