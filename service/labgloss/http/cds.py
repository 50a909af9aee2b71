"""The endpoints of CDS Hooks 2.0."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict
from starlette.requests import Request
from starlette.responses import Response
from structlog.typing import FilteringBoundLogger

from labgloss.http.cards import cards_of, unread_card
from labgloss.http.exchange import Endpoint, Exchange, computed, json_response, read_body, takes_json
from labgloss.http.feedback import FEEDBACK_BYTES, read_feedback
from labgloss.http.gate import Gate, known
from labgloss.http.hook_call import REPORT_EXTENSION, HookCall, read_call
from labgloss.http.hooks import Hook, discovery
from labgloss.http.problems import Problem, problem_of_call
from labgloss.v1.fhir_pb2 import BUNDLE_TYPE_NONE, InterpretBundleRequest, InterpretBundleResponse
from labgloss_client import AsyncClient, InvalidRequest, LabglossError

# What the access file calls the right to call a hook and to tell what became of its cards.
METHOD = "InterpretBundle"


def discovering(client: AsyncClient, most: int) -> Endpoint:
    """What lists the services, to everybody: it says nothing of anybody. `most` results are asked for."""

    async def answer(request: Request, _: Exchange) -> Response:
        if not takes_json(request):
            raise Problem("NOT_ACCEPTABLE", "Answers are application/json; leave Accept out, or let it hold that.")
        try:
            return json_response(discovery([analyte async for analyte in client.analytes()], most))
        except LabglossError as error:
            raise problem_of_call(error) from None

    return answer


def calling(hook: Hook, client: AsyncClient, gate: Gate, limit: int, source_url: str, timeout_s: float) -> Endpoint:
    """What answers a call of a hook of at most so many bytes, within so many seconds."""

    async def answer(request: Request, exchange: Exchange) -> Response:
        exchange.caller = gate.admit_ehr(METHOD, request)
        body = await read_body(request, exchange, limit)
        call = await computed(len(body), lambda: read_call(hook, body))
        if not call.bundle:
            exchange.said["cards"] = 0
            return json_response({"cards": []})
        try:
            answered = await client.interpret_bundle(
                _asked(call), timeout_s=timeout_s, on_behalf_of=known(exchange.caller)
            )
        except LabglossError as error:
            # What an EHR searched for and sent as it should is no fault of its call, whatever is in it.
            if (unread := _unread(error)) is None:
                raise problem_of_call(error) from None
            exchange.said["cards"] = min(len(unread), 1)
            return json_response({"cards": [unread_card(hook, call, unread, source_url)] if unread else []})
        size = answered.report.ByteSize()
        cards = await computed(size, lambda: cards_of(hook, call, answered, source_url))
        exchange.said["cards"] = len(cards)
        return json_response({"cards": cards, **await computed(size, lambda: _extension(call, answered))})

    return answer


def taking_feedback(hook: Hook, gate: Gate, log: FilteringBoundLogger) -> Endpoint:
    """What takes what became of cards."""

    async def answer(request: Request, exchange: Exchange) -> Response:
        exchange.caller = gate.admit_ehr(METHOD, request)
        for item in read_feedback(await read_body(request, exchange, FEEDBACK_BYTES)):
            log.info("feedback", method=hook.id, request_id=exchange.request_id, caller=exchange.caller, **item)
        return json_response({})

    return answer


def _asked(call: HookCall) -> InterpretBundleRequest:
    asked = InterpretBundleRequest(
        bundle=call.bundle, subject=f"Patient/{call.patient_id}", answer_type=BUNDLE_TYPE_NONE
    )
    if not call.wants_report:
        # Half of a report, and of no use to a card.
        asked.options.trace = False
    return asked


def _unread(error: LabglossError) -> list[str] | None:
    """Where nothing of a Bundle could be interpreted: why each thing that could not be read was not."""
    if not isinstance(error, InvalidRequest) or not error.violations:
        return None
    first, *others = error.violations
    return [each.description for each in others] if (first.field, first.reason) == ("bundle", "REQUIRED") else None


def _extension(call: HookCall, answered: InterpretBundleResponse) -> dict[str, object]:
    if not call.wants_report:
        return {}
    report = MessageToDict(answered.report, preserving_proto_field_name=True)
    return {"extension": {REPORT_EXTENSION: report}}
