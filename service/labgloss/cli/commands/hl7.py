"""`labgloss hl7`: the reports on the messages of a file, or on those that come over MLLP."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from labgloss.cli.connection import asking, connected
from labgloss.cli.console import complain, output_style, write, write_bytes
from labgloss.cli.outcomes import batch_response, interpreted
from labgloss.errors import SettingsError
from labgloss.hl7 import acknowledgement
from labgloss.hl7.acknowledgement import Stamp
from labgloss.hl7.answer import Answered
from labgloss.hl7.characters import encoding_named
from labgloss.hl7.exchange import Exchange, opened_all
from labgloss.hl7.faults import MessageError
from labgloss.hl7.message import messages_of
from labgloss.hl7.sites import zone_named
from labgloss.panels.layout import Page
from labgloss.panels.text import report_text
from labgloss.readers import readers_of
from labgloss.settings import read_form
from labgloss_client import Outcome, PanelFailure


def run(arguments: Namespace) -> int:
    """The exit code of the action."""
    return serve(arguments) if arguments.action == "serve" else interpret(arguments)


def serve(arguments: Namespace) -> int:
    """Serves until it is told to stop. Raises SettingsError before anything listens."""
    from labgloss.mllp.serve import serve as serve_mllp
    from labgloss.mllp.settings import MllpSettings

    flags = {name: getattr(arguments, name, None) for name in readers_of(MllpSettings)}
    settings = read_form(MllpSettings, os.environ, flags)
    return serve_mllp(settings, asking(settings))


def interpret(arguments: Namespace) -> int:
    """Prints the reports on the messages of a file; 1 when a message is not taken, or a patient has no report.

    Raises SettingsError when the file cannot be read, or a flag is wrong.
    """
    content = _content(arguments.file)
    character_set, zone = _character_set(arguments.character_set), zone_named("--time-zone", arguments.time_zone)
    exchanges = opened_all(content, character_set, zone)
    opened = [exchange for exchange in exchanges if isinstance(exchange, Exchange)]
    with connected(arguments) as client:
        panels = [patient.panel for exchange in opened for patient in exchange.patients]
        outcomes = interpreted(client, panels)
    if arguments.format == "json":
        write(MessageToJson(batch_response(outcomes), preserving_proto_field_name=True, ensure_ascii=False) + "\n")
        for patient in (patient for exchange in opened for patient in exchange.patients):
            for note in patient.notes:
                complain(f"{patient.panel.id}: {note}")
    elif arguments.format == "hl7":
        write_bytes(b"".join(_answers(messages_of(content), exchanges, outcomes)))
    else:
        _print_texts(opened, outcomes)
    faults = [error for error in exchanges if isinstance(error, MessageError)]
    for error in faults:
        complain(f"a message is not taken:\n{error}")
    failures = [outcome for outcome in outcomes if isinstance(outcome, PanelFailure)]
    for failure in failures:
        complain(f'panel "{failure.panel_id}" has no report: {failure.error}')
    return 1 if faults or failures else 0


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingsError((f"{file}: cannot be read: {error.strerror}",)) from error


def _character_set(named: str | None) -> str:
    if named and encoding_named(named) is None:
        raise SettingsError((f"--character-set: {named} is not read here; name one as MSH-18 does, such as 8859/1",))
    return named or ""


def _print_texts(exchanges: Sequence[Exchange], outcomes: Sequence[Outcome]) -> None:
    style = output_style()
    remaining = iter(outcomes)
    for exchange in exchanges:
        for patient in exchange.patients:
            outcome = next(remaining)
            if not isinstance(outcome, PanelFailure):
                write(report_text(outcome, style=style))
            if patient.notes:
                page = Page(style)
                page.heading("NOT READ AS USUAL")
                for note in patient.notes:
                    page.text(str(note), indent=2)
                write(str(page))
            write("\n")


def _answers(
    contents: Sequence[bytes], exchanges: Sequence[Exchange | MessageError], outcomes: Sequence[Outcome]
) -> Iterator[bytes]:
    """The answer to each message, as it would go over the wire."""
    remaining = iter(outcomes)
    now = datetime.now(UTC)
    for number, (content, exchange) in enumerate(zip(contents, exchanges, strict=True), 1):
        stamp = Stamp(f"{now:%Y%m%d%H%M%S}+0000", f"LG{now:%Y%m%d%H%M%S}{number:04d}"[:20])
        if isinstance(exchange, MessageError):
            yield acknowledgement.refuse(content, stamp, exchange).content
            continue
        reports = []
        for patient in exchange.patients:
            outcome = next(remaining)
            if isinstance(outcome, PanelFailure):
                reports.append(Answered(patient, None, tuple(str(outcome.error).splitlines())))
            else:
                reports.append(Answered(patient, outcome))
        yield exchange.answer(reports, stamp, acknowledging=False)
