"""What both clients share: how to connect, what a message holds, what an answer must be. Nothing here waits."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from labgloss.v1.fhir_pb2 import BUNDLE_TYPE_NONE, InterpretBundleRequest, InterpretBundleResponse
from labgloss.v1.interpretation_pb2 import (
    BatchInterpretPanelsResponse,
    InterpretPanelResponse,
    PanelOutcome,
    StreamInterpretPanelsResponse,
)
from labgloss.v1.panel_pb2 import Panel
from labgloss.v1.report_pb2 import Report
from labgloss_client._status import defect, error_of_item
from labgloss_client.exceptions import LabglossError

SERVICE = "labgloss.v1.InterpretationService"

TIMEOUT_S = 1.0
BATCH_TIMEOUT_S = 10.0
PANELS_PER_MESSAGE = 50
MESSAGES_UNDER_WAY = 4

# What the service takes in one message of a batch or stream.
PANELS_LIMIT = 100
MESSAGE_LIMIT_BYTES = 1024 * 1024
# Tag and length of one panel in the message, at most.
PANEL_FRAME_BYTES = 6

# Metadata that names for whom a service in between calls.
ON_BEHALF_OF = "labgloss-on-behalf-of"

RECEIVE_LIMIT_BYTES = 4 * 1024 * 1024

# grpc.health.v1 without its package: on the wire HealthCheckRequest is a StringValue and HealthCheckResponse an
# Int32Value, each with the one field of number 1.
HEALTH_METHOD = "/grpc.health.v1.Health/Check"
HEALTH_SERVING = 1
# What a service that does not serve, or that nobody reaches, answers to the question whether it serves.
NOT_SERVING_CODES = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.CANCELLED,
    }
)

Panels: TypeAlias = Panel | Iterable[Panel]
Metadata: TypeAlias = tuple[tuple[str, str], ...]


class Page(Protocol):
    """A response of a paged method."""

    next_page_token: str


class PageRequest(Protocol):
    """A request of a paged method."""

    page_token: str


PageT = TypeVar("PageT", bound=Page)
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)


@dataclass(frozen=True, slots=True)
class PanelFailure:
    """Why one panel of a batch or stream has no report. `error` is what `interpret` would have raised for it."""

    panel_id: str
    error: LabglossError


Outcome: TypeAlias = Report | PanelFailure


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the service.

    Raises ValueError when panels would travel in the clear without being told to, or a token would at all.
    """

    target: str
    credentials: grpc.ChannelCredentials | None
    plaintext: bool
    timeout_s: float
    batch_timeout_s: float
    retry_cancelled: bool
    token: Callable[[], str] | None = None

    def __post_init__(self) -> None:
        if self.credentials is not None and self.plaintext:
            raise ValueError("credentials and plaintext=True contradict each other: give one of them")
        if self.credentials is None and not self.plaintext and not is_loopback(self.target):
            raise ValueError(
                f"the target {self.target!r} is not on this machine, and panels must not travel unencrypted: give "
                "credentials (grpc.ssl_channel_credentials(...)), or plaintext=True where something else encrypts the "
                "way, such as a service mesh"
            )
        if self.credentials is None and self.token is not None and not is_loopback(self.target):
            raise ValueError(
                f"the target {self.target!r} is not on this machine, and a token must not travel unencrypted: whoever "
                "reads it can use it; give credentials (grpc.ssl_channel_credentials(...))"
            )

    def metadata(self, on_behalf_of: str = "") -> Metadata:
        """What goes with a call: its token, asked for anew, and for whom it is made, if for another."""
        token = () if self.token is None else (("authorization", f"Bearer {self.token()}"),)
        return (*token, (ON_BEHALF_OF, on_behalf_of)) if on_behalf_of else token

    @property
    def channel_options(self) -> Sequence[tuple[str, str | int]]:
        """Options of the channel, set to fit those of the server."""
        options: list[tuple[str, str | int]] = [
            ("grpc.service_config", json.dumps(service_config(self.retry_cancelled))),
            # The shipped configuration counts, not one that a name server hands out.
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
            # The server closes connections that are pinged more often than every 10 s.
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            # It is also the time allowed to connect: a busy machine needs more than moments.
            ("grpc.min_reconnect_backoff_ms", 2_000),
            # Two minutes by default, in which a service that is back would go unnoticed.
            ("grpc.max_reconnect_backoff_ms", 10_000),
        ]
        if self.credentials is None:
            # Otherwise http_proxy would lead panels in the clear through a proxy, even those for this machine.
            options.append(("grpc.enable_http_proxy", 0))
        return options


def token_file(file: str | Path) -> Callable[[], str]:
    """What gives the token that a file holds at each call, so that one that is renewed there is taken.

    A call raises OSError when the file cannot be read, and ValueError when it holds no token.
    """
    path = Path(file)

    def token() -> str:
        text = path.read_text(encoding="utf-8").strip()
        if not text or any(character <= " " or character > "~" for character in text):
            # Its content is a secret.
            raise ValueError(f"{path} does not hold one token and nothing else")
        return text

    return token


class Attempts:
    """How often a call may still be made, and how long each may take.

    gRPC's own retries end where an answer has begun to come. A service that is killed just then leaves UNAVAILABLE
    behind: the same panel gives the same report, so that it is asked once more, within the time that is left.
    """

    def __init__(self, allowed_s: float) -> None:
        self._until = time.monotonic() + allowed_s
        self._first = True

    @property
    def left_s(self) -> float:
        """Seconds that are left of those allowed."""
        return max(self._until - time.monotonic(), 0.0)

    def again(self, error: LabglossError) -> bool:
        """Whether to ask once more: not what the service itself refused, which it does with a reason."""
        may, self._first = self._first, False
        return may and error.code is grpc.StatusCode.UNAVAILABLE and not error.reason and self.left_s > 0


