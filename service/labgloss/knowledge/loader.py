"""Knowledge files to a release: read, formed, checked, indexed. Every fault is named with its file and key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from labgloss.domain.report import Urgency
from labgloss.errors import Fault, KnowledgeError
from labgloss.files import content_of, is_listed
from labgloss.knowledge import schema
from labgloss.knowledge.expression import Expression, names
from labgloss.knowledge.references import Formed
from labgloss.knowledge.release import (
    Analyte,
    CodeOfAnalyte,
    DerivedFinding,
    Release,
    ReleaseReference,
    Rule,
    compile_analyte,
    deciding,
    reads,
)
from labgloss.knowledge.units import UnitTable

DATA = Path(__file__).parent / "data"
SPECS_SUFFIX = ".specs.toml"

_Form = TypeVar("_Form", bound=schema.Form)
_CHOICES = ("vitamin_d_policy", "critical_limits", "intervals")


def load(folder: Path = DATA, overlay: Path | None = None) -> Release:
    """The release that the files of a folder hold, checked, with a site's overlay laid over it, checked likewise.

    Raises KnowledgeError with every fault: file, key, reason, and a patient who meets it where there is one.
    """
    release, _ = load_with_rows(folder)
    if overlay is None:
        return release
    # Only here: its forms and checks take their time to import.
    from labgloss.knowledge.overlay import lay_over

    return lay_over(release, overlay)


def load_with_rows(folder: Path = DATA) -> tuple[Release, tuple[Formed, ...]]:
    """The release of a folder, checked, and every row that it was made of with its file and key. Raises as `load`."""
    # Only here: a start that finds the release parsed checks nothing.
    from labgloss.knowledge import checks

    files = _Files(folder)
    release = _assemble(files)
    files.faults += checks.faults(release, files.formed)
    files.stop_on_faults()
    return release, tuple(files.formed)


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and bytes of every file of a release, in hex."""
    digest = hashlib.sha256()
    for path in _paths(folder):
        _add(digest, path.relative_to(folder).as_posix(), path.read_bytes())
    return digest.hexdigest()


