"""What a release is held against: panels with what their files expect, and the specs beside the knowledge files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from labgloss.domain.panel import Panel
from labgloss.domain.report import Report, ResultInterpretation
from labgloss.engine.interpret import interpret, lay_out
from labgloss.engine.judge import values
from labgloss.engine.recognise import Recognised, recognise
from labgloss.engine.rules import Settled, settle
from labgloss.errors import RequestError
from labgloss.files import is_folder, is_listed
from labgloss.knowledge.loader import DATA, SPECS_SUFFIX
from labgloss.knowledge.release import Release
from labgloss.panels.compare import compare
from labgloss.panels.errors import PanelFault, PanelFileError
from labgloss.panels.reader import PanelCase, read_content, read_panels
from labgloss.panels.schema import Expect
from labgloss.v1 import panel_pb2
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report

# Of a spec: what it says of every panel, and of the one result of each.
_OF_PANEL = ("patient", "options")
_OF_RESULT = ("analyte", "code", "unit", "interval", "specimen", "flags")
_REFUSED = "refused:"
# Analytes that the service computes from others.
_COMPUTED: Mapping[str, str] = {
    "calcium_total": "calcium_adjusted",
    "vitamin_d_25oh_d2": "vitamin_d_25oh",
    "vitamin_d_25oh_d3": "vitamin_d_25oh",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a spec expects of its one result."""

    state: str
    result_class: str
    bands: frozenset[str]
    critical: str
    ctcae_grade: int | None
    refusal: str

    @classmethod
    def of(cls, result: ResultInterpretation) -> Entry:
        """What a result came to."""
        return cls(
            result.state.value,
            result.result_class.value,
            frozenset(result.bands),
            result.critical.name.lower(),
            result.ctcae_grade,
            result.refusal_reason.value if result.refusal_reason else "",
        )


@dataclass(frozen=True, eq=False)
class Case:
    """A panel and what is expected of its report: by its file, or as an entry by a spec."""

    release: Release
    id: str
    file: str
    message: panel_pb2.Panel
    expect: Expect | None = None
    entry: Entry | None = None
    panel: Panel = field(init=False)

    def __post_init__(self) -> None:
        panel = decode_panel(self.message, "panel", self.release)
        # A trace repeats every limit: without it a report that says the same is the same.
        quiet = replace(panel, options=replace(panel.options, trace=False))
        object.__setattr__(self, "panel", quiet)

    @cached_property
    def recognised(self) -> Recognised:
        """What its words mean."""
        return recognise(self.release, self.panel)

    @cached_property
    def baseline(self) -> Report:
        """The report of the release itself."""
        return self.report(self.release)

    def report(self, release: Release) -> Report:
        """The report of a release with the same vocabulary."""
        return interpret(release, self.panel, self.recognised)

    def differences(self, report: Report, release: Release) -> list[str]:
        """What a report says otherwise than is expected."""
        if self.entry is not None:
            got = [Entry.of(result) for result in report.results if result.index is not None]
            return [] if got == [self.entry] else [f"expected {self.entry}, got {got}"]
        assert self.expect is not None
        encoded = encode_report(report, self.message, release)
        return [str(difference) for difference in compare(self.id, encoded, self.expect)]

    @cached_property
    def analytes(self) -> frozenset[str]:
        """The analytes of its results, and those that may be computed from them."""
        sent = {result.analyte for result in self.panel.results}
        for result in self.panel.results:
            sent |= {
                self.release.codes[item.code].analyte for item in result.codings if item.code in self.release.codes
            }
        return frozenset(sent | {_COMPUTED[analyte] for analyte in sent if analyte in _COMPUTED})

    @cached_property
    def names(self) -> frozenset[str]:
        """The rules that are expected of it, or expected not to be there."""
        expect = self.expect or Expect()
        return frozenset(
            (
                *(expect.patterns or ()),
                *(expect.patterns_possible or ()),
                *expect.not_patterns,
                *(expect.red_flags or ()),
                *(expect.recommend or ()),
                *expect.not_recommend,
                *(expect.findings or ()),
                *expect.urgencies,
                *(rule for rules in expect.recommended_by.values() for rule in rules),
                *(rule for rules in expect.not_recommended_by.values() for rule in rules),
                *expect.evidence_for,
                *expect.evidence_against,
            )
        )

    @cached_property
    def settled(self) -> Settled:
        """The facts of the release itself, with the rules that hold."""
        laid = lay_out(self.release, self.panel, self.recognised)
        counted = values(laid.entries, laid.facts)
        return settle(self.release, laid.facts, laid.reported, laid.entries, laid.examined, counted)

    @cached_property
    def numbers(self) -> tuple[tuple[str, Decimal], ...]:
        """Unit and number of every result, as sent and as compared."""
        readings = [result.reading for result in self.baseline.results if result.reading is not None]
        return tuple(
            (quantity.unit, quantity.value) for reading in readings for quantity in (reading.quantity, reading.compared)
        )


