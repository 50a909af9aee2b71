"""The engine without its compiled form, which is to give the same bytes: it walks the files as they are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from labgloss.engine.interpret import interpret
from labgloss.knowledge.release import Release
from labgloss.v1 import panel_pb2
from labgloss.wire.decode import decode_panel
from labgloss.wire.encode import encode_report
from labgloss.wire.written import ReportWriter


def walked(release: Release) -> Release:
    """The release without anything compiled."""
    views = {source: replace(view, compiled=False) for source, view in release.site.views.items()}
    return replace(release, compiled=False, site=replace(release.site, views=views))


def differing(release: Release, slow: Release, sent: Iterable[panel_pb2.Panel]) -> list[str]:
    """The panels whose report is not the same, byte for byte."""
    found = []
    writer = ReportWriter(release)
    for panel in sent:
        decoded = decode_panel(panel, "panel", release)
        fast = writer.written(interpret(release, decoded), panel)
        plain = encode_report(interpret(slow, decoded), panel, slow).SerializeToString(deterministic=True)
        if fast != plain:
            found.append(panel.id)
    return found
