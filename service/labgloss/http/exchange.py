"""What every request passes: an id, how many at a time, how long, who calls; and the line that it leaves in the log.

Whatever goes wrong leaves as problem details. Nothing of a request stands in the log but what this module names.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from structlog.typing import FilteringBoundLogger

from labgloss.errors import AccessError
from labgloss.http.problems import KINDS, MEDIA_TYPE, Problem, problem_of_access, retry_after

JSON = "application/json"
# Of bodies that were read and are not answered yet, all together: some eight calls of hooks as large as they may be.
MOST_BYTES = 33_554_432
# What takes longer than others should wait is computed in a thread, beside which the loop goes on.
_SHORT_BYTES = 32_768
# For the whole of a body to come; also what a reader of an answer is allowed.
BODY_SECONDS = 10.0
_BUSY_SECONDS = 1.0
_REASONS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_SERVER_FAULT = 500


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as far as the log may know it."""

    request_id: str
    method: str = "unknown"
    caller: str = ""
    request_bytes: int = 0
    # Told how many bytes more are held; raises Problem where there is no room for them.
    hold: Callable[[int], None] = lambda _: None
    said: dict[str, Any] = field(default_factory=dict)


ValueT = TypeVar("ValueT")
Endpoint = Callable[[Request, Exchange], Awaitable[Response]]


class Exchanges:
    """Makes ASGI endpoints of what answers a request, and bounds how many are under way."""

    def __init__(self, log: FilteringBoundLogger, most: int) -> None:
        self._log = log
        self._most = most
        self._under_way = 0
        self._held = 0

    def endpoint(self, method: str, answering: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that the log knows by this name."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, method, answering)

        return answer

    async def refuse(self, request: Request, error: Exception) -> Response:
        """The answer to a request for which there is no endpoint."""
        assert isinstance(error, HTTPException)

        async def refusing(_: Request, __: Exchange) -> Response:
            raise Problem(_REASONS[error.status_code], _no_endpoint(error), headers=error.headers or {})

        return await self._answer(request, "none", refusing)

    async def _answer(self, request: Request, method: str, answering: Endpoint) -> Response:
        held = 0

        def hold(more: int) -> None:
            nonlocal held
            if self._held + more > MOST_BYTES:
                raise _busy()
            held += more
            self._held += more

        exchange = Exchange(_request_id(request), method, hold=hold)
        begun = time.monotonic()
        problem: Problem | None = None
        if self._under_way >= self._most:
            problem = _busy()
        else:
            self._under_way += 1
            try:
                response = await answering(request, exchange)
            except Problem as error:
                problem = error
            except AccessError as error:
                problem = problem_of_access(error)
            except ClientDisconnect:
                problem = Problem("REQUEST_TIMEOUT", "The caller left.")
            except Exception as error:  # noqa: BLE001 - the text of any may hold a patient's value
                problem = self._defect(error)
            finally:
                self._under_way -= 1
                self._held -= held
        if problem is not None:
            response = Response(
                problem.body(exchange.request_id), problem.status, dict(problem.headers), media_type=MEDIA_TYPE
            )
        response.headers["x-request-id"] = exchange.request_id
        response.headers["x-content-type-options"] = "nosniff"
        response.headers.setdefault("cache-control", "no-store")
        self._say(exchange, response, problem, time.monotonic() - begun)
        return response

    def _defect(self, error: Exception) -> Problem:
        error_id = uuid.uuid4().hex
        self._log.error("defect", error_id=error_id, error_type=type(error).__name__)
        detail = f"A defect of the service; its log names it by error id {error_id}."
        return Problem("INTERNAL", detail, members={"error_id": error_id})

    def _say(self, exchange: Exchange, response: Response, problem: Problem | None, seconds: float) -> None:
        if problem is not None and problem.reason in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
            self._log.warning(
                "refused",
                method=exchange.method,
                request_id=exchange.request_id,
                status=response.status_code,
                reason=problem.reason,
                cause=problem.members["cause"],
                caller=problem.caller,
            )
            return
        self._log.info(
            "call",
            method=exchange.method,
            request_id=exchange.request_id,
            caller=exchange.caller,
            status=response.status_code,
            duration_ms=round(seconds * 1_000, 3),
            request_bytes=exchange.request_bytes,
            response_bytes=len(response.body),
            **exchange.said,
            **({} if problem is None else {"reason": problem.reason}),
        )


async def read_body(request: Request, exchange: Exchange, limit: int) -> bytes:
    """The body of a request that says that it is JSON. Raises Problem."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise Problem("UNSUPPORTED_MEDIA_TYPE", f'Send JSON, with the header "Content-Type: {JSON}".')
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "Send the body as it is, without Content-Encoding.")
    if not takes_json(request):
        raise Problem("NOT_ACCEPTABLE", f"Answers are {JSON}; leave Accept out, or let it hold that.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_large(int(announced[:20]), limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                if len(body) + len(part) > limit:
                    raise _too_large(len(body) + len(part), limit)
                exchange.hold(len(part))
                body += part
    except TimeoutError:
        detail = f"The body did not come within {BODY_SECONDS:g} s."
        raise Problem("REQUEST_TIMEOUT", detail, headers={"connection": "close"}) from None
    exchange.request_bytes = len(body)
    return bytes(body)


async def computed(size: int, compute: Callable[[], ValueT]) -> ValueT:
    """What is computed of so many bytes; in a thread where it takes its time."""
    return compute() if size <= _SHORT_BYTES else await asyncio.to_thread(compute)


def takes_json(request: Request) -> bool:
    """Whether the caller takes JSON for an answer."""
    accepted = request.headers.getlist("accept")
    ranges = [part.partition(";")[0].strip().lower() for value in accepted for part in value.split(",")]
    return not accepted or any(each in ("*/*", "application/*", JSON, "") for each in ranges)


def json_response(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer, as one line of JSON."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return Response(body, status, dict(headers or {}), media_type=JSON)


def _busy() -> Problem:
    detail = "More requests come than can be answered; try again after the delay that Retry-After names."
    return Problem("OVERLOADED", detail, headers={**retry_after(_BUSY_SECONDS), "connection": "close"})


def _too_large(size: int, limit: int) -> Problem:
    detail = f"The body has {size} bytes or more, {limit} are allowed."
    members = {"bytes": str(size), "limit_bytes": str(limit)}
    # What was not read of it would be taken for the next request.
    return Problem("MESSAGE_TOO_LARGE", detail, members=members, headers={"connection": "close"})


def _request_id(request: Request) -> str:
    """The caller's own where it is a UUID, which cannot say anything of a patient; otherwise a new one."""
    with suppress(ValueError):
        return str(uuid.UUID(request.headers.get("x-request-id", "")))
    return str(uuid.uuid4())


def _no_endpoint(error: HTTPException) -> str:
    if error.status_code == KINDS["METHOD_NOT_ALLOWED"].status:
        return f"The path takes {(error.headers or {})['Allow']}."
    return "There is nothing at this path; /openapi.json lists what there is."
