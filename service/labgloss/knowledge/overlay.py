"""A site's overlay laid over a release: read, formed, checked, merged to a release of its own. Every fault is named."""

from __future__ import annotations

import hashlib
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

from labgloss.errors import Fault, KnowledgeError
from labgloss.files import content_of
from labgloss.knowledge import overlay_checks, overlay_schema, site_checks
from labgloss.knowledge.overlay_merge import merged
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import field_names, key_of
from labgloss.knowledge.validation import FormError, formed

_EXAMPLE = 'signed = { name = "Dr A. Example, clinical lead", date = 2026-01-15 }'


def lay_over(release: Release, path: Path) -> Release:
    """The release with a site's overlay laid over it, checked as the release was; the release itself stays as it is.

    Raises KnowledgeError with every fault: file, key, reason, and a patient who meets it where there is one.
    """
    content = _content(path)
    file = _formed(path, content)
    entry_faults = overlay_checks.of_entries(release, file)
    sound = overlay_checks.without(file, {key for key, _, _ in entry_faults})
    made = merged(release, sound, hashlib.sha256(content).hexdigest())
    found = [*entry_faults, *site_checks.problems(release, made, file)]
    if found:
        raise KnowledgeError(tuple(dict.fromkeys(Fault(str(path), *problem) for problem in found)))
    return made


# ---------------------------------------------------------------------------------------------- reading


def _content(path: Path) -> bytes:
    try:
        return content_of(path)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); give the path of an overlay file, or no overlay at all"
        raise KnowledgeError((Fault(str(path), "", reason),)) from error


def _formed(path: Path, content: bytes) -> overlay_schema.OverlayFile:
    try:
        table = tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError((Fault(str(path), "", f"is not TOML: {error}"),)) from error
    try:
        return formed(overlay_schema.OverlayFile, table)
    except FormError as error:
        faults = (Fault(str(path), _path(problem["loc"]), _reason(problem)) for problem in error.problems)
        raise KnowledgeError(tuple(dict.fromkeys(faults))) from error


def _path(location: tuple[int | str, ...]) -> str:
    """Where something stands: interval[0].limits.mmol/L."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _reason(problem: Any) -> str:
    location = problem["loc"]
    match problem["type"]:
        case "unexpected_keyword_argument":
            return f"is not known here; allowed: {', '.join(_allowed(location[:-1]))}"
        case "missing" if location[-1] == "signed":
            return f"is missing; every entry says who signed it, and when: {_EXAMPLE}"
        case "missing":
            return "is missing; the entry needs it"
        case "string_pattern_mismatch":
            return f"{problem['msg']}; write it without blanks at its ends, and on one line"
        case _:
            return str(problem["msg"])


def _allowed(location: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand at a place."""
    form: Any = overlay_schema.OverlayFile
    for part in location:
        if isinstance(part, str):
            annotation = get_type_hints(form).get(part, form)
            # An array of tables is a tuple of one form.
            form = getattr(annotation, "__args__", (annotation,))[0]
    return [key_of(name) for name in field_names(form)]
