"""The release in force: one immutable thing with the handlers made of it, taken once by what answers, swapped whole."""

from __future__ import annotations

from labgloss.engine.interpret import interpret
from labgloss.engine.kept import forget
from labgloss.frozen import dataclass
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.server.bundles import BundleHandlers
from labgloss.server.handlers import Interpret, InterpretationHandlers, KnowledgeHandlers, OnDefect
from labgloss.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Serving:
    """A release, and what answers from it and from nothing else."""

    release: Release
    interpretation: InterpretationHandlers
    knowledge: KnowledgeHandlers
    bundles: BundleHandlers

    @property
    def reference(self) -> ReleaseReference:
        """What answers from it name."""
        return self.release.reference


class Releases:
    """The release in force, for all calls.

    A unary call and a batch take `current` once; a stream takes it once for each of its messages, so that a limit that
    was corrected counts from the next message of a backfill that runs for hours. So no answer mixes two releases, and
    each report names its own.
    """

    def __init__(
        self, first: Release, settings: Settings, on_defect: OnDefect, interpret: Interpret = interpret
    ) -> None:
        self._settings = settings
        self._on_defect = on_defect
        self._interpret = interpret
        self._current = self._serving(first)

    @property
    def current(self) -> Serving:
        """The release in force now."""
        return self._current

    def swap(self, release: Release) -> None:
        """Puts another release in force; what took the former one answers from it to the end."""
        self._current = self._serving(release)
        forget()

    def _serving(self, release: Release) -> Serving:
        interpretation = InterpretationHandlers(release, self._interpret, self._settings, self._on_defect)
        knowledge = KnowledgeHandlers(release, self._settings)
        return Serving(release, interpretation, knowledge, BundleHandlers(release, interpretation, self._settings))
