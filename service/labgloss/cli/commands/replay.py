"""`labgloss replay`: whether a recorded request still gives the recorded report, on the recorded release."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from google.protobuf.message import DecodeError

from labgloss.cli.console import write
from labgloss.cli.recorded import contents
from labgloss.engine.interpret import interpret
from labgloss.errors import SettingsError
from labgloss.evidence.chain import DECISION, FILE, START, Record, read
from labgloss.evidence.records import content_of
from labgloss.evidence.site_key import SiteKey, read_key
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.panels.reader import read_panels
from labgloss.server.handlers import InterpretationHandlers
from labgloss.server.settings import Settings
from labgloss.v1.interpretation_pb2 import BatchInterpretPanelsRequest
from labgloss.v1.panel_pb2 import Panel

# The service that answered may have been set to take more than it does by default.
_MOST_BYTES = 67_108_864
_SPELLED = (".toml", ".json")
_NO_KEY = "was kept without a key: it has no digests to compare with"


class _Outcome(IntEnum):
    """What became of a replay, as exit code."""

    PROVED = 0
    DIFFERS = 1
    NOT_REPLAYED = 2


def run(arguments: Namespace) -> int:
    """Prints what came of each record. Raises SettingsError, PanelFileError or KnowledgeError for what it is given."""
    key = read_key(Path(arguments.key), "--key")
    records = [record for content in contents(arguments.records).values() for record in _records(content)]
    asked = [(key.digest(content_of(panel)), panel) for panel in _panels(Path(arguments.request))]
    panels = dict(asked)
    overlay = Path(arguments.overlay) if arguments.overlay else None
    release = load(Path(arguments.knowledge) if arguments.knowledge else DATA, overlay)
    keys = {record.chain: record.fields.get("key") for record in records if record.kind in (START, FILE)}
    wanted = _wanted(records, arguments.id, panels)
    found = [(record.id, _replayed(record, keys.get(record.chain), key, panels, release)) for record in wanted]
    if arguments.id is None:
        recorded = {record.fields.get("request") for record in wanted}
        missing = [number for number, (digest, _) in enumerate(asked, 1) if digest not in recorded]
        found += _missing(arguments.request, missing, keys, key)
    if not found:
        found = [(arguments.request, (_Outcome.DIFFERS, _none_found(arguments.id)))]
    for what, (_, said) in found:
        write(f"{what}: {said}\n")
    return max(outcome for _, (outcome, _) in found)


def _missing(
    request: str, numbers: Iterable[int], keys: Mapping[str, object], key: SiteKey
) -> list[tuple[str, tuple[_Outcome, str]]]:
    """What is said of the panels that no record is of, and of the chains that may have one under another key."""
    said = [
        (request, (_Outcome.DIFFERS, f"panel {number}: no record is of it, under this key, {key.fingerprint}"))
        for number in numbers
    ]
    others = {chain: other for chain, other in keys.items() if other != key.fingerprint} if said else {}
    return said + [
        (f"chain {chain}", (_Outcome.NOT_REPLAYED, _NO_KEY if other is None else _other_key(other)))
        for chain, other in others.items()
    ]


def _other_key(fingerprint: object) -> str:
    return f"was kept under another key, of fingerprint {fingerprint}"


def _records(content: bytes) -> Iterable[Record]:
    return (record for line in content.split(b"\n") if (record := read(line)) is not None)


def _panels(path: Path) -> list[Panel]:
    """The panels of a panel file, or of the bytes of a request: alone, in a batch, or in a message of a stream."""
    if path.suffix in _SPELLED:
        return [case.panel for case in read_panels([path])]
    try:
        # The three requests hold their panels in the same field.
        request = BatchInterpretPanelsRequest.FromString(path.read_bytes())
    except OSError as error:
        raise SettingsError((f"{path}: cannot be read: {error.strerror}",)) from None
    except DecodeError:
        mend = "give the bytes of the request as they were sent, or a panel file (.toml, .json)"
        raise SettingsError((f"{path}: is not a request; {mend}",)) from None
    # As the service reads it.
    request.DiscardUnknownFields()
    return list(request.panels)


def _wanted(records: Iterable[Record], ident: str | None, panels: Mapping[str, Panel]) -> list[Record]:
    decisions = (record for record in records if record.kind == DECISION)
    if ident is not None:
        return [record for record in decisions if record.id == ident][:1]
    return [record for record in decisions if record.fields.get("request") in panels]


def _none_found(ident: str | None) -> str:
    if ident is not None:
        return f"no record that is as it was written has the id {ident}; labgloss audit verify names what is not"
    return "it holds no panel"


def _replayed(
    record: Record, fingerprint: object, key: SiteKey, panels: Mapping[str, Panel], release: Release
) -> tuple[_Outcome, str]:
    said = record.fields
    if said.get("status") != "OK":
        return _Outcome.NOT_REPLAYED, f"was refused ({said.get('reason')}): there is no report to compare with"
    if "request" not in said or "report" not in said:
        return _Outcome.NOT_REPLAYED, "was kept without a key: it has no digests to compare with"
    if fingerprint is not None and fingerprint != key.fingerprint:
        return _Outcome.NOT_REPLAYED, _other_key(fingerprint)
    needed, loaded = _knowledge(said), _knowledge_of(release.reference)
    if needed != loaded:
        return _Outcome.NOT_REPLAYED, f"needs {_named(needed)}; loaded is {_named(loaded)}"
    panel = panels.get(str(said["request"]))
    if panel is None:
        return _Outcome.DIFFERS, "the request is another one"
    report = _report_of(panel, release)
    if report is None or key.digest(report) != said["report"]:
        return _Outcome.DIFFERS, f"the request is the recorded one, the report is not the same, on {_named(loaded)}"
    return _Outcome.PROVED, f"the request is the recorded one and gives the recorded report, on {_named(loaded)}"


def _report_of(panel: Panel, release: Release) -> bytes | None:
    """The bytes of the report that a service with this release gives; None when it gives none."""
    settings = Settings(unary_bytes=_MOST_BYTES, batch_bytes=_MOST_BYTES, core_bytes=_MOST_BYTES)
    handlers = InterpretationHandlers(release, interpret, settings, _raised)
    body = BatchInterpretPanelsRequest(panels=[panel]).SerializeToString()
    (decision,) = handlers.batch(body, lambda: None).decisions
    return decision.report


def _raised(error: BaseException) -> NoReturn:
    raise error


def _knowledge(said: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(said.get(name, "")) for name in ("release", "digest", "engine", "overlay", "overlay_digest"))


def _knowledge_of(reference: ReleaseReference) -> tuple[str, ...]:
    return reference.version, reference.digest, reference.engine, reference.overlay, reference.overlay_digest


def _named(knowledge: tuple[str, ...]) -> str:
    version, digest, engine, overlay, overlay_digest = knowledge
    laid = f" under overlay {overlay}, digest {overlay_digest}" if overlay_digest else " without overlay"
    return f"release {version}, digest {digest}, engine {engine},{laid}"
