"""How long ago something was, in words; and what counts only for a time (vocabulary.md 9.1, 10.1)."""

from __future__ import annotations

import pytest

from labgloss.domain.truth import FALSE, TRUE, UNKNOWN, Truth
from labgloss.engine.dated import is_within
from labgloss.engine.recognise import recognise
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import panel


@pytest.mark.parametrize(
    ("days", "text", "expected"),
    [
        (14, "3 days ago", TRUE), (14, "14 days ago", TRUE), (14, "15 days ago", FALSE), (14, "two weeks ago", TRUE),
        (14, "last week", TRUE), (14, "yesterday", TRUE), (14, "day 3 post", TRUE), (14, "post-op day 20", FALSE),
        (14, "10 years ago", FALSE), (14, "a year ago", FALSE), (14, "in 2010", UNKNOWN), (14, "in march", UNKNOWN),
        (14, "3 days ago or 3 years ago", UNKNOWN), (14, "years ago", UNKNOWN), (14, "planned", UNKNOWN),
        (184, "6 months ago", TRUE), (184, "7 months ago", FALSE), (184, "every 6 months", None), (184, "60 mg", None),
    ],
)  # fmt: skip
def test_a_text_puts_something_within_so_many_days(days: int, text: str, expected: Truth | None) -> None:
    assert is_within(days, text) is expected


@pytest.mark.parametrize(
    ("text", "named", "read"),
    [
        ("thyroidectomy", ("neck_surgery_recent",), True),
        ("thyroidectomy 3 days ago", ("neck_surgery_recent",), True),
        ("thyroidectomy 10 years ago", (), True),
        ("thyroidectomy in 2010", (), False),
        ("parathyroidectomy", (), False),
        ("parathyroidectomy 5 days ago", ("neck_surgery_recent", "parathyroid_surgery_4w"), True),
        ("parathyroidectomy 20 days ago", ("parathyroid_surgery_4w",), True),
        ("CKD since 2010, thyroidectomy yesterday", ("ckd", "neck_surgery_recent"), True),
        ("neck surgery", (), False),
    ],
)
def test_an_operation_counts_for_its_time(release: Release, text: str, named: tuple[str, ...], read: bool) -> None:
    found = recognise(release, panel(conditions=[text]))
    assert (found.conditions, not found.unread) == ((named,), read)


@pytest.mark.parametrize(
    ("text", "named", "read"),
    [
        ("denosumab 60 mg every 6 months", ("denosumab",), True),
        ("denosumab, last dose 26 weeks ago", ("denosumab",), True),
        ("denosumab (last dose 8 months ago)", (), True),
        ("denosumab, last dose in 2023", (), False),
        ("denosumab stopped 8 months ago", (), True),
        ("denosumab stopped 3 months ago", (), False),
        ("denosumab stopped", (), False),
    ],
)
def test_a_dose_counts_for_its_time(release: Release, text: str, named: tuple[str, ...], read: bool) -> None:
    found = recognise(release, panel(medications=[text]))
    assert (found.medications, not found.unread) == ((named,), read)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("penicillin allergy, digoxin", ("digoxin",)),
        ("ramipril (allergic to penicillin)", ("acei",)),
        ("stopped furosemide, digoxin", ("digoxin",)),
        ("digoxin (stopped)", ()),
        ("digoxin, stopped", ()),
        ("furosemide and digoxin stopped", ()),
    ],
)
def test_what_was_stopped_or_is_not_borne_is_one_drug(release: Release, text: str, named: tuple[str, ...]) -> None:
    assert recognise(release, panel(medications=[text])).medications == (named,)