def cases_of(release: Release, paths: Iterable[Path]) -> list[Case]:
    """The cases of panel files, spec files (NAME.specs.toml) and folders of either.

    Raises PanelFileError with every fault of a panel file, and every field of a panel that the service refuses.
    """
    found: list[Case] = []
    faults: list[PanelFault] = []
    for path in paths:
        try:
            specs = _specs(path)
        except OSError as error:
            faults.append(PanelFault(str(path), "", "", f"cannot be read: {error.strerror}"))
            continue
        if is_folder(path) and specs and not _panels(path):
            found += [case for file in specs for case in _of_specs(release, file)]
        elif path.name.endswith(SPECS_SUFFIX):
            try:
                found += _of_specs(release, path)
            except OSError as error:
                faults.append(PanelFault(str(path), "", "", f"cannot be read: {error.strerror}"))
        else:
            for case in read_panels([path]):
                try:
                    found.append(_of_panel(release, case))
                except RequestError as error:
                    faults += [
                        PanelFault(str(case.file), case.id, one.field, one.description) for one in error.violations
                    ]
    if faults:
        raise PanelFileError(tuple(faults))
    return found


def default_paths(samples: Path, knowledge: Path | None = None) -> list[Path]:
    """Where the cases of a release are: the sample panels, and the specs beside its knowledge files."""
    return [samples, *_specs(knowledge or DATA)]


def _specs(path: Path) -> list[Path]:
    return sorted(path.rglob(f"*{SPECS_SUFFIX}")) if is_listed(path) else []


def _panels(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.suffix in (".toml", ".json") and file not in _specs(folder)]


def _of_panel(release: Release, case: PanelCase) -> Case:
    return Case(release, case.id, Path(case.file).name, case.panel, expect=case.expect)


def _of_specs(release: Release, file: Path) -> Iterator[Case]:
    specs = tomllib.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)["spec"]
    for spec in specs:
        panels = [_panel(spec, number, value) for number, (value, *_) in enumerate(spec["cases"])]
        read = read_content(json.dumps({"panel": panels}).encode(), "json", file.name)
        for case, (_, *expected) in zip(read, spec["cases"], strict=True):
            yield Case(release, case.id, file.name, case.panel, entry=_entry(spec, *expected))


def _panel(spec: Mapping[str, Any], number: int, value: str) -> dict[str, Any]:
    result = {part: spec[part] for part in _OF_RESULT if part in spec} | {"id": "value", "value": value}
    panel = {part: spec[part] for part in _OF_PANEL if part in spec}
    if "conditions" in spec:
        panel["conditions"] = [{"id": ident} for ident in spec["conditions"]]
    return panel | {"id": f"{spec['id']}.{number}", "results": [result]}


def _entry(spec: Mapping[str, Any], expected: str, bands: str, critical: str, grade: int) -> Entry:
    refusal = expected.removeprefix(_REFUSED) if expected.startswith(_REFUSED) else ""
    return Entry(
        "refused" if refusal else spec.get("state", "interpreted"),
        "indeterminate" if refusal else expected,
        frozenset(band for band in bands.split("|") if band),
        critical,
        None if grade == -1 else grade,
        refusal,
    )
