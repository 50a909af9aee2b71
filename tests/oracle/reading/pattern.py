"""What a pattern is: when it is met, how urgent it then is, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from tests.oracle.reading.case import Case
from tests.oracle.reading.truth import State


class Urgency(IntEnum):
    """vocabulary.md 14, from low to high."""

    NONE = 0
    ROUTINE = 1
    PROMPT = 2
    SAME_DAY = 3
    EMERGENCY = 4


def none(c: Case) -> Urgency:
    """The documents give the pattern no urgency of its own, or the band's."""
    return Urgency.NONE


def always(urgency: Urgency) -> Callable[[Case], Urgency]:
    return lambda _: urgency


def nothing(c: Case) -> set[str]:
    return set()


def asks(*recommendations: str) -> Callable[[Case], set[str]]:
    return lambda _: set(recommendations)


@dataclass(frozen=True)
class Pattern:
    """A pattern of vocabulary.md 11."""

    id: str
    state: Callable[[Case], State]
    urgency: Callable[[Case], Urgency] = none
    advice: Callable[[Case], set[str]] = nothing
    # Whether SP marks core clauses; without one nothing says when it is POSSIBLE, so only MATCHED is compared.
    has_core: bool = True


def flagged(c: Case, *flags: str) -> bool:
    """Whether one of the red flags is active."""
    return any(flag in c.flags for flag in flags)


def low_calcium_flag(c: Case) -> bool:
    """RF01 to RF04; of RF02 the half that rests on a result, not a seizure alone."""
    return flagged(c, RF01, RF03, RF04) or emergency_flag(c, RF02)


def emergency_flag(c: Case, *flags: str) -> bool:
    """Whether one of the red flags is active in its EMERGENCY half."""
    return any(c.flags.get(flag) == "EMERGENCY" for flag in flags)


RF01, RF02 = "TETANY_OR_LATENT_TETANY", "SEIZURE_WITH_ELECTROLYTE_DISORDER"
RF03, RF04 = "SYNCOPE_OR_PALPITATIONS_WITH_ELECTROLYTE_DISORDER", "LARYNGOSPASM_OR_STRIDOR"
RF05, RF06 = "ACUTE_PARALYSIS", "RESPIRATORY_MUSCLE_FAILURE_RISK"
RF07, RF08 = "DARK_URINE_WITH_MUSCLE_FEATURES", "ARRHYTHMIA_OR_QT_WITH_ELECTROLYTE_DISORDER"
RF09, RF10 = "DIGOXIN_TOXICITY_RISK", "NEW_CONFUSION_OR_DROWSINESS"
RF11, RF12 = "VALUE_ALONE", "HYPERKALAEMIA_WITH_AKI_OR_FAST_RISE"
RF13, RF14 = "ADRENAL_CRISIS_POSSIBLE", "NECK_SURGERY_WITH_TINGLING_OR_CRAMP"
RF15, RF16 = "MAGNESIUM_TOXICITY_SIGNS", "GIANT_CELL_ARTERITIS_POSSIBLE"
RF17, RF18 = "FOCAL_NEUROLOGY", "EXERTIONAL_HEAT_ILLNESS"
RF19, RF20 = "COMPARTMENT_SYNDROME_POSSIBLE", "RIGIDITY_WITH_SYSTEMIC_SIGNS"
RF21, RF22 = "SELF_HARM_CONTENT", "REFEEDING_WITH_ORGAN_SIGNS"
RF23, RF24 = "SYMPTOMATIC_HYPOCALCAEMIA", "SYMPTOMATIC_HYPERCALCAEMIA"
