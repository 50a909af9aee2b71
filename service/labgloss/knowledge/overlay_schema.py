"""The form of a site overlay: all that it may hold, every entry signed. A key that is not here is refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import StringConstraints

from labgloss.frozen import dataclass
from labgloss.knowledge.schema import Form, Plain, Population, Property, Some, SomeLimits, Ucum


def _day(raw: object) -> date:
    # Not isinstance: a date with a time is a date too.
    if type(raw) is not date:
        raise ValueError("a date is needed, written without quotes: 2026-01-15")
    return raw


Day = Annotated[date, Plain(_day)]
# Text that says something, on one line.
Words = Annotated[str, StringConstraints(pattern=r"^\S(?:[^\n\r]*\S)?$", max_length=1_000)]
Ident = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=128)]


@dataclass(frozen=True, kw_only=True)
class Signature(Form):
    """Who answers for an entry, and since when."""

    name: Words
    date: Day


@dataclass(frozen=True, kw_only=True)
class Signed(Form):
    """Something that a person signed."""

    signed: Signature


@dataclass(frozen=True, kw_only=True)
class OwnInterval(Signed, Population):
    """A reference interval of the site, in every unit that the release compares in."""

    analyte: str
    id: Ident
    limits: SomeLimits


@dataclass(frozen=True, kw_only=True)
class NamedVariant(Signed):
    """A variant of the release as the interval of one analyte."""

    analyte: str
    variant: str


@dataclass(frozen=True, kw_only=True)
class OwnCritical(Signed, Population):
    """A critical limit of the site, beside those of the release."""

    analyte: str
    id: Ident
    side: Literal["low", "high"]
    limits: SomeLimits


@dataclass(frozen=True, kw_only=True)
class OwnChoice(Signed):
    """What is chosen where a request chooses nothing."""

    name: Literal["vitamin_d_policy", "critical_limits", "intervals"]
    value: str


@dataclass(frozen=True, kw_only=True)
class OwnText(Signed):
    """Other words for something that the release says."""

    kind: Literal["recommendation", "pattern", "red_flag", "caution"]
    id: str
    text: Words


@dataclass(frozen=True, kw_only=True)
class LocalCode(Signed):
    """What a code of the site's own system names: one analyte, condition or medication."""

    system: Words
    code: Words
    analyte: str = ""
    condition: str = ""
    medication: str = ""
    # What its numbers measure, where that is known; contradicted by the unit, a result is refused (DEC-09).
    property: Property | None = None


@dataclass(frozen=True, kw_only=True)
class FeedSetting(Signed):
    """A setting for the requests of one source."""

    source: Words


@dataclass(frozen=True, kw_only=True)
class MgPerLitre(FeedSetting):
    """The feed sends these analytes in mg/L, and it is meant (DEC-41)."""

    analytes: Some


@dataclass(frozen=True, kw_only=True)
class D3CodeIsTotal(FeedSetting):
    """The feed sends total 25-OH vitamin D under codes of the D3 fraction."""


@dataclass(frozen=True, kw_only=True)
class DefaultUnit(FeedSetting):
    """The unit of an analyte whose results the feed sends without one."""

    analyte: str
    unit: Ucum


@dataclass(frozen=True, kw_only=True)
class HaemolysisCode(FeedSetting):
    """The code that the feed sends its haemolysis index under, and the values that are no haemolysis."""

    system: Words
    code: Words
    limits: SomeLimits


@dataclass(frozen=True, kw_only=True)
class Feeds(Form):
    """Feed settings."""

    mg_per_litre: tuple[MgPerLitre, ...] = ()
    d3_code_is_total: tuple[D3CodeIsTotal, ...] = ()
    default_unit: tuple[DefaultUnit, ...] = ()
    haemolysis_code: tuple[HaemolysisCode, ...] = ()


_NO_FEEDS = Feeds()


@dataclass(frozen=True, kw_only=True)
class OverlayFile(Form):
    """A site overlay."""

    # What a report names it by.
    id: Ident
    title: Words
    interval: tuple[OwnInterval, ...] = ()
    variant: tuple[NamedVariant, ...] = ()
    critical: tuple[OwnCritical, ...] = ()
    choice: tuple[OwnChoice, ...] = ()
    text: tuple[OwnText, ...] = ()
    code: tuple[LocalCode, ...] = ()
    feed: Feeds = _NO_FEEDS
