"""What systems send in the place of a panel file: a FHIR Bundle as NAME.json, an HL7 v2 message as NAME.hl7.

What is expected of the report stands beside it, in NAME.expect.toml.
"""

from __future__ import annotations

import tomllib
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from labgloss.hl7.exchange import opened_all
from labgloss.hl7.faults import MessageError
from labgloss.hl7.reading import PatientRead
from labgloss.hl7.sites import zone_of
from labgloss.panels import schema
from labgloss.panels.errors import PanelFault
from labgloss.panels.faults import faults_of
from labgloss.panels.message import options_message
from labgloss.v1.fhir_pb2 import InterpretBundleRequest
from labgloss.v1.panel_pb2 import Panel

EXPECTATIONS = ".expect.toml"
HL7 = ".hl7"
# What may stand beside expectations.
_SENT = (".json", HL7)


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


def panel_of_message(
    content: bytes, file: Path, form: schema.ExpectationFile, faults: list[PanelFault]
) -> tuple[Panel, tuple[str, ...]] | None:
    """The panel of the one patient of a message, or of the one whom the form names, and what was not read of it.

    None with a fault.
    """
    found: list[PatientRead] = []
    for exchange in opened_all(content, form.character_set, zone_of(form.time_zone)):
        if isinstance(exchange, MessageError):
            faults.extend(
                PanelFault(str(file), "", "", f"is no message that is taken: {fault}") for fault in exchange.faults
            )
            return None
        found += exchange.patients
    if form.subject is not None:
        found = [patient for patient in found if patient.identity and patient.identity.code(3) == form.subject]
    if len(found) != 1:
        problem = "holds no result" if not found else f"holds {len(found)} patients with results"
        mend = f"; subject in {beside(file).name} names one by PID-3" if found or form.subject is not None else ""
        faults.append(PanelFault(str(file), "", "", f"{problem}{mend}"))
        return None
    panel = Panel()
    panel.CopyFrom(found[0].panel)
    panel.id = file.name.removesuffix(file.suffix)
    panel.source = form.source or panel.source
    panel.as_of = form.as_of or panel.as_of
    if form.options is not None:
        panel.options.MergeFrom(options_message(form.options))
    return panel, tuple(map(str, found[0].notes))
