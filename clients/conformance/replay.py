"""Replays exchanges by the Python client: replay.py TARGET FOLDER [--ca FILE] [--certificate FILE --key FILE] ...

Prints a line for each exchange, what differed below it, and ends with 1 when anything did.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.rpc import status_pb2

from labgloss.v1 import error_reason_pb2 as reasons
from labgloss.v1 import fhir_pb2 as fhir
from labgloss.v1 import interpretation_pb2 as interpretation
from labgloss.v1 import knowledge_pb2 as knowledge
from labgloss_client import Client, LabglossError, MessageTooLarge, Outcome, PanelFailure, ReleaseNotLoaded, token_file

_Asked = Callable[[Client, Sequence[Any]], list[Message]]


def _interpret(client: Client, requests: Sequence[Any]) -> list[Message]:
    return [interpretation.InterpretPanelResponse(report=client.interpret(requests[0].panel))]


def _batch(client: Client, requests: Sequence[Any]) -> list[Message]:
    outcomes = client.interpret_batch(requests[0].panels)
    return [interpretation.BatchInterpretPanelsResponse(outcomes=map(_outcome, outcomes))]


def _stream(client: Client, requests: Sequence[Any]) -> list[Message]:
    # All of them, since what comes too late is told at the end.
    outcomes = iter([*map(_outcome, client.interpret_stream([request.panels for request in requests], timeout_s=10))])
    return [
        interpretation.StreamInterpretPanelsResponse(outcomes=[next(outcomes) for _ in request.panels])
        for request in requests
    ]


def _outcome(outcome: Outcome) -> interpretation.PanelOutcome:
    if not isinstance(outcome, PanelFailure):
        return interpretation.PanelOutcome(panel_id=outcome.panel_id, report=outcome)
    error = outcome.error
    item = reasons.ItemError(
        code=error.code.value[0],
        reason=reasons.ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=error.message,
        violations=[
            reasons.FieldViolation(
                field=bad.field,
                reason=reasons.ViolationReason.Value(f"VIOLATION_REASON_{bad.reason}"),
                description=bad.description,
            )
            for bad in getattr(error, "violations", ())
        ],
    )
    return interpretation.PanelOutcome(panel_id=outcome.panel_id, error=item)


def _intervals(client: Client, requests: Sequence[Any]) -> list[Message]:
    asked = requests[0]
    found = client.reference_intervals(analyte=asked.analyte, variant=asked.variant)
    return [knowledge.ListReferenceIntervalsResponse(intervals=found)]


def _rules(client: Client, requests: Sequence[Any]) -> list[Message]:
    asked = requests[0]
    kind = knowledge.RuleKind.Name(asked.kind).removeprefix("RULE_KIND_").lower() if asked.kind else ""
    return [knowledge.ListRulesResponse(rules=client.rules(kind=kind, analyte=asked.analyte))]


# How the client is asked, and the message of a request.
_METHODS: Mapping[str, tuple[_Asked, type[Message]]] = {
    "InterpretPanel": (_interpret, interpretation.InterpretPanelRequest),
    "BatchInterpretPanels": (_batch, interpretation.BatchInterpretPanelsRequest),
    "StreamInterpretPanels": (_stream, interpretation.StreamInterpretPanelsRequest),
    "InterpretBundle": (
        lambda client, asked: [client.interpret_bundle(asked[0])],
        fhir.InterpretBundleRequest,
    ),
    "GetRelease": (
        lambda client, _: [knowledge.GetReleaseResponse(release=client.release())],
        knowledge.GetReleaseRequest,
    ),
    "GetRule": (
        lambda client, asked: [knowledge.GetRuleResponse(rule=client.rule(asked[0].id))],
        knowledge.GetRuleRequest,
    ),
    "ListReferenceIntervals": (_intervals, knowledge.ListReferenceIntervalsRequest),
    "ListAnalytes": (
        lambda client, _: [knowledge.ListAnalytesResponse(analytes=client.analytes())],
        knowledge.ListAnalytesRequest,
    ),
    "ListSymptoms": (
        lambda client, _: [knowledge.ListSymptomsResponse(symptoms=client.symptoms())],
        knowledge.ListSymptomsRequest,
    ),
    "ListSources": (
        lambda client, _: [knowledge.ListSourcesResponse(sources=client.sources())],
        knowledge.ListSourcesRequest,
    ),
    "ListRules": (_rules, knowledge.ListRulesRequest),
}


def differences(client: Client, exchange: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was recorded."""
    ask, request_type = _METHODS[exchange["method"].partition("/")[2]]
    requests = []
    for recorded in exchange["requests"]:
        request = request_type.FromString(base64.b64decode(recorded["bytes"]))
        requests.append(request)
        if ParseDict(recorded["json"], request_type()) != request:
            yield "request: its JSON is another message than its bytes"
    try:
        responses = ask(client, requests)
    except LabglossError as error:
        yield from _error_differences(error, exchange.get("error"))
        return
    if "error" in exchange:
        yield "answered, where an error was recorded"
        return
    for response, recorded in zip(responses, exchange["responses"], strict=True):
        yield from _message_differences(response, recorded)