def service_config(retry_cancelled: bool = False) -> Mapping[str, object]:
    """The service config: all healthy backends in turn, and retries that cannot make an outage worse.

    It holds no timeout: gRPC would take it as the upper bound of the timeout that a call asks for.
    """
    retryable = ["UNAVAILABLE", "CANCELLED"] if retry_cancelled else ["UNAVAILABLE"]
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": SERVICE},
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
        "methodConfig": [
            {
                "name": [{}],
                "waitForReady": True,
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.02s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": retryable,
                },
            }
        ],
    }


def is_loopback(target: str) -> bool:
    """Whether every address of a gRPC target is on this machine. A form that is not known here is not."""
    scheme, separator, rest = target.partition(":")
    if scheme in ("unix", "unix-abstract"):
        return True
    if scheme in ("ipv4", "ipv6"):
        return all(_is_loopback_address(address) for address in rest.split(","))
    if scheme == "dns" and separator:
        return _is_loopback_address(rest.rpartition("/")[2])
    return _is_loopback_address(target)


def _is_loopback_address(address: str) -> bool:
    host = address[1 : address.index("]")] if address.startswith("[") and "]" in address else address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_stream(panels_per_message: int, messages_under_way: int) -> None:
    """Nothing. Raises ValueError when a stream cannot be cut this way."""
    if not 1 <= panels_per_message <= PANELS_LIMIT:
        raise ValueError(f"panels_per_message is from 1 to {PANELS_LIMIT}, the most that the service takes")
    if messages_under_way < 1:
        raise ValueError("messages_under_way is 1 or more")


class Packing:
    """Panels gathered into messages of at most so many, none larger than the service takes.

    A list of panels closes its message: it is sent without waiting for what follows, in more than one message where it
    does not fit into one.
    """

    def __init__(self, panels_per_message: int) -> None:
        self._most = panels_per_message
        self._panels: list[Panel] = []
        self._size = 0

    def add(self, item: Panels) -> Iterator[list[Panel]]:
        """The messages that are full with this panel or list of panels."""
        single = isinstance(item, Panel)
        for panel in [item] if isinstance(item, Panel) else item:
            size = panel.ByteSize() + PANEL_FRAME_BYTES
            if self._size + size > MESSAGE_LIMIT_BYTES:
                yield from self.rest()
            self._panels.append(panel)
            self._size += size
            if len(self._panels) == self._most:
                yield from self.rest()
        if not single:
            yield from self.rest()

    def rest(self) -> Iterator[list[Panel]]:
        """What is left, as one message; nothing when nothing is."""
        panels, self._panels, self._size = self._panels, [], 0
        if panels:
            yield panels


def report_of(panel: Panel, response: InterpretPanelResponse) -> Report:
    """The report on this panel. Raises ServiceDefect when there is none or it is another panel's."""
    if not response.HasField("report"):
        raise defect("the service answered without a report")
    _same_panel(panel, response.report.panel_id)
    return response.report


def bundle_answer(request: InterpretBundleRequest, response: InterpretBundleResponse) -> InterpretBundleResponse:
    """The answer to a Bundle. Raises ServiceDefect when it holds no report, or no Bundle where one is asked for."""
    if not response.HasField("report") or not (response.bundle or request.answer_type == BUNDLE_TYPE_NONE):
        raise defect("the service answered a Bundle without a report")
    return response


def batch_outcomes(panels: Sequence[Panel], response: BatchInterpretPanelsResponse) -> list[Outcome]:
    """One outcome for each panel, in the order sent. Raises ServiceDefect when they do not match the panels."""
    return _outcomes(panels, response.outcomes)


def message_outcomes(panels: Sequence[Panel], response: StreamInterpretPanelsResponse | None) -> list[Outcome]:
    """One outcome for each panel of a message of a stream; None is a stream that ended before the answer.

    Where the message as a whole was refused, that is the outcome of each of its panels.
    """
    if response is None:
        raise defect(f"the stream ended with {len(panels)} panels unanswered")
    if response.HasField("error"):
        return [PanelFailure(panel.id, error_of_item(response.error)) for panel in panels]
    return _outcomes(panels, response.outcomes)


def ended(response: object | None) -> None:
    """Nothing, for a stream that ended with its last answer. Raises ServiceDefect when it goes on."""
    if response is not None:
        raise defect("the service answered more messages than it was sent")


def _outcomes(panels: Sequence[Panel], outcomes: Sequence[PanelOutcome]) -> list[Outcome]:
    if len(panels) != len(outcomes):
        raise defect(f"the service answered {len(outcomes)} of {len(panels)} panels")
    return [_outcome(panel, outcome) for panel, outcome in zip(panels, outcomes, strict=True)]


def _outcome(panel: Panel, outcome: PanelOutcome) -> Outcome:
    _same_panel(panel, outcome.panel_id)
    if outcome.HasField("error"):
        return PanelFailure(panel.id, error_of_item(outcome.error))
    if not outcome.HasField("report"):
        raise defect("the service answered a panel with neither report nor error")
    _same_panel(panel, outcome.report.panel_id)
    return outcome.report


def _same_panel(panel: Panel, answered: str) -> None:
    # A report that reaches the wrong patient is the worst that can happen here, and the check costs nothing.
    if panel.id != answered:
        raise defect("the service answered for another panel than was asked: the ids differ")


def health_request() -> StringValue:
    """The question whether the service serves."""
    return StringValue(value=SERVICE)


def is_serving(response: Int32Value) -> bool:
    """The answer to it."""
    return response.value == HEALTH_SERVING
