"""The answers of one process, as digests: started by a test under a hash seed, so that it imports only what answers.

Arguments: a file with a batch of panels, and the places of those to answer; then, or not, an overlay and the places of
those to answer with it. Prints one line a panel, in the order of the places: the SHA-256 of the unary answer's bytes.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from labgloss.engine.interpret import interpret
from labgloss.errors import InternalError
from labgloss.knowledge.loader import load
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import Release
from labgloss.server.handlers import InterpretationHandlers
from labgloss.server.settings import Settings
from labgloss.v1.interpretation_pb2 import BatchInterpretPanelsRequest, InterpretPanelRequest
from labgloss.v1.panel_pb2 import Panel


def answers(release: Release, panels: Iterable[Panel]) -> Iterator[bytes]:
    """The bytes of the unary answer to each panel, without a server."""
    handlers = InterpretationHandlers(release, interpret, Settings(), _raise)
    for panel in panels:
        yield handlers.interpret_panel(InterpretPanelRequest(panel=panel).SerializeToString()).body


def _raise(error: BaseException) -> InternalError:
    raise error


def main(file: str, places: str, overlay: str = "", laid_over: str = "") -> None:
    # It lives for a second, and collecting garbage is a tenth of it.
    gc.disable()
    panels = BatchInterpretPanelsRequest.FromString(Path(file).read_bytes()).panels
    release = load()
    _print(release, panels, places)
    if overlay:
        _print(lay_over(release, Path(overlay)), panels, laid_over)


def _print(release: Release, panels: Sequence[Panel], places: str) -> None:
    for body in answers(release, [panels[int(place)] for place in places.split(",")]):
        print(sha256(body).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
