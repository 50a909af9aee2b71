"""What texts of symptoms say of each symptom that they name: present, absent, or neither (SP 1, promise 2)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labgloss.domain.truth import Truth
from labgloss.engine.recognise import recognise
from labgloss.knowledge.release import Release
from tests.unit.engine.panel_builder import panel

TRUTHS = {"present": Truth.TRUE, "absent": Truth.FALSE, "open": Truth.UNKNOWN}


def _texts(said: str, table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Truth]]]:
    for text, named in table.items():
        if isinstance(named, dict):
            yield from _texts(said, named)
        else:
            pairs = [name.partition(":") for name in named]
            yield text, {ident: TRUTHS[own or said] for ident, _, own in pairs}


TEXTS = [
    case
    for said, table in tomllib.loads(Path(__file__).with_name("said_of_symptoms.toml").read_text("utf-8")).items()
    for case in _texts(said, table)
]


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text for text, _ in TEXTS])
def test_a_text_says_of_each_symptom_what_it_says_and_no_more(
    release: Release, text: str, expected: dict[str, Truth]
) -> None:
    found = recognise(release, panel(symptoms=(text,))).truths["symptom"]
    assert {**dict.fromkeys(expected, Truth.UNKNOWN), **found} == expected
