"""A panel with its results judged by the reference interpreter, and the questions that rules ask of it.

A value is asked for in two views. `live`: what may be built on; refused, missing and superseded is UNKNOWN. `reported`:
what the laboratory reported, unreliable or not; red flags that need a symptom and a value ask this one, because a value
that is reported abnormal but unreliable still counts as abnormal (symptoms-patterns.md 4, rule 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property

from tests.oracle.calcium import compute, not_valid
from tests.oracle.limits import Limit
from tests.oracle.people import DAYS, Table
from tests.oracle.reading.truth import State, Truth, all_of, any_of, compared, no
from tests.oracle.reference import interpret_result
from tests.oracle.results import read
from tests.oracle.rules import Context, Reading

ALL_WELL_WORDS = ("no symptoms", "asymptomatic")
WELL_WORDS = ("well", "feels well", *ALL_WELL_WORDS)
CALCIUMS = ("calcium_ionised", "calcium_adjusted", "calcium_total")
BEYOND_EVERY_SIDE = frozenset({"low", "normal", "high"})


@dataclass
class Result:
    """A current result: as sent, as judged, and the sides of its interval that it may lie on."""

    key: str
    analyte: str
    sent: Table
    reading: Reading | None
    entry: Table
    sides: frozenset[str]
    # The bands of what was reported, which an artefact does not take away.
    bands: list[str]
    # The number as it was reported, although haemolysis may leave only a bound of it.
    measured: Limit

    @property
    def refusal(self) -> str | None:
        reason: str | None = self.entry["refusal"]
        return reason

    @property
    def specimen(self) -> Table:
        found: Table = self.sent.get("specimen") or {}
        return found

    @property
    def place(self) -> tuple[str, str]:
        """Same specimen: the same id, or the same collection time where there is no id (symptoms-patterns.md 3)."""
        id_ = self.specimen.get("id")
        return ("id", id_) if id_ else ("time", self.sent.get("collected", ""))


def is_side(sides: Iterable[str], side: str) -> Truth:
    """A class that is open is TRUE when only this side remains, FALSE when it is not among those that remain."""
    remaining = set(sides)
    return True if remaining == {side} else False if side not in remaining else None


class View:
    """What is known of values, of the results that may be asked."""

    def __init__(self, results: dict[str, list[Result]]) -> None:
        self.results = results

    def low(self, analyte: str) -> Truth:
        return self._on("low", analyte)

    def high(self, analyte: str) -> Truth:
        return self._on("high", analyte)

    def normal(self, analyte: str) -> Truth:
        return self._on("normal", analyte)

    def _on(self, side: str, analyte: str) -> Truth:
        found = self.results.get(analyte, [])
        if not found:
            return None
        on = [is_side(one.sides, side) for one in found]
        return all_of(*on) if side == "normal" else any_of(*on)

    def known(self, analyte: str) -> bool:
        return bool(self.results.get(analyte))

    def is_(self, analyte: str, sign: str, limits: dict[str, str] | str) -> Truth:
        """Whether the value lies beyond a limit, which is written per unit, or once where the source has one unit."""
        found = [self._compare(one, sign, limits) for one in self.results.get(analyte, [])]
        return any_of(*found) if found else None

    @staticmethod
    def _compare(one: Result, sign: str, limits: dict[str, str] | str) -> Truth:
        assert one.reading is not None
        limit = limits if isinstance(limits, str) else limits[one.reading.unit]
        return compared(one.reading.number, sign, limit)

    def in_band(self, analyte: str, *bands: str) -> Truth:
        """Whether the band is one of these; UNKNOWN while others remain as well."""
        found = []
        for one in self.results.get(analyte, []):
            inside = [band in bands for band in one.bands]
            unbanded = False if one.sides <= {"normal"} else None
            found.append((True if all(inside) else None if any(inside) else False) if inside else unbanded)
        return any_of(*found or (None,))


class Case:
    """A panel, and what the documents ask about it."""

    def __init__(self, knowledge: Table, panel: Table) -> None:
        self.panel, self.patient = panel, panel.get("patient") or {}
        self.current, self.earlier = split_by_time(panel.get("results") or [])
        self.patterns: dict[str, State] = {}
        self.flags: dict[str, str] = {}
        self.held: set[str] = set()
        recorded = [*(panel.get("conditions") or ()), *([{"id": "aki"}] if self.aki is True else [])]
        judged = {**panel, "results": self.current, "conditions": recorded}
        self.context = Context(knowledge, judged)
        entries = interpret_result(knowledge, judged)
        self.entries = {one.key: one for one in self._results(entries)}
        self.joint = self._together()

    def _results(self, entries: dict[str, Table]) -> list[Result]:
        found, readings = [], {}
        for sent in self.current:
            key = sent.get("id") or sent.get("analyte", "")
            reading = read(self.context, sent)
            if not isinstance(reading, Reading):
                found.append(Result(key, sent.get("analyte", ""), sent, None, entries[key], BEYOND_EVERY_SIDE, [], ()))
                continue
            readings[reading.analyte["id"]] = reading
            bands = entries[key]["bands"]
            sides = self._sides(reading)
            found.append(Result(key, reading.analyte["id"], sent, reading, entries[key], sides, bands, reading.number))
        total = readings.get("calcium_total")
        computed = None
        if total and "calcium_adjusted" not in readings:
            computed = compute(self.context, total, readings.get("albumin"))
        if total and computed:
            name, entry = "calcium_adjusted", entries["calcium_adjusted"]
            plausible = self.context.plausible(computed)
            sides = self._sides(computed) if plausible else BEYOND_EVERY_SIDE
            may_be_used = computed if plausible else None
            bands = entry["bands"]
            found.append(Result(name, name, total.result, may_be_used, entry, sides, bands, computed.number))
        return found

    def _sides(self, reading: Reading) -> frozenset[str]:
        sides = {verdict.class_ for verdict in self.context.verdicts(reading)}
        return BEYOND_EVERY_SIDE if "unknown" in sides else frozenset(sides)

    def _together(self) -> bool:
        """R-ADJ-4: total and adjusted judged together, because the adjustment is not valid and none is ionised."""
        readings = {one.analyte: one.reading for one in self.entries.values() if one.reading}
        total, adjusted = readings.get("calcium_total"), readings.get("calcium_adjusted")
        if "calcium_ionised" in readings or not total or not adjusted:
            return False
        return not_valid(self.context, readings, adjusted)

    # Who it is.

    def age_from(self, years: int) -> Truth:
        """Whether the patient is of this age or older."""
        for key, unit in (("age_days", "d"), ("age_months", "mo"), ("age_years", "y")):
            if self.patient.get(key) is not None:
                youngest = self.patient[key] * DAYS[unit]
                return bool(youngest >= years * DAYS["y"])
        return None

    @property
    def female(self) -> Truth:
        sex = self.patient.get("sex")
        return sex == "female" if sex in ("female", "male") else None

    # Lists: absent is UNKNOWN, sent says that what is not in it is FALSE (symptoms-patterns.md 0.2).

    def symptom(self, *ids: str) -> Truth:
        """Whether one of them is present; a symptom that is not mentioned is UNKNOWN."""
        return any_of(*(self._symptom(id_) for id_ in ids))

    def _symptom(self, id_: str) -> Truth:
        sent = self.panel.get("symptoms") or ()
        for one in sent:
            if one.get("id") == id_:
                return bool(one.get("present", True))
        denied = any(one.get("text") in ALL_WELL_WORDS for one in sent)
        return False if denied else None

    @property
    def present_symptoms(self) -> set[str]:
        return {one["id"] for one in self.panel.get("symptoms") or () if "id" in one and one.get("present", True)}

    def condition(self, *ids: str) -> Truth:
        return any_of(*(self._condition(id_) for id_ in ids))

    def _condition(self, id_: str) -> Truth:
        sent = self.panel.get("conditions")
        recorded = {one.get("id") for one in sent or ()}
        if id_ == "recorded_well" and any(one.get("text") in WELL_WORDS for one in self.panel.get("symptoms") or ()):
            return True
        # vocabulary.md 9.1: type 2 diabetes implies diabetes.
        if id_ == "diabetes" and "t2dm" in recorded:
            return True
        return is_listed(id_, sent)

    def medication(self, *ids: str) -> Truth:
        return any_of(*(is_listed(id_, self.panel.get("medications")) for id_ in ids))

    # Values.

    @property
    def live(self) -> View:
        """Results that may be built on."""
        return View(by_analyte(one for one in self.entries.values() if one.refusal is None))

    @property
    def reported(self) -> View:
        """Results as reported, though an artefact made them unreliable."""
        settled = "superseded_by_paired_specimen"
        return View(by_analyte(one for one in self.entries.values() if one.reading and one.refusal != settled))

    @cached_property
    def aki(self) -> Truth:
        """vocabulary.md 7.2 AKI, DEC-29; no earlier creatinine is UNKNOWN."""
        recorded, rose = self.condition("aki"), self._creatinine_rose()
        return rose if recorded is None and rose is not None else any_of(recorded, rose)

    def _creatinine_rose(self) -> Truth:
        now = next((one for one in self.current if one.get("analyte") == "creatinine" and one.get("value")), None)
        before = [one for one in self.earlier if one.get("analyte") == "creatinine"]
        if not now or not before:
            return None
        value, unit, at = Fraction(now["value"]), now["unit"], time_of(now)
        past = [(at - time_of(one), Fraction(one["value"])) for one in before]
        last_days = [x for ago, x in past if ago <= timedelta(days=7)]
        last_year = sorted(x for ago, x in past if timedelta(days=7) < ago <= timedelta(days=365))
        two_days = [x for ago, x in past if ago <= timedelta(hours=48)]
        rose = [value >= Fraction("1.5") * min(last_days)] if last_days else []
        rose += [value >= Fraction("1.5") * last_year[len(last_year) // 2]] if last_year else []
        rise = {"umol/L": Fraction(26), "mg/dL": Fraction("0.3")}[unit]
        rose += [any(value - x >= rise for x in two_days)] if two_days else []
        return any_of(*rose) if rose else None

    def before(self, analyte: str) -> list[Table]:
        """Earlier results of an analyte."""
        return [one for one in self.earlier if one.get("analyte") == analyte]

    # The calcium that counts (R-PRIM).

    @property
    def adjusted_normal(self) -> Truth:
        """Under R-ADJ-4 both entries carry the joint verdict."""
        return self.ca_normal if self.joint else self.live.normal("calcium_adjusted")

    @property
    def calcium(self) -> str:
        """The primary calcium: ionised, else adjusted, else total; empty where there is none."""
        readable = {one.analyte for one in self.entries.values() if one.reading}
        return next((name for name in CALCIUMS if name in readable), "")

    def calcium_sides(self, view: View) -> frozenset[str]:
        views = ("calcium_adjusted", "calcium_total") if self.joint else (self.calcium,)
        found = [one.sides for name in views for one in view.results.get(name, [])]
        sides = frozenset().union(*found) if found else BEYOND_EVERY_SIDE
        # Different sides: no verdict, neither side excluded.
        return BEYOND_EVERY_SIDE if self.joint and len(sides) > 1 else sides

    @property
    def ca_low(self) -> Truth:
        return is_side(self.calcium_sides(self.live), "low")

    @property
    def ca_high(self) -> Truth:
        return is_side(self.calcium_sides(self.live), "high")

    @property
    def ca_normal(self) -> Truth:
        return is_side(self.calcium_sides(self.live), "normal")

    @property
    def ca_reported_low(self) -> Truth:
        return is_side(self.calcium_sides(self.reported), "low")

    @property
    def ca_reported_high(self) -> Truth:
        return is_side(self.calcium_sides(self.reported), "high")

    def ca_in_band(self, *bands: str, view: View | None = None) -> Truth:
        """Under R-ADJ-4 both entries carry the joint band."""
        return (view or self.live).in_band(self.calcium, *bands) if self.calcium else None

    def ca_is(self, sign: str, mmol: str, mg: str, ionised_mmol: str = "", ionised_mg: str = "") -> Truth:
        """Whether the primary calcium lies beyond a limit; FALSE where the documents print none for ionised calcium."""
        if self.calcium == "calcium_ionised":
            if not ionised_mmol:
                return False if self.live.known("calcium_ionised") else None
            return self.live.is_("calcium_ionised", sign, {"mmol/L": ionised_mmol, "mg/dL": ionised_mg})
        views = ("calcium_adjusted", "calcium_total") if self.joint else (self.calcium,)
        # R-ADJ-4: the more severe of the two views counts.
        return any_of(*(self.live.is_(name, sign, {"mmol/L": mmol, "mg/dL": mg}) for name in views))

    def matched(self, *ids: str) -> bool:
        return any(self.patterns.get(id_) is State.MATCHED for id_ in ids)

    @property
    def neonate(self) -> bool:
        return "age_days" in self.patient and self.patient["age_days"] < 28

    @property
    def infant(self) -> Truth:
        return no(self.age_from(1))

    def kidney_disease(self) -> Truth:
        """vocabulary.md 9.2."""
        return any_of(self.condition("ckd", "dialysis", "aki"), self.live.is_("egfr", "<", "60"), self.aki)


def is_listed(id_: str, sent: list[Table] | None) -> Truth:
    """Whether a list of conditions or medications holds an id; an item that was not recognised may be it (DEC-88)."""
    if sent is None:
        return None
    return any_of(*(one["id"] == id_ if "id" in one else None for one in sent))


def by_analyte(results: Iterable[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for one in results:
        found.setdefault(one.analyte, []).append(one)
    return found


def time_of(sent: Table) -> datetime:
    return datetime.fromisoformat(sent["collected"].replace("Z", "+00:00"))


def split_by_time(results: list[Table]) -> tuple[list[Table], list[Table]]:
    """The latest result of each analyte, and of each kind of specimen at that time (DEC-85); and the earlier ones."""
    latest: dict[str, datetime] = {}
    for one in results:
        if "collected" in one and "analyte" in one:
            name = one["analyte"]
            latest[name] = max(latest.get(name, time_of(one)), time_of(one))
    current: list[Table] = []
    earlier: list[Table] = []
    for one in results:
        old = "collected" in one and "analyte" in one and time_of(one) < latest[one["analyte"]]
        (earlier if old else current).append(one)
    return current, earlier


def number_of(allowed: Limit) -> Fraction | None:
    """The number of a value that is no bound."""
    return allowed[0][1] if allowed[0][0] == "=" else None
