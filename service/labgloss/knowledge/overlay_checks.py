"""What must hold of the entries of a site's overlay: names, units, numbers, words; none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal

from labgloss import forbidden
from labgloss.domain.quantity import ARITHMETIC, plain, scaled
from labgloss.knowledge import loinc, needed, overlay_schema, schema
from labgloss.knowledge.analyte_checks import MEASURABLE, Problem, example
from labgloss.knowledge.expression import Limit
from labgloss.knowledge.partition import NOTHING_KNOWN, admissible_cells, covers
from labgloss.knowledge.release import DEFAULT, Analyte, Release
from labgloss.knowledge.units import factor_between

# One limit in two units may differ by as much as printed limits are rounded: 1.5 mg/dL beside 0.60 mmol/L is 3 %.
_ROUNDING_PERCENT = 10
# The arrays of an overlay, and what their entries are called in the path of a fault.
_LABELS: Mapping[str, tuple[str, ...]] = {
    "interval": ("id",),
    "variant": ("analyte",),
    "critical": ("id",),
    "choice": ("name",),
    "text": ("id",),
    "code": ("system", "code"),
}


def of_entries(release: Release, file: overlay_schema.OverlayFile) -> list[Problem]:
    """What is wrong with entries by themselves: names, units, numbers, words."""
    found = [*_title(file)]
    for name, check in _CHECKS.items():
        for key, row in keyed(name, getattr(file, name)):
            found += [(key, reason, witness) for reason, witness in check(release, row)]
    for name, of_feed in _FEED_CHECKS.items():
        for key, row in keyed(f"feed.{name}", getattr(file.feed, name)):
            found += [(key, reason, witness) for reason, witness in of_feed(release, file, row)]
    return [*found, *_twice(release, file)]


def without(file: overlay_schema.OverlayFile, faulty: Collection[str]) -> overlay_schema.OverlayFile:
    """The overlay without the entries at these keys, so that what is wrong with the rest is found as well."""

    def sound(name: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row for key, row in keyed(name, rows) if key not in faulty)

    feeds = {name: sound(f"feed.{name}", getattr(file.feed, name)) for name in _FEED_CHECKS}
    arrays: dict[str, Any] = {name: sound(name, getattr(file, name)) for name in _CHECKS}
    return replace(file, **arrays, feed=replace(file.feed, **feeds))


def keyed(name: str, rows: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """The entries of an array, each with its place in the file."""
    for number, row in enumerate(rows):
        label = " ".join(str(getattr(row, field)) for field in _LABELS.get(name, ("source",)))
        yield f"{name}[{number}] ({label})", row


# ---------------------------------------------------------------------------------------------- entries

# A reason, and a patient or value that meets it.
Reason = tuple[str, str]


def _title(file: overlay_schema.OverlayFile) -> Iterator[Problem]:
    for output, phrase in forbidden.found_in(file.title).items():
        yield "title", _forbidden(phrase, output), ""


def _analyte(release: Release, ident: str) -> Iterator[Reason]:
    """What keeps an analyte from having figures of a site."""
    analyte = release.analytes.get(ident)
    if analyte is None:
        yield _unknown("analyte", ident, release.analytes), ""
    elif analyte.form.role == "never_read":
        yield f"{ident} is recognised and never read, so that no limit of it can count; leave it out", ""


def _unknown(kind: str, ident: str, known: Iterable[str]) -> str:
    near = ", ".join(get_close_matches(ident, list(known)))
    return f"{kind} {ident!r} is not known to the release{f'; near it: {near}' if near else '; mend the id'}"


def _interval(release: Release, row: overlay_schema.OwnInterval) -> Iterator[Reason]:
    if wrong := [*_analyte(release, row.analyte)]:
        yield from wrong
        return
    analyte = release.analytes[row.analyte]
    if analyte.id in needed.VITAMIN_D:
        mend = 'choose a policy instead: [[choice]] with name = "vitamin_d_policy"'
        yield f"{analyte.id} is judged by a policy, never by an interval (D13); {mend}", ""
        return
    yield from _limits(release, analyte, row.limits)


def _critical(release: Release, row: overlay_schema.OwnCritical) -> Iterator[Reason]:
    if wrong := [*_analyte(release, row.analyte)]:
        yield from wrong
        return
    analyte = release.analytes[row.analyte]
    if analyte.id in needed.VITAMIN_D:
        yield f"{analyte.id} is never critical (D11); leave it out", ""
        return
    if row.age.begin is None and row.age.end is None:
        mend = 'say for which ages: age = { from = "28 d" }, or { to = "28 d" }, or { from = "0 d" } for everybody'
        yield f"has no age, and limits of adults must not reach newborns unseen (DEC-61); {mend}", ""
    if wrong := [*_limits(release, analyte, row.limits)]:
        yield from wrong
        return
    yield from _adds_nothing(release, analyte, row)


def _adds_nothing(release: Release, analyte: Analyte, row: overlay_schema.OwnCritical) -> Iterator[Reason]:
    """A site that writes a laxer limit may believe that it holds in the place of the release's: it never does."""
    first: tuple[schema.CriticalRow, str] | None = None
    for cell in admissible_cells(analyte.axes, NOTHING_KNOWN, release.computations.pregnancy.age):
        for unit, limit in row.limits.items() if covers(row, cell) else ():
            standing = [
                other
                for other in analyte.critical.get(DEFAULT, ())
                if covers(other, cell) and other.when is None and other.side == row.side and unit in other.limits
            ]
            wider = next((other for other in standing if limit.span().inside(other.limits[unit].span())), None)
            if wider is None:
                return
            witness = f"{cell}: {example(limit.span())} {unit} is critical by {wider.id}"
            first = first or (wider, witness)
    if first is not None:
        limits = ", ".join(f"{limit.text} {unit}" for unit, limit in first[0].limits.items())
        reason = (
            f"adds nothing: {first[0].id} ({limits}) holds all of it already. A limit of the release is never removed "
            "and never loosened; leave this one out, or make it the stricter"
        )
        yield reason, first[1]


