"""P5: panels in batches and on a stream, beside panels one by one: CPU of the server a panel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labgloss.v1.interpretation_pb2 import BatchInterpretPanelsResponse, StreamInterpretPanelsResponse
from tests.benchmarks.figures import Row
from tests.benchmarks.groups import BATCH, GROUPS, IN_FLIGHT, MESSAGE
from tests.benchmarks.sent import Panels
from tests.benchmarks.server_process import SERVICE_COMMAND, ServerProcess
from tests.benchmarks.size import Size
from tests.benchmarks.turns import cpu_microseconds, evidence_flags, in_turn

# Messages of a stream that are sent ahead of their answers.
AHEAD = 2
_BATCH_METHOD, _STREAM_METHOD = (
    f"/labgloss.v1.InterpretationService/{name}" for name in ("BatchInterpretPanels", "StreamInterpretPanels")
)

ROWS = GROUPS["P5"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P5. Raises ValueError when a panel in a batch or message has no report, which would cost less."""
    panels = Panels(size.panels)
    batches = max(1, size.calls // BATCH)
    messages = max(2, size.calls // MESSAGE)
    with ServerProcess((*SERVICE_COMMAND, *evidence_flags(folder))) as service:
        with service.connected(1, _BATCH_METHOD) as (batch,):
            for body in panels.batches(-(-len(panels) // BATCH), BATCH):
                _check(BatchInterpretPanelsResponse.FromString(batch.ask(body)))
        with service.connected(1, _STREAM_METHOD) as (stream,):
            for answer in stream.exchange(panels.stream(2, MESSAGE), AHEAD):
                _check(StreamInterpretPanelsResponse.FromString(answer))

        def of_stream() -> float:
            bodies = panels.stream(messages, MESSAGE)
            with service.connected(1, _STREAM_METHOD) as (stream,):
                begin = service.cpu_seconds()
                answered = sum(1 for _ in stream.exchange(bodies, AHEAD))
                return (service.cpu_seconds() - begin) * 1e6 / (answered * MESSAGE)

        one_by_one, in_batches, on_stream = in_turn(
            size.pairs,
            lambda: cpu_microseconds(service, panels.fresh(size.calls), IN_FLIGHT),
            lambda: cpu_microseconds(service, panels.batches(batches, BATCH), 1, _BATCH_METHOD) / BATCH,
            of_stream,
        )
    note = f"unary with {IN_FLIGHT} in flight; batches one at a time, {AHEAD} messages of the stream ahead"
    yield ROWS[0].measured(in_batches, one_by_one, faster=True, note=note)
    yield ROWS[1].measured(on_stream, one_by_one, faster=True)


def _check(answer: BatchInterpretPanelsResponse | StreamInterpretPanelsResponse) -> None:
    without = [outcome.error.message for outcome in answer.outcomes if not outcome.HasField("report")]
    if without or not answer.outcomes:
        raise ValueError(f"{len(without)} of {len(answer.outcomes)} panels have no report: {without[:1]}")
