"""The closed lists of the proto as the domain's own, and back; both are matched by name, once, at import."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from labgloss.domain import panel, quantity, report, subject, truth
from labgloss.v1 import panel_pb2, report_pb2

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

Member = TypeVar("Member", bound=Enum)
Number = TypeVar("Number", bound=int)


class EnumTable(Generic[Member, Number]):
    """One closed list: `members` by number of the proto, `numbers` by member, and the `names` that are allowed.

    The number 0 is no member, except where `unspecified` stands for it. Raises KeyError at import when a name of the
    proto has no member of the same name.
    """

    def __init__(self, wire: _EnumTypeWrapper[Number], domain: type[Member], unspecified: Member | None = None) -> None:
        numbered = {number: name for name, number in wire.items()}
        prefix = next(name for number, name in numbered.items() if number == 0).removesuffix("UNSPECIFIED")
        members = {number: domain[name.removeprefix(prefix)] for number, name in numbered.items() if number}
        numbers = {member: number for number, member in members.items()}
        if unspecified is not None:
            numbers[unspecified] = next(number for number in numbered if number == 0)
        self.members: Mapping[Number, Member] = MappingProxyType(members)
        self.numbers: Mapping[Member, Number] = MappingProxyType(numbers)
        self.names: tuple[str, ...] = tuple(name for number, name in numbered.items() if number)


SEX = EnumTable(panel_pb2.Sex, subject.Sex)
COMPARATOR = EnumTable(panel_pb2.Comparator, quantity.Comparator, quantity.Comparator.EQUAL)
RESULT_STATUS = EnumTable(panel_pb2.ResultStatus, panel.ResultStatus)
SPECIMEN_KIND = EnumTable(panel_pb2.SpecimenKind, panel.SpecimenKind)
HAEMOLYSIS = EnumTable(panel_pb2.Haemolysis, panel.Haemolysis)

URGENCY = EnumTable(report_pb2.Urgency, report.Urgency)
RESULT_STATE = EnumTable(report_pb2.ResultState, report.ResultState)
RESULT_CLASS = EnumTable(report_pb2.ResultClass, report.ResultClass)
CRITICAL = EnumTable(report_pb2.Critical, report.Critical)
REFUSAL_REASON = EnumTable(report_pb2.RefusalReason, report.RefusalReason)
INTERVAL_ORIGIN = EnumTable(report_pb2.IntervalOrigin, report.IntervalOrigin)
GOVERNED = EnumTable(report_pb2.Governed, report.Governed)
TRUTH = EnumTable(report_pb2.Truth, truth.Truth)
PATTERN_STATE = EnumTable(report_pb2.PatternState, report.PatternState)
SYMPTOM_OUTCOME = EnumTable(report_pb2.SymptomOutcome, report.SymptomOutcome)
STRENGTH = EnumTable(report_pb2.Strength, report.Strength)
# Kinds of recommendations, by the words of the release.
RECOMMENDATION_KIND = MappingProxyType(
    {
        name.removeprefix("RECOMMENDATION_KIND_").lower(): number
        for name, number in report_pb2.RecommendationKind.items()
        if number
    }
)
