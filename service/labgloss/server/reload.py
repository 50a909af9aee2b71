"""Another release in the place of the one in force: checked in a process of its own first, then loaded and swapped."""

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
        self._begun = 0.0

    @property
    def wait_seconds(self) -> float | None:
        """How long to wait before `look`; None while there is nothing to look at."""
        return None if self._check is None else LOOK_SECONDS

    def ask(self, by: str) -> None:
        """Begins a check; after one that runs, which may have read the files before they were changed again."""
        if self._check is not None:
            self._again = True
            return
        self._log.info("reloading", signal=by)
        self._begun = time.monotonic()
        try:
            self._check = Check(self._command)
        except OSError as error:
            self._keep((Fault("", "", f"no process could be started to check it: {error.strerror}"),))

    def look(self, swap: Callable[[Release], None]) -> None:
        """Goes on with what was asked, and swaps where the check is done and found nothing wrong."""
        if self._check is None or (checked := self._check.result()) is None:
            return
        self._check = None
        if checked.reference is None:
            self._keep(checked.faults)
        elif checked.reference == self._in_force:
            self._log.info("unchanged", **said_of(self._in_force))
        else:
            self.load(checked.reference, swap, self._begun)
        if self._again:
            self._again = False
            self.ask("SIGHUP")

    def load(self, checked: ReleaseReference, swap: Callable[[Release], None], begun: float) -> bool:
        """Whether it was loaded and swapped, which it is when it is exactly what was checked."""
        try:
            release = load(self._settings.knowledge, self._settings.overlay)
        except KnowledgeError as error:
            return self._keep(error.faults)
        if release.reference != checked:
            return self._keep((Fault("", "", "the files changed after they were checked; reload again"),))
        swap(release)
        self._in_force = checked
        self._log.info("reloaded", seconds=round(time.monotonic() - begun, 3), **said_of(checked))
        return True

    def abandon(self) -> None:
        """Ends a check that runs."""
        if self._check is not None:
            self._check.abandon()
            self._check = None

    def _keep(self, faults: Sequence[Fault]) -> bool:
        for fault in faults:
            self._log.error("fault", file=fault.file, key=fault.key, reason=fault.reason)
        self._log.error("kept", **said_of(self._in_force))
        return False


def said_of(reference: ReleaseReference) -> dict[str, str]:
    """What the log says of a release."""
    overlay = {"overlay": reference.overlay, "overlay_digest": reference.overlay_digest} if reference.overlay else {}
    return {"release": reference.version, "digest": reference.digest, **overlay}
