"""`POST /v1/panels:interpret`: one panel as JSON, its report as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from labgloss.errors import Violation
from labgloss.http.canonical import json_of, message_of
from labgloss.http.exchange import JSON, Endpoint, Exchange, computed, read_body
from labgloss.http.gate import Gate, known
from labgloss.http.problems import fields_are_wrong, problem_of_call
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest, InterpretPanelResponse
from labgloss_client import AsyncClient, LabglossError

PATH = "/v1/panels:interpret"
METHOD = "InterpretPanel"


def interpreting(client: AsyncClient, gate: Gate, limit: int) -> Endpoint:
    """What answers a panel of at most so many bytes."""

    async def answer(request: Request, exchange: Exchange) -> Response:
        exchange.caller = gate.admit(METHOD, request)
        body = await read_body(request, exchange, limit)
        asked = await computed(len(body), lambda: message_of(InterpretPanelRequest, body))
        if not asked.HasField("panel"):
            raise fields_are_wrong((Violation("panel", "REQUIRED", "the panel to interpret is needed"),))
        try:
            report = await client.interpret(asked.panel, on_behalf_of=known(exchange.caller))
        except LabglossError as error:
            raise problem_of_call(error) from None
        response = InterpretPanelResponse(report=report)
        return Response(await computed(response.ByteSize(), lambda: json_of(response)), media_type=JSON)

    return answer