def _limits(release: Release, analyte: Analyte, limits: Mapping[str, Limit]) -> Iterator[Reason]:
    """Each limit is a number in a unit of the analyte, all units are there, and all say the same."""
    accepted = ", ".join(analyte.units)
    for unit, limit in limits.items():
        if unit not in analyte.units:
            yield f"a limit is written in {unit!r}, which is not a unit of {analyte.id}; allowed: {accepted}", ""
        elif limit.needs_interval:
            yield f"{limit.text!r} in {unit} names LLN or ULN; write the number here", ""
        elif not limit.span().overlaps(MEASURABLE):
            yield f"{limit.text!r} in {unit} is met by no value", ""
    known = [unit for unit in limits if unit in analyte.units]
    if not known or any(limits[unit].needs_interval for unit in known):
        return
    lacking = [
        unit for unit in analyte.native_units if unit not in limits and _joined(release, analyte, known[0], unit)
    ]
    if lacking:
        yield f"has no limit in {', '.join(lacking)}; give it in every unit that is compared without conversion", ""
    for unit in known[1:]:
        if _joined(release, analyte, known[0], unit):
            yield from _disagreement(release, analyte, limits, known[0], unit)


def _joined(release: Release, analyte: Analyte, unit: str, other: str) -> bool:
    try:
        factor_between(release.unit_table, analyte.form, unit, other)
    except ValueError:
        return False
    return True


def _disagreement(
    release: Release, analyte: Analyte, limits: Mapping[str, Limit], unit: str, other: str
) -> Iterator[Reason]:
    """The same limit in two units, further apart than printed limits are rounded."""
    factor = factor_between(release.unit_table, analyte.form, unit, other)
    one, two = limits[unit].span(), limits[other].span()
    for end, partner in ((one.low, two.low), (one.high, two.high)):
        if (end is None) != (partner is None):
            yield f"{limits[unit].text!r} {unit} and {limits[other].text!r} {other} are open at different ends", ""
        elif end is not None and partner is not None:
            exact = scaled(end, factor)
            apart = abs(ARITHMETIC.subtract(exact, partner))
            if 100 * apart > _ROUNDING_PERCENT * exact:
                shown = plain(exact.quantize(Decimal("0.01"), context=ARITHMETIC))
                reason = f"{plain(end)} {unit} is {shown} {other}, and {plain(partner)} {other} stands there; mend one"
                yield reason, f"a value of {shown} {other}"


