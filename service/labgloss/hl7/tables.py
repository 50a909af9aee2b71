"""Closed tables: what a code of HL7 is in the API. What is not listed is said, never guessed."""

from __future__ import annotations

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

# LOINC: potassium, sodium, chloride and bicarbonate, in blood, serum or plasma, and urine.
OF_ONE_CHARGE = frozenset({"2823-3", "6298-4", "2951-2", "2075-0", "1963-8", "2028-9", "2828-2", "2955-3", "2078-4"})

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
# Statuses of what does not hold any more, and of what takes the place of an earlier observation in the same message.
WITHDRAWN = frozenset({"D", "W"})
SUPERSEDING = WITHDRAWN | {"C", "A", "X"}
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


# Table 0490, as far as the service knows its reasons; any other reason rejects a specimen as well.
REJECT_REASONS = frozenset({"RH", "QS", "RC", "RN", "RR", "EX", "RB", "RM", "RI", "RA", "RD", "RE", "RP", "RS"})
REJECTED = "rejected"


def system(name: str) -> str:
    """A code system as the API names it; one that is not listed as it was sent."""
    sent = name.strip()
    return _SYSTEMS.get(sent.upper(), sent)
