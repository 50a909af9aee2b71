"""A release of which only the wire's part is real: its name, its choices, its sources."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.knowledge.schema import SourceRow


@pytest.fixture
def release() -> Release:
    def source(source_id: str) -> SourceRow:
        return SourceRow(id=source_id, citation=f"citation of {source_id}")

    fake = SimpleNamespace(
        reference=ReleaseReference("1.2.3", "d" * 64, "0.9", "site", "e" * 64),
        intended_use="Supports, never decides.",
        vitamin_d_policies=("nam_2011", "grc_2016"),
        critical_limit_sets=("default", "rcpath"),
        interval_variants=("default", "mayo"),
        source=source,
    )
    return cast("Release", fake)