def _variant(release: Release, row: overlay_schema.NamedVariant) -> Iterator[Reason]:
    if wrong := [*_analyte(release, row.analyte)]:
        yield from wrong
        return
    offered = [name for name in release.analytes[row.analyte].intervals if name != DEFAULT]
    if row.variant not in offered:
        allowed = f"allowed: {', '.join(offered)}" if offered else "there is none; give an interval of your own"
        yield f"variant {row.variant!r} is not one of {row.analyte}; {allowed}", ""


def _choice(release: Release, row: overlay_schema.OwnChoice) -> Iterator[Reason]:
    offered = release.choices[row.name]
    chosen = offered.get(row.value)
    if chosen is None:
        yield f"{row.value!r} is no {row.name}; allowed: {', '.join(offered)}", ""
    elif chosen.wording_only:
        allowed = ", ".join(ident for ident, choice in offered.items() if not choice.wording_only)
        yield f"{row.value!r} has no bands of its own, so that choosing it changes nothing; allowed: {allowed}", ""


def _text(release: Release, row: overlay_schema.OwnText) -> Iterator[Reason]:
    known: Mapping[str, Collection[str]] = {
        "recommendation": release.recommendations,
        "pattern": release.patterns,
        "red_flag": release.red_flags,
        "caution": release.cautions,
    }
    if row.id not in known[row.kind]:
        yield _unknown(row.kind.replace("_", " "), row.id, known[row.kind]), ""
    for output, phrase in forbidden.found_in(row.text).items():
        yield _forbidden(phrase, output), ""


def _forbidden(phrase: str, output: str) -> str:
    return f"says {phrase!r}, which amounts to {output}, and no report may say that; word it as something to consider"


Kind = Literal["analyte", "condition", "medication"]


def named_by(row: overlay_schema.LocalCode) -> tuple[tuple[Kind, str], ...]:
    """Kind and id of what a local code may name; exactly one id is given in a sound entry."""
    return (("analyte", row.analyte), ("condition", row.condition), ("medication", row.medication))


def _code(release: Release, row: overlay_schema.LocalCode) -> Iterator[Reason]:
    yield from _not_loinc(row.system)
    named = [(kind, ident) for kind, ident in named_by(row) if ident]
    if len(named) != 1:
        yield f"names {len(named)} things; give one of analyte, condition, medication", ""
    known: Mapping[str, Collection[str]] = {
        "analyte": release.analytes,
        "condition": release.conditions,
        "medication": release.medications,
    }
    for kind, ident in named:
        if ident not in known[kind]:
            yield _unknown(kind, ident, known[kind]), ""
    if row.property is None:
        return
    if not row.analyte:
        yield "has a property, and only numbers of an analyte have one; leave it out", ""
    elif row.analyte in release.analytes:
        measured = release.analytes[row.analyte].customary
        if row.property not in measured:
            allowed = ", ".join(measured) or "none"
            yield f"{row.analyte} has no unit of property {row.property!r}; allowed: {allowed}", ""


def _not_loinc(system: str) -> Iterator[Reason]:
    if system.strip().lower() in loinc.SYSTEMS:
        yield f"{system!r} is LOINC, whose codes belong to the release; name the system of the site", ""


_CHECKS: Mapping[str, Callable[[Release, Any], Iterator[Reason]]] = {
    "interval": _interval,
    "variant": _variant,
    "critical": _critical,
    "choice": _choice,
    "text": _text,
    "code": _code,
}


# ---------------------------------------------------------------------------------------------- feed settings