def _paths(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*.toml")) if not path.name.endswith(SPECS_SUFFIX))


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    for part in (name.encode(), content):
        digest.update(len(part).to_bytes(8, "big") + part)


class _Files:
    """The files of a folder, what they hold, and the faults found so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        # Every row and file as formed, for the checks that follow.
        self.formed: list[Formed] = []
        self._digest = hashlib.sha256()
        self._tables: dict[str, dict[str, Any]] = {}
        try:
            reason = "" if is_listed(folder) else "is not a folder"
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        if reason:
            raise KnowledgeError((Fault(str(folder), "", f"{reason}; give the folder of the knowledge files"),))
        for path in _paths(folder):
            self._read(path)
        self.stop_on_faults()

    @property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of every file, in hex."""
        return self._digest.hexdigest()

    def stop_on_faults(self) -> None:
        """Raises KnowledgeError if any fault was found."""
        if self.faults:
            raise KnowledgeError(tuple(dict.fromkeys(self.faults)))

    def _read(self, path: Path) -> None:
        # Only here, as what validates: a start that finds the release parsed reads no file.
        import tomllib

        name = path.relative_to(self.folder).as_posix()
        try:
            content = content_of(path)
        except OSError as error:
            self.faults.append(Fault(name, "", f"cannot be read: {error.strerror}"))
            return
        _add(self._digest, name, content)
        try:
            self._tables[name] = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.faults.append(Fault(name, "", f"is not TOML: {error}"))
            return
        if not self._tables[name]:
            # As a write that failed leaves it; what it held would be missing without a word.
            self.faults.append(Fault(name, "", "holds nothing; put back what it held, or take it away"))

    def under(self, folder: str) -> list[str]:
        """Names of the files in a sub-folder."""
        return [name for name in self._tables if name.startswith(f"{folder}/")]

    def no_strangers(self, *names: str) -> None:
        """A fault for each file that is neither one of these nor in a sub-folder that is read."""
        for name in self._tables.keys() - {*names, *self.under("analytes"), *self.under("patterns")}:
            self.faults.append(
                Fault(name, "", f"is read by nothing; allowed: {', '.join(names)}, analytes/, patterns/")
            )

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
        return found

    def only(self, name: str, *keys: str) -> None:
        """A fault for each key of a file that is not one of these."""
        for key in self.table(name).keys() - set(keys):
            self.faults.append(Fault(name, key, f"is not known here; allowed: {', '.join(keys)}"))

    def _formed(self, name: str, key: str, raw: object, form: type[_Form]) -> _Form | None:
        # Only here: a start that finds the release parsed pays for no pydantic.
        from labgloss.knowledge import validation

        try:
            formed = validation.formed(form, raw)
        except validation.FormError as error:
            label = raw.get("id", "") if isinstance(raw, dict) else ""
            for problem in error.problems:
                path = ".".join(str(part) for part in (key, *problem["loc"]) if part != "")
                about = f" (in {label})" if label else ""
                self.faults.append(Fault(name, path, problem["msg"] + about))
            return None
        self.formed.append(Formed(name, key, formed))
        return formed

    def by_id(self, name: str, key: str, form: type[_Form], attribute: str = "id") -> Mapping[str, _Form]:
        """The rows of an array of a file, by id."""
        return self.unique(name, key, self.rows(name, key, form), attribute)

    def unique(self, name: str, key: str, rows: Iterable[_Form], attribute: str = "id") -> Mapping[str, _Form]:
        """The rows by id; an id that stands twice is a fault of the file (or folder) named."""
        found: dict[str, _Form] = {}
        for row in rows:
            ident = getattr(row, attribute)
            ident = ident.name if isinstance(ident, Urgency) else str(ident)
            if ident in found:
                self.faults.append(Fault(name, f"{key}.{ident}", "stands twice; an id names one row"))
            found[ident] = row
        return MappingProxyType(found)


# The arrays that each file may hold.
_ARRAYS = {
    "units.toml": ("unit",),
    "choices.toml": _CHOICES,
    "sources.toml": ("source",),
    "symptoms.toml": ("symptom",),
    "associations.toml": ("association",),
    "conditions.toml": ("condition",),
    "medications.toml": ("medication",),
    "qualifiers.toml": ("qualifier",),
    "groups.toml": ("group",),
    "findings.toml": ("finding",),
    "red_flags.toml": ("red_flag",),
    "recommendations.toml": ("recommendation", "contradiction", "never"),
    "wording.toml": ("caution", "issue", "refusal", "urgency"),
}


def _assemble(files: _Files) -> Release:
    for name, arrays in (*_ARRAYS.items(), *((name, ("pattern",)) for name in files.under("patterns"))):
        files.only(name, *arrays)
    files.no_strangers(*_ARRAYS, "release.toml", "computations.toml")
    release_file = files.form("release.toml", schema.ReleaseFile)
    computations = files.form("computations.toml", schema.ComputationsFile)
    forms = {name: files.form(name, schema.AnalyteFile) for name in files.under("analytes")}
    table = _units(files)
    choices = {name: files.by_id("choices.toml", name, schema.ChoiceRow) for name in _CHOICES}
    patterns = [
        (name, row) for name in files.under("patterns") for row in files.rows(name, "pattern", schema.PatternRow)
    ]
    pattern_rows = files.unique("patterns", "pattern", (row for _, row in patterns))
    red_flags = files.by_id("red_flags.toml", "red_flag", schema.RedFlagRow)
    findings: dict[str, tuple[schema.FindingRow, ...]] = {}
    for row in files.rows("findings.toml", "finding", schema.FindingRow):
        findings[row.id] = (*findings.get(row.id, ()), row)
    urgencies = files.by_id("wording.toml", "urgency", schema.UrgencyRow)
    known_forms = {name: form for name, form in forms.items() if form is not None}
    sources = files.by_id("sources.toml", "source", schema.SourceRow)
    symptoms = files.by_id("symptoms.toml", "symptom", schema.SymptomRow)
    associations = files.by_id("associations.toml", "association", schema.AssociationRow, "symptom")
    conditions = files.by_id("conditions.toml", "condition", schema.ContextRow)
    medications = files.by_id("medications.toml", "medication", schema.ContextRow)
    qualifiers = files.by_id("qualifiers.toml", "qualifier", schema.QualifierRow)
    groups = files.by_id("groups.toml", "group", schema.GroupRow)
    recommendations = files.by_id("recommendations.toml", "recommendation", schema.RecommendationRow)
    contradictions = tuple(files.rows("recommendations.toml", "contradiction", schema.ContradictionRow))
    never = tuple(files.rows("recommendations.toml", "never", schema.NeverRow))
    cautions = files.by_id("wording.toml", "caution", schema.WordingRow)
    issues = files.by_id("wording.toml", "issue", schema.WordingRow)
    refusals = files.by_id("wording.toml", "refusal", schema.RefusalRow)
    files.stop_on_faults()
    assert release_file is not None
    assert computations is not None  # or a fault would have stopped us
    policies = tuple(choices["vitamin_d_policy"].values())
    analytes = _analytes(files, known_forms, table, computations.pregnancy, policies)
    codes = _codes(files, known_forms)
    _check_groups(files, groups)
    files.stop_on_faults()
    order = _rule_order(files, pattern_rows, red_flags, findings, groups)
    files.stop_on_faults()
    return Release(
        reference=ReleaseReference(release_file.version, files.digest),
        file=release_file,
        unit_table=table,
        analytes=analytes,
        codes=codes,
        computations=computations,
        findings=MappingProxyType(findings),
        patterns=pattern_rows,
        pattern_files=MappingProxyType({row.id: name for name, row in patterns}),
        red_flags=red_flags,
        urgencies=urgencies,
        choices=MappingProxyType(choices),
        rule_order=order,
        sources=sources,
        symptoms=symptoms,
        associations=associations,
        conditions=conditions,
        medications=medications,
        qualifiers=qualifiers,
        groups=groups,
        recommendations=recommendations,
        contradictions=contradictions,
        never=never,
        cautions=cautions,
        issues=issues,
        refusals=refusals,
    )


def _units(files: _Files) -> UnitTable:
    rows = files.by_id("units.toml", "unit", schema.UnitRow, "ucum")
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
    forms: Mapping[str, schema.AnalyteFile],
    table: UnitTable,
    pregnancy: schema.PregnancyForm,
    policies: tuple[schema.ChoiceRow, ...],
) -> Mapping[str, Analyte]:
    compiled: dict[str, Analyte] = {}
    for name, form in forms.items():
        if Path(name).stem != form.id:
            files.faults.append(Fault(name, "id", f"is {form.id!r}; the file of an analyte carries its id"))
        if unknown := [unit.ucum for unit in form.units if unit.ucum not in table.units]:
            reason = f"{', '.join(unknown)} not in units.toml; add the unit there, with its dimension and scale"
            files.faults.append(Fault(name, "units", reason))
            continue
        if form.units and not any(unit.native for unit in form.units):
            files.faults.append(Fault(name, "units", "no unit is native; mark the units that limits are written in"))
            continue
        try:
            compiled[form.id] = compile_analyte(form, table, pregnancy, policies)
        except ValueError as error:
            files.faults.append(Fault(name, "units", str(error)))
    return MappingProxyType(compiled)


