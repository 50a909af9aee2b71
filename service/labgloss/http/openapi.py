"""The OpenAPI 3.1 document: made of the descriptors of messages and of the tables that the endpoints are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from labgloss.http.cards import OVERRIDE_SYSTEM, OVERRIDES, SUMMARY_CHARACTERS
from labgloss.http.exchange import JSON
from labgloss.http.hook_call import REPORT_EXTENSION
from labgloss.http.hooks import DISCOVERY, HOOKS, Hook
from labgloss.http.problems import KINDS, MEDIA_TYPE
from labgloss.v1 import error_reason_pb2
from labgloss.v1.interpretation_pb2 import InterpretPanelRequest, InterpretPanelResponse

PATH = "/openapi.json"
ABOUT = "/about"

# What any endpoint with a body may answer instead, and what those that ask the gRPC service may.
_BODY = ("MALFORMED_MESSAGE", "MESSAGE_TOO_LARGE", "NOT_ACCEPTABLE", "UNSUPPORTED_MEDIA_TYPE", "REQUEST_TIMEOUT")
_ASKING = ("INTERNAL", "NOT_LET_IN", "OVERLOADED", "DEADLINE_EXCEEDED")
_CALLERS = ("UNAUTHENTICATED", "PERMISSION_DENIED")

Schema = Mapping[str, object]


def document(version: str) -> bytes:
    """The document, of this version of the software."""
    messages = [InterpretPanelRequest.DESCRIPTOR, InterpretPanelResponse.DESCRIPTOR]
    schemas = {**_schemas(messages), "Problem": _problem(), **_of_hooks()}
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "labgloss",
            "version": version,
            "summary": "Explains a laboratory panel: magnesium, calcium, 25-OH vitamin D and potassium, with symptoms.",
            "description": (
                "It supports a clinician's decision; it never diagnoses, orders or doses. Every field is commented in "
                "the schema labgloss.v1, of which these are the JSON forms (ProtoJSON). Names are answered as in that "
                "schema; camel case is taken too. Numbers of a laboratory are texts, because their digits matter."
            ),
        },
        "paths": dict(_paths()),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "certificate": {"type": "mutualTLS"},
            },
        },
        # Any of them, or none, as the site's access file says.
        "security": [{}, {"token": []}, {"certificate": []}],
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


# ------------------------------------------------------------------------------------------------ messages


def _schemas(messages: Sequence[Descriptor]) -> dict[str, Schema]:
    """The schemas of messages and of all that they hold, by name."""
    found: dict[str, Schema] = {}
    waiting = list(messages)
    while waiting:
        message = waiting.pop()
        if message.name in found:
            continue
        found[message.name] = _message(message)
        for field in message.fields:
            if field.message_type is not None:
                waiting.append(field.message_type)
            elif field.enum_type is not None:
                found[field.enum_type.name] = _enumeration(field.enum_type)
    return found


def _message(message: Descriptor) -> Schema:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {field.name: _field(field) for field in message.fields},
        "additionalProperties": False,
    }
    choices = [[field.name for field in oneof.fields] for oneof in message.oneofs if len(oneof.fields) > 1]
    if choices:
        pairs = [(one, other) for names in choices for one in names for other in names if one < other]
        schema["description"] = f"At most one of {'; at most one of '.join(', '.join(names) for names in choices)}."
        schema["not"] = {"anyOf": [{"required": list(pair)} for pair in pairs]}
    return schema


def _field(field: FieldDescriptor) -> Schema:
    if field.message_type is not None:
        kind: Schema = _ref(field.message_type.name)
    elif field.enum_type is not None:
        kind = _ref(field.enum_type.name)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        kind = {"type": "boolean"}
    elif field.type == FieldDescriptor.TYPE_STRING:
        kind = {"type": "string"}
    else:
        kind = {"type": "integer", "format": "int32"}
    return {"type": "array", "items": kind} if field.is_repeated else kind


def _enumeration(enumeration: EnumDescriptor) -> Schema:
    return {"type": "string", "enum": [value.name for value in enumeration.values]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# ------------------------------------------------------------------------------------------------ problems


def _problem() -> Schema:
    reasons = error_reason_pb2.ViolationReason.DESCRIPTOR.values[1:]
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "description": "Problem details (RFC 9457). No value of a panel stands in one.",
        "required": ["type", "title", "status", "detail", "instance", "reason"],
        "properties": {
            "type": {"type": "string", "format": "uri", "enum": [f"urn:labgloss:problem:{each}" for each in KINDS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong, what is allowed, how to mend it."},
            "instance": {"type": "string", "format": "uri", "description": "The request id, as urn:uuid:."},
            "reason": {"type": "string", "enum": list(KINDS)},
            "violations": {
                "type": "array",
                "description": "Every bad field, up to 200.",
                "items": {
                    "type": "object",
                    "required": ["field", "reason", "description"],
                    "properties": {
                        "field": {"type": "string"},
                        "reason": {
                            "type": "string",
                            "enum": [each.name.removeprefix("VIOLATION_REASON_") for each in reasons],
                        },
                        "description": {"type": "string"},
                    },
                    "additionalProperties": False,
                },
            },
            "violations_total": {"type": "integer"},
            "cause": {"type": "string", "description": "Why a caller is not let in; error_reason.proto lists them."},
            "error_id": {"type": "string", "description": "By which the log names a defect."},
            "bytes": {"type": "string"},
            "limit_bytes": {"type": "string"},
            "loaded_version": {"type": "string"},
            "loaded_digest": {"type": "string"},
            "missing": {**texts, "description": "Keys of the prefetch that are needed."},
        },
        "additionalProperties": False,
    }


def _problems(*reasons: str) -> Iterator[tuple[str, Schema]]:
    """The answers of these reasons, by their status."""
    by_status: dict[int, list[str]] = {}
    for reason in reasons:
        by_status.setdefault(KINDS[reason].status, []).append(reason)
    for status, named in sorted(by_status.items()):
        answer: dict[str, object] = {
            "description": " ".join(f"{reason}: {KINDS[reason].title}" for reason in named),
            "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
        }
        if status in (503, 504):
            answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
        yield str(status), answer


# ------------------------------------------------------------------------------------------------ paths


def _paths() -> Iterator[tuple[str, object]]:
    grpc_reasons = [
        value.name.removeprefix("ERROR_REASON_") for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values[1:]
    ]
    of_a_panel = [each for each in grpc_reasons if each not in ("RULE_NOT_FOUND", "TOO_MANY_STREAMS")]
    yield (
        "/v1/panels:interpret",
        {
            "post": {
                "operationId": "InterpretPanel",
                "summary": "Interprets one panel.",
                "requestBody": _body(_ref("InterpretPanelRequest")),
                "responses": {
                    "200": _json("The report.", _ref("InterpretPanelResponse")),
                    **dict(_problems(*of_a_panel, *_BODY[2:], "SERVICE_UNAVAILABLE", "NOT_LET_IN")),
                },
            }
        },
    )
    yield (
        DISCOVERY,
        {
            "get": {
                "operationId": "CdsDiscovery",
                "summary": "Lists the services of CDS Hooks 2.0.",
                "security": [{}],
                "responses": {
                    "200": _json("The services.", _ref("CdsServices")),
                    **dict(_problems("NOT_ACCEPTABLE", *_ASKING, "SERVICE_UNAVAILABLE")),
                },
            }
        },
    )
    for hook in HOOKS:
        yield hook.path, {"post": _calling(hook)}
        yield f"{hook.path}/feedback", {"post": _feedback(hook)}
    for path, summary in (
        ("/health/live", "Whether the process answers."),
        ("/health/ready", "Whether to send requests."),
    ):
        health = {"200": _json("It does.", _ref("Health"))}
        if path.endswith("ready"):
            health["503"] = _json(
                "It does not: it stops, or the service that interprets does not serve.", _ref("Health")
            )
        yield (
            path,
            {
                "get": {
                    "operationId": path[1:].replace("/", "-"),
                    "summary": summary,
                    "security": [{}],
                    "responses": health,
                }
            },
        )
    for path, media_type, summary in (
        (PATH, JSON, "This document."),
        (ABOUT, "text/html", "What it is, for a reader of a card."),
    ):
        content = {"200": {"description": summary, "content": {media_type: {}}}}
        reasons = () if path == PATH else (*_ASKING, "SERVICE_UNAVAILABLE")
        responses = {**content, **dict(_problems(*reasons))}
        yield (
            path,
            {
                "get": {
                    "operationId": path[1:].partition(".")[0],
                    "summary": summary,
                    "security": [{}],
                    "responses": responses,
                }
            },
        )


def _calling(hook: Hook) -> Schema:
    reasons = (
        *_BODY,
        *_CALLERS,
        *_ASKING,
        "INVALID_FIELDS",
        "PREFETCH_MISSING",
        "SERVICE_UNAVAILABLE",
        "RECORD_NOT_WRITTEN",
    )
    return {
        "operationId": hook.id,
        "summary": f"Called at the hook {hook.name}.",
        "description": hook.description,
        "requestBody": _body(_ref("HookCall")),
        "responses": {
            "200": _json("The cards; none says nothing of the patient.", _ref("Cards")),
            **dict(_problems(*reasons)),
        },
    }


def _feedback(hook: Hook) -> Schema:
    return {
        "operationId": f"{hook.id}-feedback",
        "summary": "Takes what became of cards.",
        "requestBody": _body(_ref("Feedback")),
        "responses": {
            "200": _json("Taken.", {"type": "object", "maxProperties": 0}),
            **dict(_problems(*_BODY, *_CALLERS, "INVALID_FIELDS", "INTERNAL", "OVERLOADED")),
        },
    }


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _json(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}


# ------------------------------------------------------------------------------------------------ hooks


def _of_hooks() -> dict[str, Schema]:
    text, uuid, resource = {"type": "string"}, {"type": "string", "format": "uuid"}, {"type": "object"}
    coding = _closed({"system": text, "code": text, "display": text}, "system", "code", "display")
    action = _closed(
        {"type": {"const": "create"}, "description": text, "resource": resource}, "type", "description", "resource"
    )
    suggestion = _closed(
        {"label": text, "uuid": uuid, "actions": {"type": "array", "items": action, "minItems": 1}},
        "label",
        "uuid",
        "actions",
    )
    reason = {**coding, "description": f"{OVERRIDE_SYSTEM}: {', '.join(OVERRIDES)}"}
    card = _closed(
        {
            "uuid": uuid,
            "summary": {"type": "string", "minLength": 1, "maxLength": SUMMARY_CHARACTERS},
            "indicator": {"enum": ["info", "warning", "critical"]},
            "detail": {"type": "string", "description": "GitHub-flavoured Markdown."},
            "source": _closed({"label": text, "url": {"type": "string", "format": "uri"}}, "label"),
            "suggestions": {"type": "array", "items": suggestion, "minItems": 1},
            "selectionBehavior": {"const": "any"},
            "overrideReasons": {"type": "array", "items": reason},
        },
        "uuid",
        "summary",
        "indicator",
        "detail",
        "source",
        "overrideReasons",
    )
    service = dict.fromkeys(("hook", "id", "title", "description", "usageRequirements"), text)
    return {
        "Health": _closed({"status": {"enum": ["live", "ready", "not ready", "stopping"]}}, "status"),
        "CdsServices": _closed(
            {
                "services": {
                    "type": "array",
                    "items": _closed(
                        {**service, "prefetch": {"type": "object", "additionalProperties": text}}, *service, "prefetch"
                    ),
                }
            },
            "services",
        ),
        "HookCall": {
            "type": "object",
            "description": "A call of a hook (CDS Hooks 2.0); fhirServer and fhirAuthorization are not read.",
            "required": ["hook", "hookInstance", "context", "prefetch"],
            "properties": {
                "hook": {"enum": [hook.name for hook in HOOKS]},
                "hookInstance": text,
                "context": {"type": "object", "required": ["patientId"], "properties": {"patientId": text}},
                "prefetch": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
                "extension": {
                    "type": "object",
                    "properties": {REPORT_EXTENSION: {"type": "boolean", "description": "Asks for the whole report."}},
                },
            },
        },
        "Cards": _closed(
            {
                "cards": {"type": "array", "items": card},
                "extension": {"type": "object", "properties": {REPORT_EXTENSION: _ref("Report")}},
            },
            "cards",
        ),
        "Feedback": {
            "type": "object",
            "required": ["feedback"],
            "properties": {
                "feedback": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {
                        "type": "object",
                        "required": ["card", "outcome", "outcomeTimestamp"],
                        "properties": {
                            "card": uuid,
                            "outcome": {"enum": ["accepted", "overridden"]},
                            "outcomeTimestamp": text,
                            "acceptedSuggestions": {
                                "type": "array",
                                "items": {"type": "object", "required": ["id"], "properties": {"id": uuid}},
                            },
                            "overrideReason": {"type": "object"},
                        },
                    },
                }
            },
        },
    }


def _closed(properties: Mapping[str, object], *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