def _mg_per_litre(_: Release, __: overlay_schema.OverlayFile, row: overlay_schema.MgPerLitre) -> Iterator[Reason]:
    for ident in row.analytes:
        if ident not in needed.MG_PER_LITRE:
            yield f"mg/L may be accepted for {', '.join(needed.MG_PER_LITRE)} (DEC-41), and not for {ident!r}", ""


def _d3_code_is_total(*_: object) -> Iterator[Reason]:
    return iter(())


def _default_unit(
    release: Release, file: overlay_schema.OverlayFile, row: overlay_schema.DefaultUnit
) -> Iterator[Reason]:
    if wrong := [*_analyte(release, row.analyte)]:
        yield from wrong
        return
    accepted = [unit.ucum for unit in release.analytes[row.analyte].units.values() if not unit.needs_code]
    if any(row.analyte in other.analytes for other in file.feed.mg_per_litre if other.source == row.source):
        accepted.append("mg/L")
    if row.unit not in accepted:
        yield f"{row.unit!r} is not a unit of {row.analyte}; allowed: {', '.join(accepted)}", ""


def _haemolysis_code(
    release: Release, file: overlay_schema.OverlayFile, row: overlay_schema.HaemolysisCode
) -> Iterator[Reason]:
    yield from _not_loinc(row.system)
    accepted = release.analytes[needed.HAEMOLYSIS_INDEX].units
    for unit, limit in row.limits.items():
        if unit not in accepted:
            yield f"{unit!r} is not a unit of the haemolysis index; allowed: {', '.join(accepted)}", ""
        if not isinstance(limit.high, Decimal) or not limit.span().overlaps(MEASURABLE):
            yield f"{limit.text!r} has no upper end; write the values that are no haemolysis: 'x <= 50'", ""
    if any((row.system, row.code) == (other.system, other.code) for other in file.code):
        yield f"{row.system} {row.code} stands among the local codes as well; leave it there or here", ""


_FEED_CHECKS: Mapping[str, Callable[[Release, overlay_schema.OverlayFile, Any], Iterator[Reason]]] = {
    "mg_per_litre": _mg_per_litre,
    "d3_code_is_total": _d3_code_is_total,
    "default_unit": _default_unit,
    "haemolysis_code": _haemolysis_code,
}


# ---------------------------------------------------------------------------------------------- twice


def _twice(release: Release, file: overlay_schema.OverlayFile) -> Iterator[Problem]:
    """What two entries say, or an entry and the release."""
    ruled: set[str] = set()
    for analyte in release.analytes.values():
        form = analyte.form
        ruled |= {row.id for rows in (form.intervals, form.band_tables, form.critical) for row in rows}
    own = Counter((*(row.id for row in file.interval), *(row.id for row in file.critical)))
    for name in ("interval", "critical"):
        for key, row in keyed(name, getattr(file, name)):
            if row.id in ruled:
                yield key, "is the id of a rule of the release; give the site's own an id of its own", ""
            if own[row.id] > 1:
                yield key, "stands twice; an id names one entry", ""
    for name, said in _SAID.items():
        array = getattr(file.feed, name.removeprefix("feed.")) if name.startswith("feed.") else getattr(file, name)
        decided = [(key, said(row)) for key, row in keyed(name, array)]
        times = Counter(what for _, many in decided for what in many)
        for key, many in decided:
            yield from ((key, f"{what} stands twice; one entry decides it", "") for what in many if times[what] > 1)


# What an entry decides, so that no two may.
_SAID: Mapping[str, Callable[[Any], Sequence[str]]] = {
    "variant": lambda row: [row.analyte],
    "choice": lambda row: [row.name],
    "text": lambda row: [f"{row.kind} {row.id}"],
    "code": lambda row: [f"{row.system} {row.code}"],
    "feed.mg_per_litre": lambda row: [f"{ident} of {row.source}" for ident in row.analytes],
    "feed.d3_code_is_total": lambda row: [f"the setting of {row.source}"],
    "feed.default_unit": lambda row: [f"{row.analyte} of {row.source}"],
    "feed.haemolysis_code": lambda row: [f"the haemolysis code of {row.source}"],
}
