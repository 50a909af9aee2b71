"""What clinicians did with cards: counted in the log, without a word of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from uuid import UUID

from labgloss.errors import Violation
from labgloss.fhir.json_text import Json, JsonError, parse
from labgloss.http.cards import OVERRIDE_SYSTEM, OVERRIDES
from labgloss.http.problems import Problem, fields_are_wrong

FEEDBACK_BYTES = 262_144
_MOST_ITEMS = 100
_OTHER = "other"


def read_feedback(content: bytes) -> list[Mapping[str, object]]:
    """What the log may say of each item: the card, the outcome, how many suggestions, which of our reasons.

    Raises Problem: MALFORMED_MESSAGE, or INVALID_FIELDS with every fault.
    """
    try:
        document = parse(content)
    except JsonError as error:
        raise Problem("MALFORMED_MESSAGE", f"The body is not taken: {error.description}.") from None
    items = document.get("feedback") if isinstance(document, dict) else None
    if not isinstance(items, list) or not 0 < len(items) <= _MOST_ITEMS:
        raise fields_are_wrong((Violation("feedback", "REQUIRED", f"needs a list of 1 to {_MOST_ITEMS} items"),))
    faults: list[Violation] = []
    said = [entry for position, item in enumerate(items) for entry in _item(f"feedback[{position}]", item, faults)]
    if faults:
        raise fields_are_wrong(faults)
    return said


def _item(place: str, item: Json, faults: list[Violation]) -> Iterator[Mapping[str, object]]:
    if not isinstance(item, dict):
        faults.append(Violation(place, "BAD_FORM", "needs an object"))
        return
    before = len(faults)
    card, outcome, accepted = _uuid(item.get("card")), item.get("outcome"), item.get("acceptedSuggestions")
    if card is None:
        faults.append(Violation(f"{place}.card", "BAD_FORM", "needs the uuid of a card that was answered"))
    if outcome not in ("accepted", "overridden"):
        faults.append(Violation(f"{place}.outcome", "UNKNOWN_VALUE", "needs accepted or overridden"))
    if not isinstance(item.get("outcomeTimestamp"), str):
        description = "needs the time of the outcome, such as 2026-01-15T10:00:00Z"
        faults.append(Violation(f"{place}.outcomeTimestamp", "REQUIRED", description))
    suggestions = accepted if isinstance(accepted, list) else []
    if outcome == "accepted" and not (
        suggestions and all(isinstance(each, dict) and _uuid(each.get("id")) for each in suggestions)
    ):
        description = 'needs a list of the suggestions accepted, each {"id": its uuid}'
        faults.append(Violation(f"{place}.acceptedSuggestions", "REQUIRED", description))
    if len(faults) == before:
        reason = _override(item.get("overrideReason"))
        yield {
            "card": card,
            "outcome": outcome,
            "suggestions": len(suggestions) if outcome == "accepted" else 0,
            **({"override": reason} if reason else {}),
        }


def _uuid(value: Json) -> str | None:
    with suppress(ValueError):
        return str(UUID(value)) if isinstance(value, str) else None
    return None


def _override(value: Json) -> str:
    """One of our reasons, "other", or none. What a person wrote beside it is not read."""
    reason = value.get("reason") if isinstance(value, dict) else None
    if not isinstance(reason, dict):
        return ""
    code = reason.get("code")
    return code if isinstance(code, str) and code in OVERRIDES and reason.get("system") == OVERRIDE_SYSTEM else _OTHER
