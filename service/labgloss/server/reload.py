"""Another release in the place of the one in force: checked in a process of its own first, then loaded and swapped.

Of several workers none reads a file: their supervisor hands them what it loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from structlog.typing import FilteringBoundLogger

from labgloss.errors import Fault, KnowledgeError
from labgloss.frozen import dataclass
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.server.settings import Settings

# How often a check that runs is looked at.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Checking:
    """What a check found: what it speaks of, or every fault."""

    reference: ReleaseReference | None
    faults: tuple[Fault, ...] = ()


def found(reference: ReleaseReference | None, faults: Sequence[Fault] = ()) -> str:
    """What a check says on its standard output."""
    said = None if reference is None else asdict(reference)
    return json.dumps({"reference": said, "faults": [(fault.file, fault.key, fault.reason) for fault in faults]})


class Check:
    """A check in a process of its own: a proof computes for some 20 s, and no answer may wait for it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        self._said = b""

    def result(self) -> Checking | None:
        """What it found; None while it runs."""
        try:
            while more := os.read(self._output, 65_536):
                self._said += more
        except BlockingIOError:
            return None
        self._close()
        code = self._process.wait()
        try:
            said = json.loads(self._said)
            reference = ReleaseReference(**said["reference"]) if said["reference"] else None
            return Checking(reference, tuple(Fault(*fault) for fault in said["faults"]))
        except (ValueError, TypeError, KeyError):
            return Checking(None, (Fault("", "", f"the check ended with exit code {code} and found nothing"),))

    def abandon(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            end.close()


class Reload:
    """Reloads the release of the settings' files, when it is asked to: checked, loaded, then given to `swap`.

    On any fault the old one stays, and the log has an event "fault" for each.
    """

    def __init__(
        self, settings: Settings, in_force: ReleaseReference, log: FilteringBoundLogger, check: Sequence[str]
    ) -> None:
        self._settings = settings
        self._in_force = in_force
        self._log = log
        self._command = check
        self._check: Check | None = None
        self._again = False
        # Whether it was swapped, and is not yet held by all.
        self._swapped = False
        self._begun = 0.0

    @property
    def wait_seconds(self) -> float | None:
        """How long to wait before `look`; None while there is nothing to look at."""
        return LOOK_SECONDS if self._is_busy else None

    def ask(self, by: str) -> None:
        """Begins a check; after one that runs, which may have read the files before they were changed again."""
        if self._is_busy:
            self._again = True
            return
        self._log.info("reloading", signal=by)
        self._begun = time.monotonic()
        try:
            self._check = Check(self._command)
        except OSError as error:
            self._keep((Fault("", "", f"no process could be started to check it: {error.strerror}"),))

    def look(self, swap: Callable[[Release], None], held: Callable[[], bool] = lambda: True) -> None:
        """Goes on with what was asked: swaps where the check is done and found nothing wrong.

        Says so once `held`, whether all serve what was swapped; until then it begins nothing else. `swap` raises
        OSError where it cannot.
        """
        if self._check is not None and (checked := self._check.result()) is not None:
            self._check = None
            if checked.reference is None:
                self._keep(checked.faults)
            elif checked.reference == self._in_force:
                self._log.info("unchanged", **said_of(self._in_force))
            else:
                self._load(checked.reference, swap)
        if self._swapped and held():
            self._swapped = False
            seconds = round(time.monotonic() - self._begun, 3)
            self._log.info("reloaded", seconds=seconds, **said_of(self._in_force))
        if self._again and not self._is_busy:
            self._again = False
            self.ask("SIGHUP")

    @property
    def _is_busy(self) -> bool:
        return self._check is not None or self._swapped

    def _load(self, checked: ReleaseReference, swap: Callable[[Release], None]) -> None:
        """Swaps what the files hold, when it is exactly what was checked."""
        try:
            release = load(self._settings.knowledge, self._settings.overlay)
        except KnowledgeError as error:
            self._keep(error.faults)
            return
        if release.reference != checked:
            self._keep((Fault("", "", "the files changed after they were checked; reload again"),))
            return
        try:
            swap(release)
        except OSError as error:
            self._keep((Fault("", "", f"it could not be handed to the workers: {error.strerror}"),))
            return
        self._in_force, self._swapped = checked, True

    def abandon(self) -> None:
        """Ends a check that runs."""
        if self._check is not None:
            self._check.abandon()
            self._check = None

    def _keep(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self._log.error("fault", file=fault.file, key=fault.key, reason=fault.reason)
        self._log.error("kept", **said_of(self._in_force))


def said_of(reference: ReleaseReference) -> dict[str, str]:
    """What the log says of a release."""
    overlay = {"overlay": reference.overlay, "overlay_digest": reference.overlay_digest} if reference.overlay else {}
    return {"release": reference.version, "digest": reference.digest, **overlay}
