"""What laboratories write, in codes and words, that every adapter reads alike: kinds of specimen, and haemolysis.

Closed tables: what is not listed is said by who reads it, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from labgloss.v1 import panel_pb2 as pb

# Tables 0070 and 0487, SNOMED CT, and words as laboratories write them, in small letters.
_KIND_WORDS: Mapping[pb.SpecimenKind.ValueType, tuple[str, ...]] = MappingProxyType(
    {
        pb.SPECIMEN_KIND_SERUM: ("ser", "serum", "serum specimen", "serum sample", "119364003"),
        pb.SPECIMEN_KIND_PLASMA: ("plas", "plasma", "plasma specimen", "plasma sample", "119361006"),
        pb.SPECIMEN_KIND_WHOLE_BLOOD: (
            *("bld", "wb", "blood", "whole blood", "whole_blood", "vollblut"),
            *("119297000", "258580003"),
        ),
        pb.SPECIMEN_KIND_CAPILLARY: (
            *("bldc", "capillary", "capillary blood", "blood capillary", "kapillarblut"),
            "122554006",
        ),
        pb.SPECIMEN_KIND_VENOUS: ("bldv", "venous", "venous blood", "blood venous", "122555007"),
        pb.SPECIMEN_KIND_ARTERIAL: ("blda", "arterial", "arterial blood", "blood arterial", "122552005"),
        pb.SPECIMEN_KIND_URINE: ("ur", "urine", "urine specimen", "urine sample", "urin", "random urine", "122575003"),
    }
)
_KINDS: Mapping[str, pb.SpecimenKind.ValueType] = MappingProxyType(
    {word: kind for kind, words in _KIND_WORDS.items() for word in words}
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
