"""Clauses of rules in words, for people who read a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TypeGuard

from labgloss.domain.quantity import plain
from labgloss.domain.report import Clause
from labgloss.domain.truth import Truth
from labgloss.engine.explain import band_words, inside_a_sentence
from labgloss.engine.facts import Facts
from labgloss.engine.kept import by_release
from labgloss.knowledge.expression import Combination, Expression, Limit, Name, names
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import AgeRange, ContextRow, Form, SymptomRow, items_of

_JOINTS = {"all": " and ", "two_of": ", ", "three_of": ", "}
# Of a rule printed as a whole; a report says what came of it (`_said`).
_LEADS = {
    "none": "none of: ",
    "two_of": "two of: ",
    "three_of": "three of: ",
    "unknown": "not known: ",
    "possible": "not excluded: ",
}


def clause_of(part: Expression, facts: Facts) -> Clause:
    """A clause, what it comes to, and its words."""
    return Clause(str(part), facts.truth(part), _words(part, facts))


def clauses_that_hold(parts: Iterable[Expression], facts: Facts) -> tuple[Clause, ...]:
    """Those of several clauses that are TRUE, with their words."""
    return tuple(_clause(str(part), Truth.TRUE, _words(part, facts)) for part in parts if facts.holds(part))


def clauses_left_open(parts: Iterable[Expression], facts: Facts) -> tuple[Clause, ...]:
    """Those of several clauses that are UNKNOWN, each with what of it is not known, in words."""
    left_open = (part for part in parts if facts.truth(part) is Truth.UNKNOWN)
    return tuple(_clause(str(part), Truth.UNKNOWN, open_words(part, facts)) for part in left_open)


# Patterns that are kept hold the same clauses again and again.
@lru_cache(maxsize=1024)
def _clause(expression: str, truth: Truth, text: str) -> Clause:
    return Clause(expression, truth, text)


def _words(part: Expression, facts: Facts) -> str:
    """An expression in words; of an `any` that holds, only the parts that hold.

    That something is not known is said only where no other part holds.
    """
    if isinstance(part, Combination):
        parts = [item for item in part.parts if facts.holds(item)] if part.operator == "any" else list(part.parts)
        if part.operator == "any":
            parts = [item for item in parts if not _of_what_is_unknown(item)] or parts
        if not parts and facts.holds(part):
            parts = [item for item in part.parts if _may_hold(item, facts)]
        if part.operator == "possible" and len(parts) == 1 and _is_none(parts[0]):
            return f"{' or '.join(_words(item, facts) for item in parts[0].parts)} (not known to be present)"
        return _said(part.operator, tuple(dict.fromkeys(_words(item, facts) for item in parts or part.parts)))
    if not isinstance(part, Name):
        return str(part)
    if part.kind == "group" and facts.holds(part):
        every = facts.release.groups[part.id].members
        # Of several bands that remain none holds by itself.
        members = [item for item in every if facts.holds(item)] or [item for item in every if _may_hold(item, facts)]
        return " or ".join(_words(item, facts) for item in members)
    return name_in_words(part, facts.release)


def _of_what_is_unknown(part: Expression) -> bool:
    return isinstance(part, Combination) and part.operator == "unknown"


def _is_none(part: Expression) -> TypeGuard[Combination]:
    return isinstance(part, Combination) and part.operator == "none"


def _said(operator: str, words: Sequence[str]) -> str:
    """Words under an operator, as a sentence says it."""
    match operator:
        case "none":
            return f"neither {' nor '.join(words)}" if len(words) > 1 else f"not: {words[0]}"
        case "unknown":
            return f"{' or '.join(words)} (not known)"
        case "possible":
            return f"{' or '.join(words)} (not excluded)"
        case _:
            return f"{_LEADS.get(operator, '')}{_JOINTS.get(operator, ' or ').join(words)}"


def _may_hold(part: Expression, facts: Facts) -> bool:
    return facts.truth(part) is not Truth.FALSE


def in_words(part: Expression, release: Release) -> str:
    """A whole expression in words, whatever it comes to; what stands within a combination is in brackets."""
    if not isinstance(part, Combination):
        return name_in_words(part, release) if isinstance(part, Name) else str(part)
    inner = [in_words(item, release) for item in part.parts]
    bracketed = [
        f"({words})" if isinstance(item, Combination) and len(part.parts) > 1 else words
        for item, words in zip(part.parts, inner, strict=True)
    ]
    return f"{_LEADS.get(part.operator, '')}{_JOINTS.get(part.operator, ' or ').join(bracketed)}"


def figures_in_words(form: Form, without: frozenset[str] = frozenset()) -> str:
    """The figures of a form in one line, each behind its name, in the order of the form."""
    return "; ".join(
        f"{key} {words}" for key, value in items_of(form) if key not in without and (words := figure_in_words(value))
    )


def figure_in_words(value: object) -> str:
    """A figure of a form, or a group of them, in one line."""
    match value:
        case Decimal():
            return plain(value)
        case Limit():
            return value.text
        case Mapping():
            return ", ".join(f"{figure_in_words(part)} {unit}" for unit, part in value.items())
        case tuple():
            return ", ".join(figure_in_words(part) for part in value)
        case AgeRange():
            return f"{value.begin or 'birth'} to {value.end or 'any age'}"
        case Form():
            return f"({figures_in_words(value)})"
        case Enum():
            return value.name
        case _:
            return str(value)


def open_words(part: Expression, facts: Facts) -> str:
    """What of an expression is not known, in words: of a combination, only the parts that are open, each once."""
    if isinstance(part, Combination) and part.operator in ("all", "any", "none", "two_of", "three_of"):
        return (" and " if part.operator == "all" else " or ").join(_open_parts(part, facts))
    if isinstance(part, Name) and part.kind == "group":
        group = facts.release.groups[part.id]
        members = [item for item in group.members if facts.truth(item) is Truth.UNKNOWN]
        if len(members) == len(group.members):
            # Nothing is known of it: its title says enough.
            return group.title
        return (
            f"any of: {', '.join(open_words(item, facts) for item in members)}"
            if len(members) > 1
            else "".join(open_words(item, facts) for item in members)
        )
    return _words(part, facts)


def _open_parts(part: Combination, facts: Facts) -> tuple[str, ...]:
    """The open parts of a combination in words, each once."""
    said: list[str] = []
    for item in part.parts:
        if facts.truth(item) is not Truth.UNKNOWN:
            continue
        if part.operator == "any" and isinstance(item, Combination) and item.operator == "any":
            said += _open_parts(item, facts)
        else:
            said.append(open_words(item, facts))
    return tuple(dict.fromkeys(said))


def name_in_words(name: Name, release: Release) -> str:
    """What a name stands for, as its row says it."""
    if name.kind in ("finding", "specimen") and (found := _findings_in_words(release).get(name.id)):
        return f"{found} in this specimen" if name.kind == "specimen" else found
    if (found := _titles(release).get((name.kind, name.id))) is not None:
        return found
    analyte, dot, rest = name.id.partition(".")
    if dot and analyte in release.analytes:
        return f"{release.analytes[analyte].name} {band_words(rest)}"
    if name.kind == "final" and name.id in release.analytes:
        return f"{release.analytes[name.id].name} final and reliable"
    return name.id.replace(".", " ").replace("_", " ").lower()


# Facts that the engine makes, and that no row names.
_FACTS = {
    ("patient", "any_symptom"): "a symptom of any kind",
    ("patient", "no_symptoms"): "no symptoms",
    ("patient", "symptoms_unknown"): "no symptoms sent",
    ("patient", "red_flag_symptom"): "a symptom that makes a red flag",
    ("specimen", "delayed"): "cells separated late",
    ("specimen", "edta_additive"): "EDTA in the tube",
    ("specimen", "haemolysed"): "a haemolysed specimen",
    ("specimen", "haemolysed_again"): "a second haemolysed specimen",
    ("specimen", "heparin"): "heparin in the tube",
    ("specimen", "plasma"): "a plasma specimen",
    ("specimen", "pneumatic_tube"): "sent by pneumatic tube",
    ("specimen", "serum"): "a serum specimen",
    ("specimen", "settled_by_pair"): "settled by a paired specimen",
    ("specimen", "whole_blood"): "a whole-blood specimen",
}


@by_release(maxsize=64)
def _titles(release: Release) -> Mapping[tuple[str, str], str]:
    """Names by what their rows, or the engine, call them within a sentence."""
    found = dict(_FACTS)
    rows: tuple[tuple[str, Mapping[str, SymptomRow] | Mapping[str, ContextRow]], ...] = (
        ("symptom", release.symptoms),
        ("condition", release.conditions),
        ("medication", release.medications),
    )
    for kind, of_kind in rows:
        found |= {(kind, row.id): inside_a_sentence(row.display) for row in of_kind.values()}
    found |= {("pattern", row.id): inside_a_sentence(row.title) for row in release.patterns.values()}
    found |= {("group", row.id): row.title for row in release.groups.values()}
    found |= {("timing", row.id): row.title for row in release.computations.timing}
    for flag in release.red_flags.values():
        found["red_flag", flag.id] = flag.title
        found["emergency", flag.id] = f"{flag.title}, as an emergency"
    return found


@by_release(maxsize=64)
def _findings_in_words(release: Release) -> Mapping[str, str]:
    """Findings by what they say: "calcium low", or the text of their row."""
    words = {ident: inside_a_sentence(rows[0].text.rstrip(".")) for ident, rows in release.findings.items()}
    for analyte in release.analytes.values():
        name = analyte.name if analyte.family == analyte.id else analyte.family.replace("_", " ")
        made = analyte.form.findings
        for ident, side in ((made.low, "low"), (made.high, "high"), (made.indeterminate, "that cannot be classed")):
            words.setdefault(ident, f"{name} {side}")
    return words


def true_names(part: Expression, facts: Facts) -> list[Name]:
    """The names in an expression that are TRUE, a group by its members."""
    found: list[Name] = []
    for name in names(part):
        if facts.truth(name) is not Truth.TRUE:
            continue
        if name.kind == "group":
            for member in facts.release.groups[name.id].members:
                found += true_names(member, facts)
        else:
            found.append(name)
    return found
