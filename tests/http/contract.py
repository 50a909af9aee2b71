"""Whether an answer is one that the OpenAPI document foretells: asked of every answer that a test here gets."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from labgloss.http.openapi import document


@cache
def published() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document("0"))
    return found


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong of a value by a schema of the document."""
    whole = {**schema, "components": published()["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in checker.iter_errors(value)]


def check(response: httpx.Response) -> None:
    """Nothing, where the answer is foretold."""
    request = response.request
    if request.method == "OPTIONS":
        return
    operation = published()["paths"].get(request.url.path, {}).get(request.method.lower())
    content_type = response.headers["content-type"].partition(";")[0]
    if operation is None:
        assert response.status_code in (404, 405), (request.url.path, response.status_code)
        schema: dict[str, Any] = {"$ref": "#/components/schemas/Problem"}
    else:
        assert str(response.status_code) in operation["responses"], (request.url.path, response.status_code)
        foretold = operation["responses"][str(response.status_code)]
        assert content_type in foretold["content"], (request.url.path, content_type)
        assert ("headers" not in foretold) or "retry-after" in response.headers, request.url.path
        schema = foretold["content"][content_type].get("schema", {})
    if content_type.endswith("json"):
        assert faults(schema, response.json()) == []
