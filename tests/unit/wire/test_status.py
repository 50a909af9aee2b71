"""Every error becomes one status, and says what its reason documents."""

from __future__ import annotations

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from labgloss.errors import (
    CallError,
    DeadlineExceededError,
    InternalError,
    MalformedMessageError,
    MessageTooLargeError,
    ReleaseNotLoadedError,
    RequestError,
    RuleNotFoundError,
    TooManyStreamsError,
    Violation,
)
from labgloss.v1 import error_reason_pb2 as pb
from labgloss.wire.status import CODES, STATUS_LIMIT, item_error_of, status_of

BAD = (
    Violation("panel.results[2].collected", "BAD_FORM", "a date is needed"),
    Violation("panel.id", "TOO_LONG", "at most 128 characters are allowed; shorten it"),
)


def detail(status: status_pb2.Status, kind: type) -> object | None:
    for packed in status.details:
        message = kind()
        if packed.Unpack(message):
            return message
    return None


def reason_of(status: status_pb2.Status) -> error_details_pb2.ErrorInfo:
    info = detail(status, error_details_pb2.ErrorInfo)
    assert isinstance(info, error_details_pb2.ErrorInfo)
    return info


def bad_fields(status: status_pb2.Status) -> list[tuple[str, str, str]]:
    bad = detail(status, error_details_pb2.BadRequest)
    assert isinstance(bad, error_details_pb2.BadRequest)
    return [(each.field, each.reason, each.description) for each in bad.field_violations]


def test_every_reason_of_the_proto_has_a_code() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in pb.ErrorReason.keys()}  # noqa: SIM118 - not a mapping
    assert reasons - {"UNSPECIFIED"} == set(CODES)


@pytest.mark.parametrize(
    ("error", "code", "message", "metadata"),
    [
        (
            MalformedMessageError(),
            code_pb2.INVALID_ARGUMENT,
            "The bytes are not a message of this method; encode the request with the published schema, labgloss.v1.",
            {},
        ),
        (
            RequestError(BAD),
            code_pb2.INVALID_ARGUMENT,
            "2 fields are wrong; mend each as its description says, and send the request again.",
            {"violations": "2"},
        ),
        (
            RequestError(BAD[:1]),
            code_pb2.INVALID_ARGUMENT,
            "1 field is wrong; mend each as its description says, and send the request again.",
            {"violations": "1"},
        ),
        (
            MessageTooLargeError(70_000, 65_536, "send fewer results, or several panels"),
            code_pb2.RESOURCE_EXHAUSTED,
            "The message has 70000 bytes, 65536 are allowed; send fewer results, or several panels.",
            {"bytes": "70000", "limit_bytes": "65536"},
        ),
        (
            ReleaseNotLoadedError("1.2.3", "abc"),
            code_pb2.FAILED_PRECONDITION,
            "The pinned release is not loaded; version 1.2.3, digest abc, is. "
            "Pin that one, or leave options.release empty.",
            {"loaded_version": "1.2.3", "loaded_digest": "abc"},
        ),
        (
            RuleNotFoundError(),
            code_pb2.NOT_FOUND,
            "No rule of the loaded release has this id; ListRules lists them all.",
            {},
        ),
        (
            TooManyStreamsError(1.5),
            code_pb2.RESOURCE_EXHAUSTED,
            "Too many streams and batches are under way; try again after the delay that RetryInfo names.",
            {},
        ),
        (
            DeadlineExceededError(),
            code_pb2.DEADLINE_EXCEEDED,
            "The deadline passed before the answer was ready; allow more time or send fewer panels.",
            {},
        ),
        (
            InternalError("e1"),
            code_pb2.INTERNAL,
            "A defect of the service; its log names it by error id e1.",
            {"error_id": "e1"},
        ),
    ],
)
def test_an_error_says_its_code_its_reason_and_its_metadata(
    error: CallError, code: int, message: str, metadata: dict[str, str]
) -> None:
    status = status_of(error)
    info = reason_of(status)
    assert (code, message) == (status.code, status.message)
    assert (error.reason, "labgloss", metadata) == (info.reason, info.domain, dict(info.metadata))
    item = item_error_of(error)
    assert (code, message) == (item.code, item.message)
    assert f"ERROR_REASON_{error.reason}" == pb.ErrorReason.Name(item.reason)


def test_every_bad_field_is_named_in_the_status_and_in_the_item() -> None:
    error = RequestError(BAD)
    assert [(each.field, each.reason, each.description) for each in BAD] == bad_fields(status_of(error))
    assert [
        ("panel.results[2].collected", pb.VIOLATION_REASON_BAD_FORM, "a date is needed"),
        ("panel.id", pb.VIOLATION_REASON_TOO_LONG, "at most 128 characters are allowed; shorten it"),
    ] == [(each.field, each.reason, each.description) for each in item_error_of(error).violations]


def test_a_message_that_is_too_large_is_named_as_a_bad_field() -> None:
    error = MessageTooLargeError(70_000, 65_536, "send fewer results")
    named = [("message", "OUT_OF_RANGE", "at most 65536 bytes are allowed; send fewer results")]
    assert named == bad_fields(status_of(error))
    assert not item_error_of(error).violations


def test_a_refusal_for_want_of_slots_says_when_to_retry() -> None:
    retry = detail(status_of(TooManyStreamsError(1.5)), error_details_pb2.RetryInfo)
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert 1_500 == retry.retry_delay.ToMilliseconds()


def violations(count: int, description: str = "at most 128 characters are allowed; shorten it") -> RequestError:
    return RequestError(tuple(Violation(f"panel.results[{n}].id", "TOO_LONG", description) for n in range(count)))


def test_more_violations_than_fit_keep_each_description_once() -> None:
    named = bad_fields(status_of(violations(100)))
    assert [f"panel.results[{n}].id" for n in range(100)] == [field for field, _, _ in named]
    assert ["at most 128 characters are allowed; shorten it"] + [""] * 99 == [text for _, _, text in named]


def test_still_more_lose_their_descriptions() -> None:
    error = RequestError(tuple(Violation(f"panel.results[{n}].id", "TOO_LONG", f"{n} " * 20) for n in range(140)))
    named = bad_fields(status_of(error))
    assert [f"panel.results[{n}].id" for n in range(140)] == [field for field, _, _ in named]
    assert {""} == {text for _, _, text in named}


def test_of_too_many_to_name_the_first_are_named_and_all_are_counted() -> None:
    status = status_of(violations(400))
    named = bad_fields(status)
    assert 140 < len(named) < 400
    assert [f"panel.results[{n}].id" for n in range(len(named))] == [field for field, _, _ in named]
    assert {"violations": "400"} == dict(reason_of(status).metadata)
    assert (
        "400 fields are wrong; mend each as its description says, and send the request again. "
        f"Only the first {len(named)} are named." == status.message
    )
    assert 400 == len(item_error_of(violations(400)).violations)


@pytest.mark.parametrize("count", [1, 50, 100, 140, 150, 175, 200, 400, 2_000])
def test_a_status_always_fits_into_the_trailers_of_a_call(count: int) -> None:
    # A line for the sentence that says how many are named.
    assert status_of(violations(count)).ByteSize() <= STATUS_LIMIT + 60


def test_the_error_of_an_item_carries_the_id_of_a_defect() -> None:
    assert "abc" == item_error_of(InternalError("abc")).error_id
    assert "" == item_error_of(MalformedMessageError()).error_id