def _message_differences(message: Message, recorded: Mapping[str, Any]) -> Iterator[str]:
    if "bytes" in recorded and message.SerializeToString() != base64.b64decode(recorded["bytes"]):
        yield "response: other bytes"
    if MessageToDict(message) != recorded["json"]:
        yield "response: other JSON"


def _error_differences(error: LabglossError, recorded: Mapping[str, Any] | None) -> Iterator[str]:
    if recorded is None:
        yield f"failed, where an answer was recorded: {error}"
        return
    metadata = {"violations": str(len(error.violations))} if getattr(error, "violations", ()) else {}
    if isinstance(error, ReleaseNotLoaded):
        metadata = {"loaded_version": error.loaded_version, "loaded_digest": error.loaded_digest}
    if isinstance(error, MessageTooLarge):
        metadata = {"bytes": str(error.size_bytes), "limit_bytes": str(error.limit_bytes)}
    retry_after_s = getattr(error, "retry_after_s", None)
    got = {
        "code": error.code.value[0],
        "message": error.message,
        "reason": error.reason,
        "metadata": metadata,
        "violations": [
            {"field": bad.field, "reason": bad.reason, "description": bad.description}
            for bad in getattr(error, "violations", ())
        ],
        "retryAfterMs": None if retry_after_s is None else retry_after_s * 1000,
        "details": _details(error.__cause__),
    }
    # Words of gRPC itself differ from language to language: where they are not recorded they are not compared.
    yield from (f"error: other {key}: {got[key]!r}" for key, expected in recorded.items() if got[key] != expected)


def _details(failure: BaseException | None) -> list[Mapping[str, str]]:
    trailers = failure.trailing_metadata() if isinstance(failure, grpc.Call) else None
    status = dict(trailers or ()).get("grpc-status-details-bin", b"")
    return [
        {"type": detail.type_url.rpartition("/")[2], "bytes": base64.b64encode(detail.value).decode()}
        for detail in status_pb2.Status.FromString(status).details
    ]


def main(arguments: Sequence[str]) -> int:
    """Prints what was found; 1 where anything differs."""
    parser = argparse.ArgumentParser(description="Replays exchanges by the Python client.")
    parser.add_argument("target")
    parser.add_argument("folder", type=Path)
    for file in ("ca", "certificate", "key"):
        parser.add_argument(f"--{file}", type=Path)
    parser.add_argument("--token-file")
    parser.add_argument("--timeout-ms", type=float, default=10_000)
    given = parser.parse_args(arguments)
    pem = [file and file.read_bytes() for file in (given.ca, given.key, given.certificate)]
    differing = 0
    with Client(
        given.target,
        credentials=grpc.ssl_channel_credentials(*pem) if given.ca else None,
        token=token_file(given.token_file) if given.token_file else None,
        timeout_s=given.timeout_ms / 1000,
    ) as client:
        print("healthy" if client.healthy() else "not healthy")
        for file in sorted(given.folder.glob("*.json")):
            found = list(differences(client, json.loads(file.read_text(encoding="utf-8"))))
            print("\n  ".join([f"{file.stem}: {'differs' if found else 'as recorded'}", *found]))
            differing += bool(found)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
