"""Collects everything that is wrong with the fields of one message, so that all of it is said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from labgloss.errors import RequestError, Violation
from labgloss.wire.enums import EnumTable, Member, Number

Item = TypeVar("Item")
Parsed = TypeVar("Parsed")

# design.md, limits.
LIST_LIMIT = 200
TEXT_LIMIT = 1_000
ID_LIMIT = 128


class Fields:
    """The violations found so far; no description repeats the value sent.

    A field is named by where it stands and its name there, such as "panel.results[0]" and ".unit": the path is joined
    only for a violation, because most panels have none.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def wrong(self, field: str, reason: str, description: str) -> None:
        """Notes one bad field, by the name of its ViolationReason."""
        self.violations.append(Violation(field, reason, description))

    def stop_on_violations(self) -> None:
        """Raises RequestError with every violation, if there is any."""
        if self.violations:
            raise RequestError(tuple(self.violations))

    def text(self, at: str, name: str, value: str, limit: int = TEXT_LIMIT) -> str:
        """The text as sent; a violation when it is longer than its limit."""
        if len(value) > limit:
            self.wrong(at + name, "TOO_LONG", f"at most {limit:,} characters are allowed; shorten it")
        return value

    def ident(self, at: str, name: str, value: str) -> str:
        """The id or code as sent; a violation when it is longer than an id may be."""
        return self.text(at, name, value, ID_LIMIT) if len(value) > ID_LIMIT else value

    def texts(self, at: str, name: str, values: Sequence[str]) -> tuple[str, ...]:
        """The texts as sent."""
        return tuple([self.text(path, "", value) for path, value in self.items(at, name, values)]) if values else ()

    def items(self, at: str, name: str, values: Sequence[Item]) -> Iterator[tuple[str, Item]]:
        """Path and item of a list, as far as its limit; a violation when it goes on."""
        if not values:
            return
        field = at + name
        if len(values) > LIST_LIMIT:
            self.wrong(field, "TOO_MANY", f"at most {LIST_LIMIT} items are allowed; send fewer, or several panels")
        for position, value in enumerate(values[:LIST_LIMIT]):
            yield f"{field}[{position}]", value

    def member(self, at: str, name: str, number: Number, table: EnumTable[Member, Number]) -> Member | None:
        """The member of a closed list; None for the unspecified, and for a number that the list does not hold."""
        if not number:
            return None
        member = table.members.get(number)
        if member is None:
            self.wrong(at + name, "UNKNOWN_VALUE", f"one of {', '.join(table.names)} is allowed, or none")
        return member

    def within(self, at: str, name: str, number: int, low: int, high: int, what: str) -> int:
        """The number as sent; a violation when it lies outside its limits."""
        if not low <= number <= high:
            self.wrong(at + name, "OUT_OF_RANGE", f"{what} {low} to {high:,} are allowed")
        return number

    def parsed(self, at: str, name: str, value: str, parse: Callable[[str], Parsed | None], form: str) -> Parsed | None:
        """What a text holds; None for an empty text, and for one of another form, which is a violation."""
        if not value:
            return None
        found = parse(value)
        if found is None:
            self.wrong(at + name, "BAD_FORM", f"{form} is needed")
        return found

    def formed(self, at: str, name: str, value: str, is_form: Callable[[str], bool], form: str) -> str:
        """The text as sent; a violation when it is neither empty nor of its form."""
        if value and not is_form(value):
            self.wrong(at + name, "BAD_FORM", f"{form} is needed")
        return value

    def choice(self, at: str, name: str, value: str, allowed: Sequence[str]) -> str:
        """The choice as sent; a violation when it is neither empty nor one of those allowed."""
        if value and value not in allowed:
            self.wrong(at + name, "UNKNOWN_VALUE", f"one of {', '.join(allowed)} is allowed, or none for the default")
        return value