def _codes(files: _Files, forms: Mapping[str, schema.AnalyteFile]) -> Mapping[str, CodeOfAnalyte]:
    codes: dict[str, CodeOfAnalyte] = {}
    for name, form in forms.items():
        for row in form.codes:
            if (other := codes.get(row.loinc)) is not None:
                reason = f"LOINC {row.loinc} already names {other.analyte}; a code names one analyte"
                files.faults.append(Fault(name, "codes", reason))
            codes[row.loinc] = CodeOfAnalyte(form.id, row)
    return MappingProxyType(codes)


def _check_groups(files: _Files, groups: Mapping[str, schema.GroupRow]) -> None:
    """A fault when groups hold each other in a circle."""
    graph = {
        row.id: sorted({name.id for member in row.members for name in names(member) if name.kind == "group"})
        for row in groups.values()
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        files.faults.append(Fault("groups.toml", " -> ".join(error.args[1]), "each holds the next; break the circle"))


def _rule_order(
    files: _Files,
    patterns: Mapping[str, schema.PatternRow],
    red_flags: Mapping[str, schema.RedFlagRow],
    findings: Mapping[str, tuple[schema.FindingRow, ...]],
    groups: Mapping[str, schema.GroupRow],
) -> tuple[Rule, ...]:
    """Patterns, red flags and findings that read patterns, each after what it reads, else as in the files."""
    made = {ident: read for ident, rows in findings.items() if (read := reads(_logic(rows), groups))}
    derived = {f"finding.{ident}": DerivedFinding(ident, findings[ident]) for ident in made}
    rules: dict[str, Rule] = {**red_flags, **patterns, **derived}
    graph: dict[str, frozenset[str]] = {f"finding.{ident}": read for ident, read in made.items()}
    graph |= {ident: reads(deciding(row), groups, made) for ident, row in patterns.items()}
    graph |= {ident: reads(deciding(flag), groups, made) for ident, flag in red_flags.items()}
    sorter: TopologicalSorter[str] = TopologicalSorter(
        {ident: sorted(other for other in graph[ident] if other in rules) for ident in rules}
    )
    try:
        return tuple(rules[ident] for ident in sorter.static_order())
    except CycleError as error:
        ring = " -> ".join(error.args[1])
        files.faults.append(Fault("patterns", ring, "each of these rules reads the next; break the circle"))
        return ()


def _logic(rows: Iterable[schema.FindingRow]) -> list[Expression]:
    return [part for row in rows for part in (row.when, row.unless) if part is not None]
