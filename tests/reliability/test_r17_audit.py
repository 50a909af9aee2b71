"""R17: whatever is done to the records is named, and no answer leaves without its record, not even before a crash."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from labgloss.evidence.verify import Verdict
from labgloss.server.calls import RECORD
from tests.reliability.bystander import CHEAP
from tests.reliability.messages import PATHS
from tests.reliability.processes import ServiceProcess
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


@pytest.mark.timeout(3600)
def test_no_answer_leaves_without_its_record(table: Table, tmp_path: Path) -> None:
    """Killed in the middle: whatever a caller holds an answer to, the file holds a record of."""
    kills, calls = table.size((3, 400), (30, 20_000))
    answered = unrecorded = 0
    for number in range(kills):
        ids, kept = killed_while_answering(tmp_path / str(number), calls)
        answered += len(ids)
        unrecorded += len(ids - kept)
    ids, kept = killed_while_answering(tmp_path / "control", calls, broken="forgetful_journal")
    table.settle(
        "R17",
        "answers without a record, killed while answering",
        size=f"{answered} answers, {kills} kills",
        figure=f"{unrecorded} without a record",
        target="0",
        held=unrecorded == 0 and answered >= kills * calls // 2,
        control=f"a journal that forgets one line in fifty: {len(ids - kept)} of {len(ids)} without",
        found=bool(ids - kept),
    )


def killed_while_answering(folder: Path, calls: int, broken: str = "") -> tuple[set[str], set[str]]:
    """Ids of the records of the answers that came before the process was killed, and ids that its files hold."""
    records = folder / "records"
    records.mkdir(parents=True)
    ids: set[str] = set()
    with (
        ServiceProcess(folder, "--audit", str(records), broken=broken) as service,
        grpc.insecure_channel(service.target, [("grpc.enable_retries", 0)]) as channel,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        call = channel.unary_unary(PATHS["InterpretPanel"])

        def ask(_: int) -> None:
            if len(ids) >= calls // 2:
                return
            try:
                _, done = call.with_call(CHEAP, timeout=20)
            except grpc.RpcError:
                return
            ids.update(str(value) for name, value in done.trailing_metadata() if name == RECORD)
            if len(ids) >= calls // 2:
                service.process.send_signal(signal.SIGKILL)

        list(pool.map(ask, range(calls)))
    lines = [line for path in records.iterdir() for line in path.read_bytes().split(b"\n")[:-1]]
    return ids, {str(json.loads(line)["id"]) for line in lines}
