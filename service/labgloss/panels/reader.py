"""Panel files, read: TOML for what people write, JSON for what programs write; and Bundles and messages of systems."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from labgloss.files import is_listed
from labgloss.panels import schema
from labgloss.panels.errors import PanelFault, PanelFileError
from labgloss.panels.faults import faults_of
from labgloss.panels.message import panel_message
from labgloss.panels.messages import (
    EXPECTATIONS,
    HL7,
    Messages,
    bundle_request,
    expectations_of,
    is_bundle,
    panel_of_message,
    without_a_message,
)
from labgloss.v1.fhir_pb2 import InterpretBundleRequest
from labgloss.v1.panel_pb2 import Panel

Spelling = Literal["toml", "json"]

_SPELLINGS: dict[str, Spelling] = {".toml": "toml", ".json": "json"}
# A whole number of more digits is kept as it was written: as an int it would say nothing more.
_WHOLE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class PanelCase:
    """One panel of a file: the message to send, and what is expected of its report."""

    id: str
    file: str
    panel: Panel
    expect: schema.Expect
    title: str
    why: str
    # In the place of the panel, which is empty then: a Bundle as a system sends it.
    bundle: InterpretBundleRequest | None = None
    # What of a message was not read, each with its place.
    unread: tuple[str, ...] = ()

    @property
    def request(self) -> Panel | InterpretBundleRequest:
        """What is sent."""
        return self.panel if self.bundle is None else self.bundle


def read_panels(
    paths: Iterable[Path], spelling: Spelling | None = None, messages: Messages = Messages.REFUSED
) -> list[PanelCase]:
    """The panels of the files and, recursively, of the folders, in order of path and file.

    `spelling`, where given, is that of every file, whatever its name. `messages`: whether a file may be a Bundle or a
    message.

    Raises: PanelFileError with every fault of every file.
    """
    cases: list[PanelCase] = []
    faults: list[PanelFault] = []
    for path in paths:
        for file in _files(path, spelling, messages, faults):
            _collect(cases, faults, file, spelling, messages)
    if faults:
        raise PanelFileError(tuple(faults))
    return cases


def read_content(
    content: bytes, spelling: Spelling, file: str, messages: Messages = Messages.REFUSED
) -> list[PanelCase]:
    """The panels of what a file holds, or the Bundle that it is; `file` is the name that its faults carry.

    Raises: PanelFileError with every fault.
    """
    faults: list[PanelFault] = []
    cases = _cases(content, spelling, Path(file), messages, faults)
    if faults:
        raise PanelFileError(tuple(faults))
    return cases


def _files(path: Path, spelling: Spelling | None, messages: Messages, faults: list[PanelFault]) -> list[Path]:
    read = _SPELLINGS if messages is Messages.REFUSED else (*_SPELLINGS, HL7)
    try:
        listed = is_listed(path)
        found = sorted(file for file in path.rglob("*") if file.suffix in read and file.is_file()) if listed else []
    except OSError as error:
        faults.append(PanelFault(str(path), "", "", f"cannot be read: {error.strerror}"))
        return []
    if listed:
        files = [file for file in found if not file.name.endswith(EXPECTATIONS)]
        expectations = [file for file in found if file.name.endswith(EXPECTATIONS)]
        faults.extend(fault for file in expectations if (fault := without_a_message(file)) is not None)
        if not files:
            faults.append(PanelFault(str(path), "", "", "the folder holds no panel file; *.toml and *.json are read"))
        return files
    if spelling is None and path.suffix not in (*_SPELLINGS, HL7):
        faults.append(PanelFault(str(path), "", "", "a panel file is named *.toml or *.json"))
        return []
    return [path]


def _collect(
    cases: list[PanelCase], faults: list[PanelFault], file: Path, spelling: Spelling | None, messages: Messages
) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        faults.append(PanelFault(str(file), "", "", f"cannot be read: {error.strerror}"))
        return
    if spelling is None and file.suffix == HL7:
        cases.extend(_message(content, file, messages, faults))
    else:
        cases.extend(_cases(content, spelling or _SPELLINGS[file.suffix], file, messages, faults))


def _cases(
    written: bytes, spelling: Spelling, path: Path, messages: Messages, faults: list[PanelFault]
) -> list[PanelCase]:
    file = str(path)
    try:
        # A byte order mark is what some editors write; it is no part of the text.
        text = written.decode("utf-8-sig")
        content = _parse_toml(text) if spelling == "toml" else _parse_json(text)
    except UnicodeDecodeError as error:
        faults.append(PanelFault(file, "", "", f"is not UTF-8 at byte {error.start}; save it as UTF-8"))
        return []
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, ValueError) else "is nested too deeply"
        faults.append(PanelFault(file, "", "", f"is not {spelling.upper()}: {problem}"))
        return []
    if is_bundle(content):
        return _bundle(written, path, messages, faults)
    if not isinstance(content, dict):
        faults.append(PanelFault(file, "", "", 'is not a panel file; {"panel": [...]} is needed'))
        return []
    faults.extend(_repeated_ids(file, content))
    try:
        form = schema.PanelFile.model_validate(content)
    except ValidationError as error:
        faults.extend(faults_of(file, content, error))
        return []
    return [
        PanelCase(panel.id, file, panel_message(panel), panel.expect, panel.title, panel.why) for panel in form.panel
    ]


def _bundle(written: bytes, path: Path, messages: Messages, faults: list[PanelFault]) -> list[PanelCase]:
    if messages is Messages.REFUSED:
        faults.append(PanelFault(str(path), "", "", "is a FHIR Bundle, which only interpret and check take"))
        return []
    form = expectations_of(path, messages, faults)
    if form is None:
        return []
    name = path.name.removesuffix(path.suffix)
    request = bundle_request(written, name, form)
    return [PanelCase(name, str(path), Panel(id=name), form.expect, form.title, form.why, request)]


def _message(content: bytes, path: Path, messages: Messages, faults: list[PanelFault]) -> list[PanelCase]:
    if messages is Messages.REFUSED:
        faults.append(PanelFault(str(path), "", "", "is an HL7 v2 message, which only interpret and check take"))
        return []
    form = expectations_of(path, messages, faults)
    read = None if form is None else panel_of_message(content, path, form, faults)
    if form is None or read is None:
        return []
    panel, notes = read
    return [PanelCase(panel.id, str(path), panel, form.expect, form.title, form.why, unread=notes)]


def _repeated_ids(file: str, content: dict[str, Any]) -> list[PanelFault]:
    panels = content.get("panel")
    ids = [panel.get("id") for panel in panels if isinstance(panel, dict)] if isinstance(panels, list) else []
    names = [name for name in ids if isinstance(name, str)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [PanelFault(file, f'"{name}"', "id", "stands twice; an id is unique in its file") for name in repeated]


def _parse_toml(text: str) -> Any:
    return tomllib.loads(text, parse_float=lambda written: schema.WrittenNumber(written.replace("_", "")))


def _parse_json(text: str) -> Any:
    return json.loads(
        text,
        parse_float=schema.WrittenNumber,
        parse_int=_whole,
        parse_constant=_no_constant,
        object_pairs_hook=_object,
    )


def _whole(written: str) -> int | schema.WrittenNumber:
    return int(written) if len(written) <= _WHOLE_DIGITS else schema.WrittenNumber(written)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON; write it as text, in quotes")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"a key stands twice in one object: {', '.join(repeated)}")
    return content
