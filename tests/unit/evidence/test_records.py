"""What a record says of a call, and of what no record is kept."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from labgloss.errors import (
    NOT_AUTHENTICATED,
    CallError,
    InternalError,
    MalformedMessageError,
    RecordNotWrittenError,
    UnauthenticatedError,
)
from labgloss.evidence.call import Call, Decision, Method
from labgloss.evidence.chain import DECISION, body_of, sealed
from labgloss.evidence.evidence import Evidence
from labgloss.evidence.journal import Journal
from labgloss.evidence.records import Records, header_of
from labgloss.evidence.site_key import SiteKey
from labgloss.knowledge.release import ReleaseReference
from labgloss.log import make_log
from labgloss.v1.panel_pb2 import Panel
from labgloss.wire.status import code_of
from tests.unit.evidence.tampering import Memory

PLAIN = ReleaseReference("1.0.0", "d" * 64, "2.0.0")
LAID_OVER = ReleaseReference("1.0.0", "d" * 64, "2.0.0", "site", "e" * 64)
KEY = SiteKey(b"k" * 32)


def kept(records: Memory) -> list[dict[str, Any]]:
    return [json.loads(line) for lines in records.files for line in lines]


def records(sink: Memory, key: SiteKey | None = None) -> Records:
    return Records(Journal("0" * 16, sink, header_of(2, 7, "0.2.0", PLAIN, key)), key)


def call(release: ReleaseReference = PLAIN) -> Call:
    return Call(Method("labgloss.v1.InterpretationService", "InterpretPanel"), release, "dns:ehr.example")


def test_the_header_says_who_keeps_the_records_and_under_which_key() -> None:
    sink = Memory(9)
    records(sink, KEY)
    (start,) = kept(sink)
    assert (2, 7, "0.2.0", "1.0.0", KEY.fingerprint) == tuple(
        start[name] for name in ("worker", "pid", "software", "release", "key")
    )


def test_an_overlay_in_force_stands_in_the_record() -> None:
    sink = Memory(9)
    records(sink).decided(
        call(LAID_OVER), (Decision(Panel(), rule_ids=frozenset({"b", "a"}), refusals=("y", "x", "y")),)
    )
    _, record = kept(sink)
    assert ("site", "e" * 64) == (record["overlay"], record["overlay_digest"])
    assert (["a", "b"], {"x": 1, "y": 2}, "dns:ehr.example") == (record["rules"], record["refusals"], record["caller"])


@pytest.mark.parametrize(
    ("error", "records_kept"),
    [
        (MalformedMessageError(), 1),
        (RecordNotWrittenError(), 0),
        (UnauthenticatedError(next(iter(NOT_AUTHENTICATED))), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refused_call_is_recorded_unless_its_caller_was_not_let_in(error: CallError, records_kept: int) -> None:
    sink = Memory(9)
    evidence = Evidence(make_log(io.BytesIO(), "error"), records(sink))
    evidence.ended(call(), "CANCELLED")
    evidence.ended(call(), "UNKNOWN", error, b"")
    assert records_kept == len(kept(sink)) - 1


@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "key"])
@pytest.mark.parametrize("release", [PLAIN, LAID_OVER], ids=["plain", "overlay"])
def test_a_record_is_written_as_an_encoder_writes_its_fields(key: SiteKey | None, release: ReleaseReference) -> None:
    sink = Memory(99)
    of_caller = Call(Method("s", "BatchInterpretPanels"), release, 'a "quoted" ü\n')
    decisions = (
        Decision(Panel(id="1"), b"report", frozenset({"b.c", "a"}), ("y", "x", "y")),
        Decision(Panel(), b""),
        Decision(Panel(), error=MalformedMessageError()),
        Decision(Panel(), error=InternalError("0" * 32)),
    )
    records(sink, key).decided(of_caller, decisions)
    written = [line.rstrip(b"\n") for lines in sink.files for line in lines][1:]
    for position, (line, decision) in enumerate(zip(written, decisions, strict=True)):
        record = json.loads(line)
        expected: dict[str, object] = {
            "time": record["time"],
            "caller": of_caller.caller,
            "method": of_caller.method.name,
        }
        expected |= {"panel": position, "panels": len(decisions)}
        expected["status"] = "OK" if decision.error is None else code_of(decision.error)
        if decision.error is not None:
            expected["reason"] = decision.error.reason
        if isinstance(decision.error, InternalError):
            expected["error_id"] = decision.error.error_id
        expected |= {"release": release.version, "digest": release.digest, "engine": release.engine}
        if release is LAID_OVER:
            expected |= {"overlay": release.overlay, "overlay_digest": release.overlay_digest}
        if decision.rule_ids:
            expected["rules"] = sorted(decision.rule_ids)
        if decision.refusals:
            expected["refusals"] = {"x": 1, "y": 2}
        if key:
            expected["request"] = key.digest(decision.panel.SerializeToString(deterministic=True))
            if decision.report is not None:
                expected["report"] = key.digest(decision.report)
        chain, _, number = record["id"].partition("-")
        line_of_these, _ = sealed(body_of(DECISION, expected), chain, int(number), record["previous"])
        assert line_of_these == line + b"\n"
