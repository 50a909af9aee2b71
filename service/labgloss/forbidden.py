"""Forbidden outputs, as the phrases that would amount to one (vocabulary.md 13.2; wording: SP 5.2).

A phrase counts where its clause does not deny it ("no calcium supplement on this result") or hang it on something
else ("before a magnesium supplement"). What is not said in one of these phrases is not found: this is a net under
the texts of the release, not a reading of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType


def _any(*phrases: str) -> re.Pattern[str]:
    """One pattern of several phrases, each at word boundaries."""
    return re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in phrases))


# Clauses end here; a decimal point is no end.
_CLAUSE_END = re.compile(r"[;:!?\n()]|\.(?!\d)|, (?:but|then)\b|\s[\u2013\u2014]\s")
_GUARD = _any(
    "no|not|never|nor|neither|without|cannot|avoid(?:s|ing)?|against|withheld",
    "before|until|unless|whether|if|rather than|instead of",
)
_DENIED_AFTER = re.compile(r"^\W*(?:\w+\W+){0,3}?(?:not|never|nor)\b")

_NUTRIENT = "(?:calcium|vitamin d3?|(?:chole|cole|ergo)calciferol|magnesium|potassium)(?: \\w+ate| chloride)?"
_NUTRIENTS = rf"{_NUTRIENT}(?:(?:,| and| or| plus|/) ?{_NUTRIENT})*"
_SUBSTANCE = (
    "(?:supplement\\w*|replacement|tablets?|capsules?|drops|treatment|therapy|loading|salts?|infusions?|injections?)"
)
_URGE = (
    "(?:giv(?:e|ing)|start(?:ing)?|tak(?:e|ing)|begin(?:ning)?|prescrib(?:e|ing)|add(?:ing)?|offer(?:ing)?|try(?:ing)?"
    "|consider(?:ing)?|suggest(?:ing)?|recommend(?:ing)?|advis(?:e|ing)|need(?:s|ing)?|benefit from)"
)
_FILLERS = (
    "(?:(?:a|an|the|some|daily|oral|intravenous|iv|low-dose|high-dose|short|extra|more|additional|course of|trial of"
    "|with|to|try|trying|take|taking|start|starting|giving|loading) )*"
)
_URGED = (
    "(?:is|are|would be|should be) (?:advised|recommended|indicated|needed|suggested|appropriate|warranted|required"
    "|given|taken|started)"
)
# How a nutrient is given: what separates treatment with it from its measurement.
_ROUTE = "(?:oral|intravenous|iv|supplementary)"
_MAY_HELP = "(?:may|might|can|could|would|will|should) (?:help|relieve|ease|improve)"
_SUPPLEMENT = _any(
    rf"{_URGE} {_FILLERS}(?P<urge>{_NUTRIENTS}) {_SUBSTANCE}",
    rf"(?:give|administer|prescribe) {_FILLERS}(?P<plain>{_NUTRIENTS})",
    rf"(?P<urged>{_NUTRIENTS}) {_SUBSTANCE} {_URGED}",
    rf"supplement(?:ing)? (?:with )?(?P<verb>{_NUTRIENTS})",
    rf"(?:take|taking) {_FILLERS}(?P<taken>{_NUTRIENTS})(?! into account| as )",
    rf"{_ROUTE} (?P<routed>{_NUTRIENTS}) (?:{_URGED}|{_MAY_HELP})",
    rf"{_URGE} {_ROUTE} (?P<urged_route>{_NUTRIENTS})",
    rf"(?P<helping>{_NUTRIENTS}) {_SUBSTANCE} {_MAY_HELP}",
    # Magnesium and vitamin D have recommendations that replace them (vocabulary.md 13.1); these two have none.
    r"replac(?:e|ing) (?:the )?(?P<replaced>calcium|potassium)",
    r"(?P<to_replace>calcium|potassium) (?:should|must|needs to) be (?:replaced|corrected|topped up)",
)

# The nutrient that makes a supplement phrase the forbidden output.
_SUPPLEMENTS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "SUGGEST_CALCIUM_SUPPLEMENT": _any("calcium"),
        "SUGGEST_VITD_SUPPLEMENT": _any("vitamin d3?", r"\w+calciferol"),
        "SUGGEST_MG_SUPPLEMENT": _any("magnesium"),
        "SUGGEST_K_SUPPLEMENT": _any("potassium"),
    }
)

_STOP = "(?:stop|discontinue|withdraw|cease|suspend|withhold|pause|omit)"
_STOPPING = "(?:stopping|discontinuing|withdrawing|ceasing|suspending|withholding|pausing|omitting)"
_STOPPED = "(?:stopped|discontinued|withdrawn|suspended|withheld|paused|omitted)"
_UNIT = "(?:the unit|it|the value|to be|in|mmol|mg|ng|nmol|meq)"
_PHRASES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "SUGGEST_K_LOWERING": _any(
            # Not "a lower potassium", which is a value.
            "(?<!a )(?<!the )(?<!with )(?:lower|reduce|remove|bring down) (?:the )?(?:serum )?potassium",
            "(?:lowering|reducing|removing|bringing down) (?:the )?(?:serum )?potassium (?:now|at once|first|today)",
            "potassium (?:should|must|needs to) be (?:lowered|reduced|removed|brought down)",
            rf"{_URGE} {_FILLERS}(?:reducing|removing|bringing down) (?:the )?potassium",
            "treat(?:ing)? (?:the )?(?:high potassium|hyperkala?emia)",
            rf"{_URGE} {_FILLERS}(?:potassium[- ]lowering|lowering (?:the )?potassium|potassium binders?)",
            rf"{_URGE} {_FILLERS}(?:insulin|calcium gluconate|salbutamol|dialysis|potassium exchange resins?)",
            rf"potassium[- ]lowering (?:treatment|therapy|measures) {_URGED}",
        ),
        "SUGGEST_SELF_CARE_ONLY": _any(
            "self[- ]?care|home remed(?:y|ies)",
            "(?:treat|treated|manage|managed|rest) at home",
            "rest(?: and (?:fluids|hydration))? (?:is|are) (?:enough|sufficient)|rest is all",
            "wait and see|will (?:settle|pass|go away) (?:by itself|on its own)",
            "no (?:medical|clinical) (?:review|contact|attention|care) (?:is )?(?:needed|required|necessary)",
        ),
        "SUGGEST_DRINK_MORE_WATER": _any(
            "drink (?:more|plenty|extra|enough)",
            "(?:more|plenty of|extra) (?:water|fluids?)",
            "push(?:ing)? fluids|hydrate well|(?:stay|keep) (?:well )?hydrated",
            "increase (?:the )?(?:oral |daily )?(?:fluids?|water)",
        ),
        "SUGGEST_STOP_MEDICATION": _any(
            rf"(?:should|must|please|then|and|advised to|recommended to|needs? to) {_STOP} (?!and\b|or\b)\w+",
            rf"(?:^{_STOP}|{_URGE} {_FILLERS}{_STOPPING}|come off) \w+",
            rf"(?:should|must|can|could|may|might|ought to|needs? to) be {_STOPPED}",
        ),
        "ASSERT_DIAGNOSIS": _any(
            "diagnostic of|pathognomonic|proves|rules out|is diagnosed|(?:makes|establishes) the diagnosis",
            # A value is confirmed by a repeat; a disease is not confirmed by a pattern.
            "confirms (?!(?:the|a|this|its) (?:value|result|number)\\b|it\\b)\\w+",
            "(?:is|are) (?:certainly|definitely|undoubtedly|clearly) (?:due to|caused by)",
            r"diagnosis (?:is|was|of \w+ is (?:made|certain|confirmed))",
            r"(?:you|patient|he|she) (?:has|have|suffers? from) (?!no\b|not\b)(?:\w+ ){0,3}?"
            r"(?:deficiency|disease|syndrome|cancer|malignancy|\w+ism|\w+a?emia|\w+osis|\w+itis|\w+oma|\w+pathy)",
        ),
        "ASSERT_ALL_CLEAR": _any(
            "all[- ]clear|nothing (?:is )?(?:wrong|abnormal)|nothing to worry|nothing of concern",
            "reassur(?:e|es|ed|ing|ance)|(?:is|are) healthy",
            "no (?:cause|reason|need) (?:for concern|to worry)",
            "everything is (?:normal|fine|well|in order)",
            "all (?:the )?(?:results|values|tests) are normal",
            "no (?:further )?(?:action|follow-up|review) (?:is )?(?:needed|required|necessary)",
        ),
        "CONVERT_AND_INTERPRET_ANYWAY": _any(
            "converted (?:anyway|regardless|all the same)",
            rf"assum(?:ing|ed) (?:that )?{_UNIT}",
            "unit (?:is |was )?(?:assumed|presumed|corrected)",
            "(?:read|interpreted|judged|treated|taken|compared) as if",
        ),
    }
)

FORBIDDEN_OUTPUTS = frozenset(_SUPPLEMENTS) | frozenset(_PHRASES)


def found_in(text: str) -> dict[str, str]:
    """The forbidden outputs that a text amounts to, each with its first phrase."""
    phrases = {output: phrase_of(output, text) for output in sorted(FORBIDDEN_OUTPUTS)}
    return {output: phrase for output, phrase in phrases.items() if phrase is not None}


def phrase_of(output: str, text: str) -> str | None:
    """The first phrase of the text that amounts to the forbidden output, or None.

    Raises: KeyError when the output is not one of `FORBIDDEN_OUTPUTS`.
    """
    for clause in _clauses(text):
        for found in _found(output, clause):
            if not _denied(clause, found):
                return found.group().strip()
    return None


def _clauses(text: str) -> Iterator[str]:
    plain = " ".join(line for line in text.lower().split(" ") if line)
    return (clause.strip() for clause in _CLAUSE_END.split(plain))


def _found(output: str, clause: str) -> Iterator[re.Match[str]]:
    if output in _PHRASES:
        return _PHRASES[output].finditer(clause)
    word = _SUPPLEMENTS[output]
    return (found for found in _SUPPLEMENT.finditer(clause) if word.search(_nutrients(found)))


def _nutrients(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group)


def _denied(clause: str, found: re.Match[str]) -> bool:
    return _GUARD.search(clause[: found.start()]) is not None or (
        _DENIED_AFTER.match(clause[found.end() :]) is not None
    )
