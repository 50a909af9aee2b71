"""What systems send in the place of a panel file: a FHIR Bundle as NAME.json, with NAME.expect.toml beside it."""

from __future__ import annotations

import tomllib
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labgloss.panels import schema
from labgloss.panels.errors import PanelFault
from labgloss.panels.faults import faults_of
from labgloss.panels.message import options_message
from labgloss.v1.fhir_pb2 import InterpretBundleRequest

EXPECTATIONS = ".expect.toml"
# What may stand beside expectations.
_SENT = (".json", ".hl7")


class Messages(Enum):
    """Whether a file may hold what a system sends, and whether expectations must stand beside it."""

    REFUSED = "refused"
    TAKEN = "taken"
    EXPECTED = "expected"


def is_bundle(content: Any) -> bool:
    """Whether the content of a JSON file is a FHIR Bundle."""
    return isinstance(content, dict) and content.get("resourceType") == "Bundle"


def beside(file: Path) -> Path:
    """Where the expectations of a file stand."""
    return file.with_name(file.stem + EXPECTATIONS)


def expectations_of(file: Path, messages: Messages, faults: list[PanelFault]) -> schema.ExpectationFile | None:
    """What stands beside a file; nothing expected where nothing has to. None with a fault."""
    path = beside(file)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=schema.WrittenNumber)
        return schema.ExpectationFile.model_validate(content)
    except FileNotFoundError:
        if messages is not Messages.EXPECTED:
            return schema.ExpectationFile()
        problem = f"{path.name} is needed beside it: what is expected of the report"
        faults.append(PanelFault(str(file), "", "", problem))
    except ValidationError as error:
        faults.extend(faults_of(str(path), content, error))
    except (OSError, ValueError) as error:
        problem = (
            f"is not TOML in UTF-8: {error}" if isinstance(error, ValueError) else f"cannot be read: {error.strerror}"
        )
        faults.append(PanelFault(str(path), "", "", problem))
    return None


def bundle_request(bundle: bytes, name: str, form: schema.ExpectationFile) -> InterpretBundleRequest:
    """The request for a Bundle, under the name of its file."""
    request = InterpretBundleRequest(
        bundle=bundle, panel_id=name, subject=form.subject or "", source=form.source or "", as_of=form.as_of or ""
    )
    if form.options is not None:
        request.options.CopyFrom(options_message(form.options))
    return request


def without_a_message(path: Path) -> PanelFault | None:
    """The fault of expectations that stand beside nothing; None where there is what they are of."""
    name = path.name.removesuffix(EXPECTATIONS)
    if any(path.with_name(name + suffix).exists() for suffix in _SENT):
        return None
    return PanelFault(str(path), "", "", f"stands beside no {name}.json or {name}.hl7")
