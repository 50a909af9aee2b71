"""Closed tables: what a code of HL7 is in the API. What is not listed is said, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from labgloss.v1 import panel_pb2 as pb

# Table 0396: names of code systems, in capitals. A result's code without a system is one of the sender's own.
LOINC = "loinc"
OWN = "99LABGLOSS"
NO_SYSTEM = "L"
_SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "LN": LOINC,
        "LOINC": LOINC,
        "HTTP://LOINC.ORG": LOINC,
        "2.16.840.1.113883.6.1": LOINC,
        "SCT": "snomed",
        "SNM": "snomed",
        "SNOMED": "snomed",
        "SNOMEDCT": "snomed",
        "SNOMED-CT": "snomed",
        "I10C": "icd10cm",
        "ICD10CM": "icd10cm",
        "ICD-10-CM": "icd10cm",
    }
)
UCUM = "UCUM"
# Systems of units in which the identifier is what people read (tables 0396, 7.1.4 of the standard).
UNIT_SYSTEMS = frozenset({"", UCUM, "ISO+", "ANS+", "ISO", "ANSI+"})

# Table 0085, with the local rule of codes.md for those that the guide does not map.
STATUSES: Mapping[str, pb.ResultStatus.ValueType] = MappingProxyType(
    {
        "F": pb.RESULT_STATUS_FINAL,
        "V": pb.RESULT_STATUS_FINAL,
        "U": pb.RESULT_STATUS_FINAL,
        "B": pb.RESULT_STATUS_FINAL,
        "P": pb.RESULT_STATUS_PRELIMINARY,
        "R": pb.RESULT_STATUS_PRELIMINARY,
        "S": pb.RESULT_STATUS_PRELIMINARY,
        "C": pb.RESULT_STATUS_CORRECTED,
        "A": pb.RESULT_STATUS_AMENDED,
        "I": pb.RESULT_STATUS_REGISTERED,
        "X": pb.RESULT_STATUS_CANCELLED,
        "N": pb.RESULT_STATUS_CANCELLED,
        "D": pb.RESULT_STATUS_ENTERED_IN_ERROR,
        "W": pb.RESULT_STATUS_ENTERED_IN_ERROR,
    }
)
# "Order detail description only (no result)".
NO_RESULT = "O"
# Table 0123, for results whose own status was left out.
ORDER_STATUSES: Mapping[str, pb.ResultStatus.ValueType] = MappingProxyType(
    {
        "F": pb.RESULT_STATUS_FINAL,
        "C": pb.RESULT_STATUS_CORRECTED,
        "P": pb.RESULT_STATUS_PRELIMINARY,
        "R": pb.RESULT_STATUS_PRELIMINARY,
        "A": pb.RESULT_STATUS_PRELIMINARY,
        "S": pb.RESULT_STATUS_REGISTERED,
        "I": pb.RESULT_STATUS_REGISTERED,
        "O": pb.RESULT_STATUS_REGISTERED,
        "X": pb.RESULT_STATUS_CANCELLED,
        "Y": pb.RESULT_STATUS_CANCELLED,
        "Z": pb.RESULT_STATUS_CANCELLED,
    }
)

SEXES: Mapping[str, pb.Sex.ValueType] = MappingProxyType({"F": pb.SEX_FEMALE, "M": pb.SEX_MALE})
# Table 0001: said to be unknown, or not to be told by a letter.
OTHER_SEXES = frozenset({"", "U", "O", "A", "N", "C", "X"})

# Tables 0070 and 0487, SNOMED CT, and words as laboratories write them, in small letters.
_KINDS: Mapping[str, pb.SpecimenKind.ValueType] = MappingProxyType(
    {
        **dict.fromkeys(("ser", "serum", "119364003"), pb.SPECIMEN_KIND_SERUM),
        **dict.fromkeys(("plas", "plasma", "119361006"), pb.SPECIMEN_KIND_PLASMA),
        **dict.fromkeys(
            ("bld", "wb", "blood", "whole blood", "vollblut", "119297000", "258580003"), pb.SPECIMEN_KIND_WHOLE_BLOOD
        ),
        **dict.fromkeys(
            ("bldc", "capillary blood", "blood capillary", "kapillarblut", "122554006"), pb.SPECIMEN_KIND_CAPILLARY
        ),
        **dict.fromkeys(("bldv", "venous blood", "blood venous", "122555007"), pb.SPECIMEN_KIND_VENOUS),
        **dict.fromkeys(("blda", "arterial blood", "blood arterial", "122552005"), pb.SPECIMEN_KIND_ARTERIAL),
        **dict.fromkeys(("ur", "urine", "urin", "random urine", "122575003"), pb.SPECIMEN_KIND_URINE),
    }
)

# Table 0078, with what older versions had; others are shown as sent and compared with nothing.
FLAGS = frozenset(
    {
        "L", "H", "LL", "HH", "<", ">", "N", "A", "AA", "U", "D", "B", "W", "S", "R", "I", "MS", "VS", "POS",
        "NEG", "IND", "DET", "ND", "AC", "TOX", "QCF", "EX", "LX", "HX", "EXP", "UNE", "LU", "HU", "H>", "L<",
        "E", "SDD", "NS", "NR", "RR", "SYN-R", "SYN-S", "NCL", "CAR", "HM", "OBX", "WR",
    }
)  # fmt: skip

# Value types that hold a number and a unit, words, codes; files and pointers are no results (table 0125).
CODED = frozenset({"CE", "CWE", "CNE", "CF", "ID", "IS"})
WORDS = frozenset({"ST", "TX", "FT", ""})
FILES = frozenset({"ED", "RP"})

# Comparators of SN (table of 2.A.70).
COMPARATORS: Mapping[str, pb.Comparator.ValueType] = MappingProxyType(
    {
        "": pb.COMPARATOR_UNSPECIFIED,
        "=": pb.COMPARATOR_UNSPECIFIED,
        "<": pb.COMPARATOR_LESS,
        "<=": pb.COMPARATOR_LESS_OR_EQUAL,
        ">=": pb.COMPARATOR_GREATER_OR_EQUAL,
        ">": pb.COMPARATOR_GREATER,
    }
)

# Names under which laboratories send the haemolysis of a specimen as an observation of its own; nothing beside them, so
# that no complement assay and no fragility test is one.
_HAEMOLYSIS = re.compile(
    r"(?:(?:serum|plasma|sample|specimen) )?"
    r"(?:h(?:a?e|ä)mol(?:ysis|ytic|yzed|ysed|yse)|h)"
    r"[ -]?(?:index|grade|level|score|status|indices|ind)?"
    r"(?: (?:of|in) (?:serum|plasma|serum or plasma|sample|specimen))?",
    re.IGNORECASE,
)
HAEMOLYSIS_CODES = frozenset({"20393-5"})
# Grades as laboratories write them, in small letters.
_GRADES: Mapping[str, pb.Haemolysis.ValueType] = MappingProxyType(
    {
        **dict.fromkeys(
            ("none", "nil", "no", "absent", "negative", "not present", "not detected", "keine", "negativ"),
            pb.HAEMOLYSIS_NONE,
        ),
        **dict.fromkeys(("slight", "slightly", "trace", "minimal", "mild", "leicht", "gering"), pb.HAEMOLYSIS_SLIGHT),
        **dict.fromkeys(("moderate", "moderately", "mäßig", "mässig"), pb.HAEMOLYSIS_MODERATE),
        **dict.fromkeys(("gross", "grossly", "marked", "severe", "stark"), pb.HAEMOLYSIS_GROSS),
    }
)
# The word that weakens, strengthens or denies haemolysis before it, and haemolysis itself, as German comments have it.
_GERMAN = re.compile(
    r"(?:\b(keine?r?|nicht|ohne|leichte?r?|geringe?|mäßige?|mässige?|starke?)\s+)?h(?:ä|ae)moly(?:tisch|siert|se\b)"
)
_GERMAN_NO = frozenset({"kein", "keine", "keiner", "nicht", "ohne"})
# A comment that names haemolysis is about the tube, not about one analyte of it.
_SPEAKS_OF_HAEMOLYSIS = re.compile(r"h(?:a?e|ä)moly", re.IGNORECASE)


def system(name: str) -> str:
    """A code system as the API names it; one that is not listed as it was sent."""
    sent = name.strip()
    return _SYSTEMS.get(sent.upper(), sent)


def specimen_kind(*written: str) -> pb.SpecimenKind.ValueType | None:
    """The kind that a code or its text names; None where none does, or they disagree."""
    found = {_KINDS[key] for one in written if (key := " ".join(one.lower().split())) in _KINDS}
    return found.pop() if len(found) == 1 else None


def names_haemolysis(name: str) -> bool:
    """Whether the name of an observation is that of the haemolysis of a specimen, and of nothing else."""
    plain = " ".join(name.split())
    return len(plain) > 2 and _HAEMOLYSIS.fullmatch(plain) is not None


def haemolysis_grade(text: str) -> pb.Haemolysis.ValueType | None:
    """The grade that one word gives; None for every other text."""
    word = text.strip().strip(".").lower()
    return _GRADES.get(word) or _GRADES.get(re.sub("e?r?$", "", word))


def german_haemolysis(text: str) -> pb.Haemolysis.ValueType | None:
    """The grade that a comment in German gives; None where it gives or names none. English is the service's to read."""
    found = [match[1] for match in _GERMAN.finditer(text.lower())]
    grades = [haemolysis_grade(word or "mäßig") or pb.HAEMOLYSIS_MODERATE for word in found if word not in _GERMAN_NO]
    return max(grades, default=None)


def speaks_of_haemolysis(text: str) -> bool:
    """Whether a comment names haemolysis, be it to deny it."""
    return _SPEAKS_OF_HAEMOLYSIS.search(text) is not None
