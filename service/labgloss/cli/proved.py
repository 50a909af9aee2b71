"""What was proved of a release, kept in a file beside it, so that a start need not prove it again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from labgloss.errors import KnowledgeError
from labgloss.knowledge.release import Release, ReleaseReference


@dataclass(frozen=True, slots=True)
class Proved:
    """A verdict without faults: of which release, overlay and engine, and what was enumerated."""

    release: str
    digest: str
    engine: str
    overlay: str
    overlay_digest: str
    enumerated: str


def proved(reference: ReleaseReference, enumerated: str) -> Proved:
    """What a verdict without faults says of a release."""
    return Proved(
        reference.version, reference.digest, reference.engine, reference.overlay, reference.overlay_digest, enumerated
    )


def place(folder: Path, overlay: Path | None) -> Path:
    """Where a verdict is kept: in the folder of the release, or beside the overlay."""
    return folder / "verdict.json" if overlay is None else overlay.with_name(f"{overlay.name}.verdict.json")


def keep(where: Path, verdict: Proved) -> bool:
    """Whether the verdict could be written."""
    try:
        where.write_text(json.dumps(asdict(verdict), indent=2) + "\n", encoding="utf-8")
    except OSError:
        return False
    return True


def is_proved(where: Path, reference: ReleaseReference) -> bool:
    """Whether the verdict that is kept there speaks of exactly this release, overlay and engine."""
    try:
        kept = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    stated = (reference.digest, reference.overlay_digest, reference.engine)
    return isinstance(kept, dict) and stated == tuple(kept.get(name) for name in ("digest", "overlay_digest", "engine"))


def prove_and_keep(where: Path, release: Release) -> None:
    """Proves a release, which takes some 20 s, and keeps the verdict. Raises KnowledgeError with every fault."""
    # Only here: what need not prove is spared the solver.
    from labgloss.proofs.lint import prove

    verdict = prove(release)
    if verdict.faults:
        raise KnowledgeError(verdict.faults)
    keep(where, proved(release.reference, verdict.enumerated))
