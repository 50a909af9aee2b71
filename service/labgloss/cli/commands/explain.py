"""`labgloss explain`: why a report says what it says of a panel, and the smallest change that would flip it."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from difflib import get_close_matches
from pathlib import Path

from labgloss.cli.console import complain, output_style, write
from labgloss.cli.explanation import explained_content, explained_text
from labgloss.errors import CallError, SettingsError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.panels.reader import PanelCase, read_content, read_panels
from labgloss.proofs.counterfactual import Search
from labgloss.proofs.explanation import UnknownIdError, explain, targets_of
from labgloss.wire.decode import decode_panel


def run(arguments: Namespace) -> int:
    """Prints the explanation; 1 when an id is not known or the panel is not accepted.

    Raises: PanelFileError when the file cannot be read; SettingsError when it is not said which panel is meant;
        KnowledgeError when the knowledge or the overlay is faulty.
    """
    case = _case(arguments)
    release = load(overlay=Path(arguments.overlay) if arguments.overlay else None)
    try:
        panel = decode_panel(case.panel, "panel", release)
        explained = explain(Search.of(release, panel), arguments.ids)
    except CallError as error:
        lines = [f"{bad.field}: {bad.description} ({bad.reason})" for bad in error.violations]
        complain("\n  ".join([f'panel "{case.id}" is not accepted: {error.message}', *lines]))
        return 1
    except UnknownIdError as error:
        complain(_unknown(error.ident, release))
        return 1
    if arguments.format == "json":
        content = explained_content(explained, release)
        write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    else:
        write(explained_text(explained, release, case.title, output_style()))
    return 0


def _case(arguments: Namespace) -> PanelCase:
    """The panel that is meant: the one with the id, or the only one."""
    if arguments.file == "-":
        cases = read_content(sys.stdin.buffer.read(), arguments.input_format or "toml", "standard input")
    else:
        cases = read_panels([Path(arguments.file)], arguments.input_format)
    ids = [case.id for case in cases]
    if arguments.panel is None:
        if len(cases) == 1:
            return cases[0]
        raise SettingsError((f"--panel: {_where(arguments)} holds {len(cases)} panels; name one: {_some(ids)}",))
    for case in cases:
        if case.id == arguments.panel:
            return case
    near = get_close_matches(arguments.panel, ids)
    allowed = f"near it: {', '.join(near)}" if near else f"it holds: {_some(ids)}"
    raise SettingsError((f"--panel: {_where(arguments)} holds no panel {arguments.panel}; {allowed}",))


def _where(arguments: Namespace) -> str:
    return "standard input" if arguments.file == "-" else str(arguments.file)


_SHOWN = 10


def _some(ids: list[str]) -> str:
    more = f", and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more


def _unknown(ident: str, release: Release) -> str:
    near = get_close_matches(ident.upper(), targets_of(release))
    mend = f"near it: {', '.join(near)}" if near else "labgloss knowledge show ID shows what a release holds"
    return f"no finding, pattern, red flag or recommendation has the id {ident}; {mend}"
