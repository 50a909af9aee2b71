"""No bytes of any kind meet a defect: each message is answered, or refused by the caller's fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from labgloss.engine.interpret import interpret
from labgloss.errors import CallError
from labgloss.knowledge.release import Release
from labgloss.server.handlers import Answer, InterpretationHandlers, KnowledgeHandlers
from labgloss.server.settings import Settings
from labgloss.v1 import interpretation_pb2 as pb
from labgloss.v1 import knowledge_pb2
from labgloss.v1.panel_pb2 import Panel
from labgloss.wire.status import status_of
from tests.unit.server.panels import messages

Methods = dict[str, Callable[[bytes], Answer]]

ALLOWED = {"MALFORMED_MESSAGE", "INVALID_FIELDS", "MESSAGE_TOO_LARGE", "RELEASE_NOT_LOADED", "RULE_NOT_FOUND"}
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def raise_defect(error: BaseException) -> NoReturn:
    raise AssertionError("a defect") from error


@pytest.fixture(scope="module")
def methods(release: Release) -> Methods:
    interpretation = InterpretationHandlers(release, interpret, Settings(), raise_defect)
    return {
        "InterpretPanel": interpretation.interpret_panel,
        "BatchInterpretPanels": lambda body: interpretation.batch(body, lambda: None),
        "StreamInterpretPanels": lambda body: interpretation.stream_message(body, lambda: None),
        **KnowledgeHandlers(release, Settings()).methods,
    }


def answered_or_refused(call: Callable[[bytes], Answer], body: bytes) -> bytes | None:
    """The answer, or None for a refusal by the caller's fault. Any other exception is the defect that is looked for."""
    try:
        return call(body).body
    except CallError as error:
        refused = error
    assert refused.reason in ALLOWED
    assert status_of(refused).ByteSize() < 6_000
    return None


@settings(QUIET, max_examples=150)
@given(body=st.binary(max_size=200))
def test_random_bytes_meet_no_defect(methods: Methods, body: bytes) -> None:
    for call in methods.values():
        answered_or_refused(call, body)


@settings(QUIET, max_examples=100)
@given(panel=messages(Panel))
def test_panels_of_every_shape_are_read_and_get_the_same_bytes_twice(methods: Methods, panel: Panel) -> None:
    # Ids are drawn from a short list, and the wire refuses doubles.
    for position, result in enumerate(panel.results):
        result.id = f"{result.id}{position}"
    body = pb.InterpretPanelRequest(panel=panel).SerializeToString()
    answer = answered_or_refused(methods["InterpretPanel"], body)
    assume(answer is not None)
    assert answer == methods["InterpretPanel"](body).body


@settings(QUIET, max_examples=100)
@given(panel=messages(Panel, wild=True))
def test_panels_that_break_every_form_meet_no_defect(methods: Methods, panel: Panel) -> None:
    answered_or_refused(methods["InterpretPanel"], pb.InterpretPanelRequest(panel=panel).SerializeToString())


def mutated(body: bytes, edits: list[tuple[int, int, int]]) -> bytes:
    """The bytes with some of them changed, dropped, doubled, or the rest cut off."""
    bent = bytearray(body)
    for kind, place, value in edits:
        place %= len(bent) + 1
        match kind:
            case 0:
                bent[place : place + 1] = bytes([value])
            case 1:
                del bent[place : place + value % 8]
            case 2:
                bent[place:place] = bent[place : place + value % 32]
            case _:
                del bent[len(bent) - value % 8 :]
    return bytes(bent)


EDITS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6)


@settings(QUIET, max_examples=80)
@given(panels=st.lists(messages(Panel), min_size=1, max_size=2), edits=EDITS)
def test_bent_requests_meet_no_defect(methods: Methods, panels: list[Panel], edits: list[tuple[int, int, int]]) -> None:
    unary = pb.InterpretPanelRequest(panel=panels[0]).SerializeToString()
    several = pb.BatchInterpretPanelsRequest(panels=panels).SerializeToString()
    answered_or_refused(methods["InterpretPanel"], mutated(unary, edits))
    answered_or_refused(methods["BatchInterpretPanels"], mutated(several, edits))
    answered_or_refused(methods["StreamInterpretPanels"], mutated(several, edits))


@settings(QUIET, max_examples=60)
@given(
    intervals=messages(knowledge_pb2.ListReferenceIntervalsRequest, wild=True),
    rules=messages(knowledge_pb2.ListRulesRequest, wild=True),
    rule=messages(knowledge_pb2.GetRuleRequest, wild=True),
)
def test_knowledge_requests_of_every_shape_meet_no_defect(
    methods: Methods,
    intervals: knowledge_pb2.ListReferenceIntervalsRequest,
    rules: knowledge_pb2.ListRulesRequest,
    rule: knowledge_pb2.GetRuleRequest,
) -> None:
    answered_or_refused(methods["ListReferenceIntervals"], intervals.SerializeToString())
    answered_or_refused(methods["ListRules"], rules.SerializeToString())
    answered_or_refused(methods["GetRule"], rule.SerializeToString())
