"""What a release knows, as the messages of KnowledgeService."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

from labgloss.domain.quantity import plain
from labgloss.engine.select import whom
from labgloss.errors import RuleNotFoundError
from labgloss.knowledge import schema
from labgloss.knowledge.release import Analyte, Release
from labgloss.knowledge.stated import statuses
from labgloss.v1 import knowledge_pb2 as pb
from labgloss.wire.fields import Fields
from labgloss.wire.rules import ids_of, limits_of, rules_of

Item = TypeVar("Item")

DEFAULT_PAGE_SIZE = 100
PAGE_SIZE_LIMIT = 1_000


class Knowledge:
    """Answers the requests of KnowledgeService. Raises CallError.

    Its messages are built when they are first asked for: no panel needs them.
    """

    def __init__(self, release: Release) -> None:
        reference = release.reference
        # What a page token is good for.
        self._loaded = f"{reference.digest} {reference.overlay_digest}"
        self._variants = release.interval_variants
        self._of = release

    @cached_property
    def _analytes(self) -> Sequence[pb.Analyte]:
        analytes = sorted(self._of.analytes.values(), key=lambda analyte: analyte.id)
        return [_analyte(analyte, self._of) for analyte in analytes]

    @cached_property
    def _intervals(self) -> Sequence[pb.ReferenceInterval]:
        made = (_interval(row, analyte) for analyte, row in self._of.intervals())
        return sorted(made, key=lambda interval: interval.id)

    @cached_property
    def _rules(self) -> Mapping[str, pb.Rule]:
        return {rule.id: rule for rule in rules_of(self._of)}

    @cached_property
    def _symptoms(self) -> Sequence[pb.VocabularySymptom]:
        return [_symptom(self._of.symptoms[ident]) for ident in sorted(self._of.symptoms)]

    @cached_property
    def _sources(self) -> Sequence[pb.Source]:
        return [_source(self._of.sources[ident]) for ident in sorted(self._of.sources)]

    @cached_property
    def _release(self) -> pb.Release:
        return _release(self._of, self._rules.values())

    def get_release(self, _: pb.GetReleaseRequest) -> pb.GetReleaseResponse:
        """The release."""
        return pb.GetReleaseResponse(release=self._release)

    def list_analytes(self, request: pb.ListAnalytesRequest) -> pb.ListAnalytesResponse:
        """A page of the analytes."""
        analytes, token = self._page("analytes", self._analytes, request, Fields())
        return pb.ListAnalytesResponse(analytes=analytes, next_page_token=token)

    def list_reference_intervals(self, request: pb.ListReferenceIntervalsRequest) -> pb.ListReferenceIntervalsResponse:
        """A page of the reference intervals of an analyte, a variant, or all."""
        fields = Fields()
        self._check_analyte(request.analyte, fields)
        fields.choice("", "variant", request.variant, self._variants)
        chosen = [
            interval
            for interval in self._intervals
            if request.analyte in ("", interval.analyte) and request.variant in ("", interval.variant)
        ]
        intervals, token = self._page(f"intervals {request.analyte} {request.variant}", chosen, request, fields)
        return pb.ListReferenceIntervalsResponse(intervals=intervals, next_page_token=token)

    def list_rules(self, request: pb.ListRulesRequest) -> pb.ListRulesResponse:
        """A page of the rules of a kind, an analyte, or all."""
        fields = Fields()
        if request.kind not in pb.RuleKind.values():
            fields.wrong("kind", "UNKNOWN_VALUE", f"one of {', '.join(pb.RuleKind.keys())} is allowed")
        self._check_analyte(request.analyte, fields)
        chosen = [
            rule
            for rule in self._rules.values()
            if request.kind in (pb.RULE_KIND_UNSPECIFIED, rule.kind) and request.analyte in ("", rule.analyte)
        ]
        rules, token = self._page(f"rules {request.kind} {request.analyte}", chosen, request, fields)
        return pb.ListRulesResponse(rules=rules, next_page_token=token)

    def get_rule(self, request: pb.GetRuleRequest) -> pb.GetRuleResponse:
        """The rule with this id."""
        if not request.id:
            fields = Fields()
            fields.wrong("id", "REQUIRED", "a rule id is needed, such as ListRules or a report names")
            fields.stop_on_violations()
        for ident in ids_of(request.id):
            if ident in self._rules:
                return pb.GetRuleResponse(rule=self._rules[ident])
        raise RuleNotFoundError

    def list_symptoms(self, request: pb.ListSymptomsRequest) -> pb.ListSymptomsResponse:
        """A page of the symptom vocabulary."""
        symptoms, token = self._page("symptoms", self._symptoms, request, Fields())
        return pb.ListSymptomsResponse(symptoms=symptoms, next_page_token=token)

    def list_sources(self, request: pb.ListSourcesRequest) -> pb.ListSourcesResponse:
        """A page of the sources."""
        sources, token = self._page("sources", self._sources, request, Fields())
        return pb.ListSourcesResponse(sources=sources, next_page_token=token)

    def _check_analyte(self, analyte: str, fields: Fields) -> None:
        if analyte and all(known.id != analyte for known in self._analytes):
            fields.wrong(
                "analyte", "UNKNOWN_VALUE", "an analyte id that ListAnalytes lists is allowed, or none for all"
            )

    def _page(self, name: str, items: Sequence[Item], request: _Paged, fields: Fields) -> tuple[Sequence[Item], str]:
        """The items of the page asked for, and the token of the next. Raises RequestError, also for `fields`."""
        fields.within("", "page_size", request.page_size, 0, PAGE_SIZE_LIMIT, "items a page")
        begin = self._begin(name, request.page_token, fields)
        fields.stop_on_violations()
        end = begin + (request.page_size or DEFAULT_PAGE_SIZE)
        return items[begin:end], self._token(name, end) if end < len(items) else ""

    def _begin(self, name: str, token: str, fields: Fields) -> int:
        """Where a page begins. A token is good for one list, its filters and this release only."""
        if not token:
            return 0
        try:
            begin = int.from_bytes(base64.urlsafe_b64decode(token)[:4], "big")
        except ValueError:
            begin = -1
        if begin < 0 or token != self._token(name, begin):
            description = (
                "the next_page_token of the same list, with the same filters, from the release loaded is needed"
            )
            fields.wrong("page_token", "BAD_FORM", description)
        return begin

    def _token(self, name: str, begin: int) -> str:
        position = begin.to_bytes(4, "big")
        seal = hashlib.sha256(position + f"{self._loaded} {name}".encode()).digest()[:14]
        return base64.urlsafe_b64encode(position + seal).decode()


class _Paged(Protocol):
    page_size: int
    page_token: str


def _release(release: Release, rules: Iterable[pb.Rule]) -> pb.Release:
    file = release.file
    counts = {
        "analytes": len(release.analytes),
        "codes": len(release.codes),
        **Counter(pb.RuleKind.Name(rule.kind).removeprefix("RULE_KIND_").lower() for rule in rules),
        "symptoms": len(release.symptoms),
        "conditions": len(release.conditions),
        "medications": len(release.medications),
        "sources": len(release.sources),
    }
    return pb.Release(
        version=release.reference.version,
        digest=release.reference.digest,
        title=file.title,
        released=file.released.isoformat(),
        review_by=file.review_by.isoformat(),
        intended_use=file.intended_use,
        engine=release.reference.engine,
        counts=[pb.Count(name=name, count=count) for name, count in sorted(counts.items())],
        statuses=[pb.Count(name=name, count=count) for name, count in statuses(release).items()],
        vitamin_d_policies=release.vitamin_d_policies,
        critical_limit_sets=release.critical_limit_sets,
        interval_variants=release.interval_variants,
        overlay=release.reference.overlay,
        overlay_digest=release.reference.overlay_digest,
        overlay_title=release.site.title,
        overlay_entries=[
            pb.OverlayEntry(
                name=entry.name,
                value=entry.value,
                text=entry.words,
                signed_by=entry.signed_by,
                signed_on=entry.signed_on.isoformat(),
            )
            for entry in release.site.entries
        ],
    )


def _analyte(analyte: Analyte, release: Release) -> pb.Analyte:
    form = analyte.form
    native = set(analyte.native_units)
    return pb.Analyte(
        id=form.id,
        name=form.name,
        role=form.role,
        codes=[
            pb.AnalyteCode(
                loinc=code.loinc,
                name=code.name,
                property=code.property,
                specimen=code.specimen,
                status=code.status,
                unit=code.unit,
            )
            for code in form.codes
        ],
        units=[
            pb.AnalyteUnit(
                ucum=unit.ucum,
                spellings=release.unit_table.units[unit.ucum].spellings,
                native=unit.ucum in native,
                compared_in=unit.compared_in,
                factor=f"{unit.factor.numerator}/{unit.factor.denominator}" if unit.factor != 1 else "1",
            )
            for unit in analyte.units.values()
        ],
        note=form.note,
        bands=analyte.band_ids,
        molar_mass="" if form.molar_mass is None else plain(form.molar_mass),
        charge=form.charge,
        plausibility=[
            pb.PlausibilityLimit(
                kind=row.kind, expression=limit.text, unit=unit, source_ids=row.source, status=row.status
            )
            for row in form.plausibility
            for unit, limit in row.limits.items()
        ],
    )


def _interval(row: schema.IntervalRow, analyte: str) -> pb.ReferenceInterval:
    return pb.ReferenceInterval(
        id=row.id,
        analyte=analyte,
        variant=row.variant,
        applies_to=whom(row),
        limits=limits_of(row.limits),
        source_ids=row.source,
        status=row.status,
        note=row.note,
    )


def _symptom(row: schema.SymptomRow) -> pb.VocabularySymptom:
    return pb.VocabularySymptom(
        id=row.id,
        display=row.display,
        synonyms=row.synonyms,
        codes=[pb.VocabularyCode(system=code.system, code=code.code, nearest=code.nearest) for code in row.codes],
    )


def _source(row: schema.SourceRow) -> pb.Source:
    return pb.Source(id=row.id, citation=row.citation, tier=row.tier, read=row.read)
