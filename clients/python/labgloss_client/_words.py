"""The words that stand for the numbers of the API's enumerations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from labgloss.v1 import knowledge_pb2, panel_pb2

NumberT = TypeVar("NumberT", bound=int)


class Words(Generic[NumberT]):
    """A closed list of words; the empty word is the unspecified number."""

    def __init__(self, field: str, numbers: Mapping[str, NumberT]) -> None:
        self._field = field
        self._numbers = numbers

    def number(self, word: str) -> NumberT:
        """The number of a word. Raises ValueError, which lists the words and does not repeat this one."""
        try:
            return self._numbers[word]
        except KeyError:
            allowed = ", ".join(repr(known) for known in self._numbers if known)
            raise ValueError(f"{self._field} is one of {allowed}; leave it out where it is not known") from None


def _named(prefix: str, items: Iterable[tuple[str, NumberT]]) -> Mapping[str, NumberT]:
    words = {name.removeprefix(prefix).lower(): number for name, number in items}
    return {"" if word == "unspecified" else word: number for word, number in words.items()}


SEX = Words("sex", _named("SEX_", panel_pb2.Sex.items()))
RESULT_STATUS = Words("status", _named("RESULT_STATUS_", panel_pb2.ResultStatus.items()))
SPECIMEN_KIND = Words("kind", _named("SPECIMEN_KIND_", panel_pb2.SpecimenKind.items()))
HAEMOLYSIS = Words("haemolysis", _named("HAEMOLYSIS_", panel_pb2.Haemolysis.items()))
RULE_KIND = Words("kind", _named("RULE_KIND_", knowledge_pb2.RuleKind.items()))
COMPARATOR = Words(
    "comparator",
    {
        "": panel_pb2.COMPARATOR_UNSPECIFIED,
        "<": panel_pb2.COMPARATOR_LESS,
        "<=": panel_pb2.COMPARATOR_LESS_OR_EQUAL,
        ">=": panel_pb2.COMPARATOR_GREATER_OR_EQUAL,
        ">": panel_pb2.COMPARATOR_GREATER,
    },
)
