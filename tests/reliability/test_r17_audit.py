"""R17: whatever is done to the records is named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from labgloss.evidence.verify import Verdict
from tests.reliability.table import Table
from tests.unit.evidence.tampering import unnamed

RECORDS = 100
CALLERS = 8


@pytest.mark.timeout(4 * 3600)
def test_every_tampering_is_named(table: Table) -> None:
    rounds = table.size(10_000, 1_000_000)
    missed = unnamed(rounds, records=RECORDS)

    def blind(_: Mapping[str, bytes], __: object) -> Verdict:
        return Verdict((), ())

    control = len(unnamed(100, records=RECORDS, check=blind))
    table.settle(
        "R17",
        "edits, drops, moves of the chain, given its last head",
        size=f"{rounds} tamperings in 14 ways with {RECORDS} records",
        figure=f"{len(missed)} not named",
        target="0 not named",
        held=not missed,
        control=f"a verify that looks at nothing misses {control} of 100",
        found=control == 100,
    )
