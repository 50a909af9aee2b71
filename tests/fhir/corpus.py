"""Every sample panel as a Bundle, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labgloss.errors import InternalError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.panels.reader import PanelCase, read_panels
from labgloss.server.releases import Releases, Serving
from labgloss.server.settings import Settings
from labgloss.v1.fhir_pb2 import (
    BUNDLE_TYPE_COLLECTION,
    BUNDLE_TYPE_TRANSACTION,
    InterpretBundleRequest,
    InterpretBundleResponse,
)
from tests.fhir.writer import bundle_of

PANELS = Path(__file__).parents[1] / "panels"
RECORDED = "2026-06-01T12:00:00Z"


@dataclass(frozen=True)
class Answered:
    case: PanelCase
    request: InterpretBundleRequest
    response: InterpretBundleResponse


def _raise(error: BaseException) -> InternalError:
    raise error


@lru_cache(maxsize=1)
def shipped() -> Release:
    return load()


def serving(release: Release | None = None) -> Serving:
    return Releases(release or shipped(), Settings(), _raise).current


def request_of(case: PanelCase, transaction: bool = False) -> InterpretBundleRequest:
    panel = case.panel
    request = InterpretBundleRequest(
        bundle=bundle_of(panel),
        source=panel.source,
        as_of=panel.as_of,
        panel_id=panel.id,
        recorded=RECORDED,
        answer_type=BUNDLE_TYPE_TRANSACTION if transaction else BUNDLE_TYPE_COLLECTION,
    )
    if panel.HasField("options"):
        request.options.CopyFrom(panel.options)
    return request


def ask(request: InterpretBundleRequest, serve: Serving | None = None) -> InterpretBundleResponse:
    answer = (serve or serving()).bundles.interpret_bundle(request.SerializeToString(), lambda: None)
    return InterpretBundleResponse.FromString(answer.body)


def answered() -> list[Answered]:
    serve, found = serving(), []
    for place, case in enumerate(read_panels([PANELS])):
        request = request_of(case, transaction=place % 3 == 0)
        found.append(Answered(case, request, ask(request, serve)))
    return found
