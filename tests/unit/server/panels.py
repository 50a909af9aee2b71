"""Panels of every shape that the schema allows, for tests that nothing may break."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

# Texts that are let pass to the engine, right and wrong: it must refuse what is wrong, not break on it.
TEXTS = {
    "analyte": ["magnesium", "calcium_total", "calcium_adjusted", "calcium_ionised", "albumin", "potassium", "sodium",
                "vitamin_d_25oh", "creatinine", "egfr", "pth", "phosphate", "crp", "urine_magnesium", "nothing"],
    "code": ["2601-3", "19123-9", "2823-3", "17861-6", "1995-0", "1989-3", "2823-4", "LOCAL-7", "R25.2"],
    "system": ["", "loinc", "http://loinc.org", "icd10cm", "snomed", "atc", "local"],
    "value": ["0.41", "1.82", "<4.0", ">7", "<=3", "5.15", "0", "-1", "NaN", "Infinity", "1e400", "0,41", "1e-400", "",
              "12", "abc", "2.1 mmol/L", "0.4" + "0" * 40, "٣", "++", "1_0", "6.9", "1" * 900, "sNaN", "-Infinity"],
    "low": ["0.70", "", "x", "3.5", "<5", "NaN", "9", "1e999"],
    "high": ["1.00", "", "x", "5.0", "Infinity", "1", "-0"],
    "unit": ["mmol/L", "mg/dL", "mEq/L", "meq/L", "umol/L", "ng/mL", "nmol/L", "g/L", "g/dL", "", "furlong", "µmol/L"],
    "collected": ["2026-01-15", "2026-01-15T08:30:00+01:00", "2026-01-14T00:00:00Z", "", "2025-01-15", "2999-12-31",
                  "2026-01-15T08:30:00.123456789-12:00"],
    "birth_date": ["1959", "1959-02", "1959-02-28", "1996-02-29", "1900-01-01"],
    "as_of": ["2026-01-20", ""],
    "flags": ["L", "H", "N", "LL", "HH", "A", "AA", "", "x"],
    "additive": ["HEPL", "EDTK", "SST", ""],
    "conditions": ["HEM", "RH", "x"],
    "comments": ["haemolysed 3+", "drip arm", ""],
    "onset": ["P1D", "2026-01-14", ""],
    "duration": ["PT6H", ""],
    "since": ["2022", "2022-03", ""],
    "vitamin_d_policy": ["", "nam_2011", "es_2024", "kdoqi_legacy"],
    "critical_limits": ["", "rcpath"],
    "intervals": ["", "mayo", "rcpa_aacb"],
    "release": [""],
    "language": ["", "en"],
    "text": ["cramps in both calves", "no cramps", "3.5-5.0", "<5", "omeprazole", "gout", "≥ 3,5", "tired", "-", "\0"],
    "id": ["", "MUSCLE_CRAMP", "ppi", "dialysis", "pre_eclampsia_infusion", "osteoporosis", "digoxin"],
}  # fmt: skip
NUMBERS = {"age_years": (0, 150), "age_months": (0, 1_800), "age_days": (0, 54_787), "trimester": (1, 3)}
# Always sent, so that a panel comes further than its first check.
NEEDED = frozenset({"results", "analyte", "value", "unit", "text"})


def _field(field: FieldDescriptor, wild: bool, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return _message(field.message_type, wild, depth + 1)
    if field.enum_type is not None:
        known = st.sampled_from([value.number for value in field.enum_type.values])
        return st.one_of(known, st.integers(0, 99)) if wild else known
    if field.type == field.TYPE_BOOL:
        return st.booleans()
    if field.type == field.TYPE_STRING:
        usual = st.sampled_from(TEXTS.get(field.name, ["", "x"]))
        free = wild or field.name in ("value", "unit", "text", "analyte", "low", "high", "code", "comments")
        return st.one_of(usual, usual, usual, st.text(max_size=12)) if free else usual
    low, high = NUMBERS.get(field.name, (0, 2**31 - 1))
    return st.integers(-(2**31), 2**31 - 1) if wild else st.integers(low, high)


@st.composite
def _message(draw: st.DrawFn, descriptor: Descriptor, wild: bool, depth: int) -> Message:
    message: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.name not in NEEDED and not draw(st.booleans()):
            continue
        if field.is_repeated:
            needed = int(field.name in NEEDED)
            values = draw(st.lists(_field(field, wild, depth), min_size=needed, max_size=4 if depth == 0 else 2))
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(draw(_field(field, wild, depth)))
        else:
            setattr(message, field.name, draw(_field(field, wild, depth)))
    return message


def messages(kind: type[Message], *, wild: bool = False) -> st.SearchStrategy[Message]:
    """Messages of a kind with any field absent or sent; wild ones break every form, tame ones reach the engine."""
    return _message(kind.DESCRIPTOR, wild, 0)
