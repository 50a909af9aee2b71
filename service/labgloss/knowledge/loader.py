"""Knowledge files to a release: read, formed, checked, indexed. Every fault is named with its file and key."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from labgloss.errors import Fault, KnowledgeError
from labgloss.knowledge import checks, schema
from labgloss.knowledge.release import (
    Analyte,
    CodeOfAnalyte,
    Release,
    ReleaseReference,
    compile_analyte,
    reads,
)
from labgloss.knowledge.units import UnitTable

DATA = Path(__file__).parent / "data"
SPECS_SUFFIX = ".specs.toml"

_Form = TypeVar("_Form", bound=BaseModel)
_CHOICES = ("vitamin_d_policy", "critical_limits", "intervals")


def load(folder: Path = DATA) -> Release:
    """The release that the files of a folder hold, checked.

    Raises KnowledgeError with every fault: file, key, reason, and a patient who meets it where there is one.
    """
    files = _Files(folder)
    release = _assemble(files)
    files.faults += checks.faults(release, files.origin)
    files.stop_on_faults()
    return release


class _Files:
    """The files of a folder, what they hold, and the faults found so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        # Where each id stands: for faults that are found later.
        self.origin: dict[tuple[str, str], str] = {}
        self._digest = hashlib.sha256()
        self._tables: dict[str, dict[str, Any]] = {}
        if not folder.is_dir():
            raise KnowledgeError((Fault(str(folder), "", "is not a folder; give the folder of the knowledge files"),))
        for path in sorted(folder.rglob("*.toml")):
            if not path.name.endswith(SPECS_SUFFIX):
                self._read(path)
        self.stop_on_faults()

    @property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of every file, in hex."""
        return self._digest.hexdigest()

    def stop_on_faults(self) -> None:
        """Raises KnowledgeError if any fault was found."""
        if self.faults:
            raise KnowledgeError(tuple(self.faults))

    def _read(self, path: Path) -> None:
        name = path.relative_to(self.folder).as_posix()
        content = path.read_bytes()
        for part in (name.encode(), content):
            self._digest.update(len(part).to_bytes(8, "big") + part)
        try:
            self._tables[name] = tomllib.loads(content.decode(), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.faults.append(Fault(name, "", f"is not TOML: {error}"))

    def under(self, folder: str) -> list[str]:
        """Names of the files in a sub-folder."""
        return [name for name in self._tables if name.startswith(f"{folder}/")]

    def table(self, name: str) -> dict[str, Any]:
        """The content of a file; empty, with a fault, when it is missing."""
        if name not in self._tables:
            self.faults.append(Fault(name, "", "is missing; a release needs this file"))
            return {}
        return self._tables[name]

    def form(self, name: str, form: type[_Form]) -> _Form | None:
        """A whole file in its form, or None with its faults."""
        table = self.table(name)
        return self._formed(name, "", table, form) if table else None

    def rows(self, name: str, key: str, form: type[_Form]) -> list[_Form]:
        """The rows of an array of a file; a key beside the arrays that the file may hold is a fault."""
        found = []
        raw = self.table(name).get(key, [])
        if not isinstance(raw, list):
            self.faults.append(Fault(name, key, f"must be an array of tables: [[{key}]]"))
            return []
        for number, row in enumerate(raw):
            if (formed := self._formed(name, f"{key}[{number}]", row, form)) is not None:
                found.append(formed)
                self.origin.setdefault((key, str(getattr(formed, "id", getattr(formed, "ucum", number)))), name)
        return found

    def only(self, name: str, *keys: str) -> None:
        """A fault for each key of a file that is not one of these."""
        for key in self.table(name).keys() - set(keys):
            self.faults.append(Fault(name, key, f"is not known here; allowed: {', '.join(keys)}"))

    def _formed(self, name: str, key: str, raw: object, form: type[_Form]) -> _Form | None:
        try:
            return form.model_validate(raw)
        except ValidationError as error:
            label = raw.get("id", "") if isinstance(raw, dict) else ""
            for problem in error.errors(include_url=False, include_input=False):
                path = ".".join(str(part) for part in (key, *problem["loc"]) if part != "")
                about = f" (in {label})" if label else ""
                self.faults.append(Fault(name, path, problem["msg"] + about))
            return None

    def unique(self, key: str, rows: Iterable[_Form], attribute: str = "id") -> Mapping[str, _Form]:
        """The rows by id; an id that stands twice is a fault."""
        found: dict[str, _Form] = {}
        for row in rows:
            ident = str(getattr(row, attribute))
            if ident in found:
                self.faults.append(Fault(self.origin.get((key, ident), ""), f"{key}.{ident}", "stands twice"))
            found[ident] = row
        return MappingProxyType(found)


def _assemble(files: _Files) -> Release:
    release_file = files.form("release.toml", schema.ReleaseFile)
    computations = files.form("computations.toml", schema.ComputationsFile)
    table = _units(files)
    choices = {
        name: files.unique(name, files.rows("choices.toml", name, schema.ChoiceRow)) for name in _CHOICES
    }
    files.only("choices.toml", *_CHOICES)

    def by_id(name: str, key: str, form: type[_Form]) -> Mapping[str, _Form]:
        files.only(name, key)
        return files.unique(key, files.rows(name, key, form))

    sources = by_id("sources.toml", "source", schema.SourceRow)
    symptoms = by_id("symptoms.toml", "symptom", schema.SymptomRow)
    conditions = by_id("conditions.toml", "condition", schema.ContextRow)
    medications = by_id("medications.toml", "medication", schema.ContextRow)
    groups = by_id("groups.toml", "group", schema.GroupRow)
    red_flags = by_id("red_flags.toml", "red_flag", schema.RedFlagRow)
    files.only("findings.toml", "finding")
    files.only("associations.toml", "association")
    files.only("recommendations.toml", "recommendation", "contradiction")
    files.only("wording.toml", "caution", "issue", "refusal", "urgency")
    patterns: list[schema.PatternRow] = []
    for name in files.under("patterns"):
        files.only(name, "pattern")
        patterns += files.rows(name, "pattern", schema.PatternRow)
    findings: dict[str, tuple[schema.FindingRow, ...]] = {}
    for row in files.rows("findings.toml", "finding", schema.FindingRow):
        findings[row.id] = (*findings.get(row.id, ()), row)
    pattern_rows = files.unique("pattern", patterns)
    associations = files.unique(
        "association", files.rows("associations.toml", "association", schema.AssociationRow), "symptom"
    )
    recommendations = files.unique(
        "recommendation", files.rows("recommendations.toml", "recommendation", schema.RecommendationRow)
    )
    contradictions = tuple(files.rows("recommendations.toml", "contradiction", schema.ContradictionRow))
    wording = {
        key: files.unique(key, files.rows("wording.toml", key, schema.WordingRow)) for key in ("caution", "issue")
    }
    refusals = files.unique("refusal", files.rows("wording.toml", "refusal", schema.RefusalRow))
    urgencies = {row.id.name: row for row in files.rows("wording.toml", "urgency", schema.UrgencyRow)}
    forms = [
        form for name in files.under("analytes") if (form := files.form(name, schema.AnalyteFile)) is not None
    ]
    for name in files.under("analytes"):
        files.origin.setdefault(("analyte", Path(name).stem), name)
    files.stop_on_faults()
    assert release_file is not None and computations is not None  # or a fault would have stopped us
    policies = tuple(choices["vitamin_d_policy"].values())
    analytes = _analytes(files, forms, table, computations.pregnancy, policies)
    codes = _codes(files, forms)
    order = _rule_order(files, pattern_rows, red_flags)
    files.stop_on_faults()
    return Release(
        reference=ReleaseReference(release_file.version, files.digest),
        file=release_file,
        unit_table=table,
        analytes=analytes,
        codes=codes,
        sources=sources,
        computations=computations,
        symptoms=symptoms,
        associations=associations,
        conditions=conditions,
        medications=medications,
        groups=groups,
        findings=MappingProxyType(findings),
        patterns=pattern_rows,
        red_flags=red_flags,
        recommendations=recommendations,
        contradictions=contradictions,
        cautions=wording["caution"],
        issues=wording["issue"],
        refusals=refusals,
        urgencies=MappingProxyType(urgencies),
        choices=MappingProxyType(choices),
        rule_order=order,
    )


def _units(files: _Files) -> UnitTable:
    files.only("units.toml", "unit")
    rows = files.unique("unit", files.rows("units.toml", "unit", schema.UnitRow), "ucum")
    spellings: dict[str, str] = {}
    for row in rows.values():
        for spelling in row.spellings:
            if spelling in rows or spellings.get(spelling, row.ucum) != row.ucum:
                files.faults.append(
                    Fault("units.toml", f"unit.{row.ucum}.spellings", f"{spelling!r} already stands for another unit")
                )
            spellings[spelling] = row.ucum
    return UnitTable(rows, MappingProxyType(spellings))


def _analytes(
    files: _Files,
    forms: list[schema.AnalyteFile],
    table: UnitTable,
    pregnancy: schema.PregnancyForm,
    policies: tuple[schema.ChoiceRow, ...],
) -> Mapping[str, Analyte]:
    compiled: dict[str, Analyte] = {}
    for form in forms:
        name = files.origin.get(("analyte", form.id), "")
        if not name:
            files.faults.append(Fault("analytes", "id", f"{form.id!r} does not stand in a file of its own name"))
        if unknown := [unit.ucum for unit in form.units if unit.ucum not in table.units]:
            reason = f"{', '.join(unknown)} not in units.toml; add the unit there, with its dimension and scale"
            files.faults.append(Fault(name, "units", reason))
            continue
        try:
            compiled[form.id] = compile_analyte(form, table, pregnancy, policies)
        except (ValueError, IndexError) as error:
            files.faults.append(Fault(name, "units", str(error)))
    return MappingProxyType(compiled)


def _codes(files: _Files, forms: list[schema.AnalyteFile]) -> Mapping[str, CodeOfAnalyte]:
    codes: dict[str, CodeOfAnalyte] = {}
    for form in forms:
        for row in form.codes:
            if (other := codes.get(row.loinc)) is not None:
                name = files.origin.get(("analyte", form.id), "")
                reason = f"LOINC {row.loinc} already names {other.analyte}; a code names one analyte"
                files.faults.append(Fault(name, "codes", reason))
            codes[row.loinc] = CodeOfAnalyte(form.id, row)
    return MappingProxyType(codes)


def _rule_order(
    files: _Files, patterns: Mapping[str, schema.PatternRow], red_flags: Mapping[str, schema.RedFlagRow]
) -> tuple[schema.PatternRow | schema.RedFlagRow, ...]:
    """Patterns and red flags, each after what it reads; the order of the files otherwise."""
    rules: dict[str, schema.PatternRow | schema.RedFlagRow] = {**red_flags, **patterns}
    graph = {ident: [other for other in reads(rule) if other in rules] for ident, rule in rules.items()}
    sorter: TopologicalSorter[str] = TopologicalSorter({ident: sorted(graph[ident]) for ident in rules})
    try:
        return tuple(rules[ident] for ident in sorter.static_order())
    except CycleError as error:
        ring = " -> ".join(error.args[1])
        files.faults.append(Fault("patterns", ring, "each of these rules reads the next; break the circle"))
        return ()


