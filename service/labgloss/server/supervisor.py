"""Several workers on one port: forked before any object of gRPC exists, restarted when they die, drained together.

gRPC and fork do not go together (grpc/grpc#13873, #15334): this process imports gRPC, so that a worker need not, and
makes nothing of it. It has one thread. A worker that is forked from it has the release in memory, shared until written.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from structlog.typing import FilteringBoundLogger

from labgloss.errors import SettingsError
from labgloss.knowledge.release import Release, ReleaseReference
from labgloss.log import make_log, quieten_libraries, write_gathered
from labgloss.parsed import written
from labgloss.server.app import GRACE_SECONDS, serve_until_told
from labgloss.server.evidence import check_pages
from labgloss.server.identity import Watching
from labgloss.server.orders import Do, Line, Order, Signals
from labgloss.server.port import hold_port
from labgloss.server.reload import Reload, said_of
from labgloss.server.settings import Settings

# A worker that served for less did not really start; its next start waits, each time twice as long.
_LIVED_SECONDS = 1.0
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
# So many in a row of each, and whoever started the service decides what is next.
_MOST_SHORT_LIVES = 6
# How often it is looked at whether workers say something, and at certificates and callers, as often as workers do.
_LOOK_SECONDS = 1.0
# A worker that said nothing for so long serves nobody: it hangs, or was stopped. Long, for a machine that is slow.
_SILENT_SECONDS = 30.0
# Beyond its drain and grace: then a worker is killed.
_OVERDUE_SECONDS = 5.0

_STOPPED, _FAILED, _FAULT = 0, 1, 2


@dataclass(slots=True)
class _Worker:
    """A process that serves, or is to be started; `served_at` is None until it serves; `holds`: what, or soon."""

    number: int
    holds: ReleaseReference | None = None
    pid: int = 0
    line: Line | None = None
    served_at: float | None = None
    heard_at: float = 0.0
    start_at: float = 0.0
    short_lives: int = 0

    @property
    def has_lasted(self) -> bool:
        """Whether it serves, and has for so long that it really started."""
        return self.served_at is not None and time.monotonic() - self.served_at >= _LIVED_SECONDS


def supervise(settings: Settings, release: Release, check: Sequence[str] = ()) -> int:
    """Serves with several workers until SIGTERM or SIGINT, then drains them; the exit code.

    0 as asked; 1 when each worker ended at once, again and again; 2 when the first could not start as the settings say.
    Raises SettingsError when a port is taken, or files of certificates or callers are faulty.
    """
    log = make_log(sys.stdout.buffer, settings.log_level, shared=True, gathers=True)
    quieten_libraries(log)
    with ExitStack() as held, Signals() as signals:
        ports: dict[str, Any] = {}
        for name in ("port", "health_port"):
            if (port := getattr(settings, name)) is not None:
                ports[name] = held.enter_context(hold_port(settings, port)).port
        check_pages(settings)
        settings = replace(settings, **ports)
        log.info(
            "supervising", port=settings.port, pid=os.getpid(), workers=settings.workers, **said_of(release.reference)
        )
        return _Supervisor(settings, release, log, signals, check, Watching(settings, log)).run()


@dataclass(slots=True)
class _Supervisor:
    settings: Settings
    release: Release
    log: FilteringBoundLogger
    signals: Signals
    check: Sequence[str]
    # What a worker is started with: files that became faulty since keep none from starting.
    identity: Watching
    workers: list[_Worker] = field(default_factory=list)
    # The order to stop, once there was one.
    ending: Order | None = None
    kill_at: float | None = None
    code: int = _STOPPED
    looked_at: float = field(default_factory=time.monotonic)

    def run(self) -> int:
        """The exit code, once every worker has ended."""
        reload = Reload(self.settings, self.release.reference, self.log, self.check)
        # The others start when the first serves: what keeps it from serving is said once.
        self.workers = [_Worker(0)]
        gc.collect()
        gc.freeze()
        while self.ending is None or any(worker.pid for worker in self.workers):
            self._start_due()
            for worker in self._wait(reload.wait_seconds):
                while self._hear(worker):
                    pass
            while (order := self.signals.wait(0)) is not None:
                self._obey(order, reload)
            self._reap()
            self._kill_silent()
            reload.look(self._swap, self._is_held)
            self.identity.current()
            self._kill_overdue()
        reload.abandon()
        self.log.info("stopped")
        return self.code

    def _wait(self, look_seconds: float | None) -> list[_Worker]:
        """Waits for a signal, a word of a worker, or the next thing that is due; the workers that said something."""
        now = time.monotonic()
        due = [
            now + _LOOK_SECONDS,
            *(worker.start_at for worker in self.workers if not worker.pid and self.ending is None),
        ]
        due += [] if self.kill_at is None else [self.kill_at]
        due += [] if look_seconds is None else [now + look_seconds]
        with selectors.DefaultSelector() as selector:
            selector.register(self.signals, selectors.EVENT_READ)
            for worker in self.workers:
                if worker.line is not None:
                    selector.register(worker.line, selectors.EVENT_READ, worker)
            ready = selector.select(max(0.0, min(due) - now))
            return [key.data for key, _ in ready if key.data is not None]

    def _hear(self, worker: _Worker) -> bool:
        """Takes what a worker said next; whether it said more, which is here already."""
        line = worker.line
        assert line is not None
        worker.heard_at = time.monotonic()
        said = line.hear()
        if said is None:
            # It ends, or has ended; its signal follows.
            line.close()
            worker.line = None
            return False
        if isinstance(serving := said.get("serving"), dict):
            worker.served_at = worker.served_at or time.monotonic()
            worker.holds = ReleaseReference(**serving)
            missing = range(len(self.workers), self.settings.workers)
            self.workers += [_Worker(number) for number in missing]
        return line.has_more

    def _obey(self, order: Order, reload: Reload) -> None:
        if order.do is Do.RELOAD:
            reload.ask(order.signal)
        elif order.do in (Do.DRAIN, Do.STOP):
            self._end(order)

    def _end(self, order: Order) -> None:
        """Tells every worker to stop; a second time, to stop at once."""
        again = self.ending is not None
        self.ending = order
        drain = self.settings.drain if order.do is Do.DRAIN and not again else 0.0
        grace = 0.0 if again else GRACE_SECONDS
        self.kill_at = time.monotonic() + drain + grace + _OVERDUE_SECONDS
        self.log.info("draining", signal=order.signal, seconds=drain)
        for worker in self.workers:
            if worker.line is not None:
                worker.line.order(order)

    def _swap(self, release: Release) -> None:
        """Takes another release for workers to come, and hands it to those that there are; each says that it has it.

        Raises OSError when it cannot.
        """
        content = written(release)
        # The order is small, and no worker that is slow to read keeps the supervisor waiting.
        with os.fdopen(os.memfd_create("labgloss-release"), "wb") as file:
            file.write(content)
            file.flush()
            self.release = release
            for worker in self.workers:
                if worker.line is not None and not worker.line.order(Order(Do.RELOAD), file.fileno()):
                    # One that comes in its place has it.
                    os.kill(worker.pid, signal.SIGKILL)
        # The former one was frozen, for the workers to share its memory: let go of it.
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _is_held(self) -> bool:
        """Whether every worker serves the release that is in force."""
        return all(not worker.pid or worker.holds == self.release.reference for worker in self.workers)

    def _reap(self) -> None:
        for worker in self.workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._buried(worker, os.waitstatus_to_exitcode(status))

    def _buried(self, worker: _Worker, code: int) -> None:
        """Decides when a worker that has ended is started again, if it is."""
        now = time.monotonic()
        lived = 0.0 if worker.served_at is None else now - worker.served_at
        never = worker.served_at is None
        said: dict[str, object] = {"worker": worker.number, "pid": worker.pid, "seconds": round(lived, 3)}
        said |= {"signal": signal.Signals(-code).name} if code < 0 else {"exit_code": code}
        if worker.line is not None:
            worker.line.close()
        worker.pid, worker.line, worker.served_at = 0, None, None
        if self.ending is not None:
            if code != 0:
                self.log.error("worker_ended", **said)
            return
        worker.short_lives = worker.short_lives + 1 if lived < _LIVED_SECONDS else 0
        if never and code == _FAULT and len(self.workers) == 1:
            self.log.error("worker_ended", **said)
            self._give_up(_FAULT)
        elif all(other.short_lives >= _MOST_SHORT_LIVES and not other.has_lasted for other in self.workers):
            self.log.error("worker_ended", **said)
            how = f"by {said['signal']}" if code < 0 else f"with exit code {code}"
            print(
                f"labgloss: worker {worker.number} ended {worker.short_lives} times in a row within "
                f"{_LIVED_SECONDS:g} s of its start, the last time {how}; the log says more. The service stops.",
                file=sys.stderr,
            )
            self._give_up(_FAILED)
        else:
            wait = _wait_before(worker.short_lives)
            worker.start_at = now + wait
            self.log.error("worker_ended", wait_seconds=wait, **said)

    def _give_up(self, code: int) -> None:
        self.code = code
        self._end(Order(Do.DRAIN))

    def _kill_overdue(self) -> None:
        if self.kill_at is not None and time.monotonic() >= self.kill_at:
            self.kill_at = None
            for worker in self.workers:
                if worker.pid:
                    os.kill(worker.pid, signal.SIGKILL)

    def _kill_silent(self) -> None:
        """Kills a worker that has said nothing for long, so that another comes in its place."""
        now = time.monotonic()
        # Who was kept from looking for long, as by a machine that stood still, cannot say that others are silent.
        was_away, self.looked_at = now - self.looked_at > _SILENT_SECONDS / 2, now
        for worker in self.workers:
            if was_away:
                worker.heard_at = now
            silent = now - worker.heard_at
            if worker.pid and self.ending is None and silent >= _SILENT_SECONDS:
                self.log.error("worker_silent", worker=worker.number, pid=worker.pid, seconds=round(silent, 3))
                os.kill(worker.pid, signal.SIGKILL)
                worker.heard_at = now

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in self.workers:
            if self.ending is None and not worker.pid and worker.start_at <= now:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        try:
            ours, its = socket.socketpair()
        except OSError:
            self._buried(worker, _FAILED)
            return
        try:
            pid = os.fork()
        except OSError:
            # As where the machine has no room for a process now.
            ours.close()
            its.close()
            self._buried(worker, _FAILED)
            return
        if pid:
            its.close()
            worker.pid, worker.line, worker.holds = pid, Line(ours), self.release.reference
            worker.heard_at = time.monotonic()
            return
        code = _FAILED
        try:
            ours.close()
            code = self._work(worker, Line(its))
        finally:
            # Not by sys.exit: this is a copy of the supervisor's stack, and its contexts are the supervisor's. So
            # nothing may be raised here, and Python writes nothing at the end.
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            write_gathered(self.log)
            os._exit(code)

    def _work(self, worker: _Worker, line: Line) -> int:
        """What a worker does; its exit code."""
        # It is told by its supervisor alone: a signal for all processes of a group or container would come twice.
        self.signals.leave(signal.SIG_IGN)
        for other in self.workers:
            # Whoever holds a copy of another's line keeps that one from noticing that the supervisor is gone.
            if other.line is not None:
                other.line.close()
        log = self.log.bind(worker=worker.number)
        try:
            serve_until_told(
                self.settings,
                self.release,
                log,
                line.wait,
                None,
                lambda held: line.say(serving=asdict(held)),
                worker.number,
                self.identity.current(),
            )
        except SettingsError as error:
            print("\n".join(["labgloss: cannot start so:", *(f"  {fault}" for fault in error.faults)]), file=sys.stderr)
            return _FAULT
        except Exception as error:  # noqa: BLE001 - its text may hold anything; its type may be said
            log.error("defect", error_type=type(error).__name__)
            return _FAILED
        return _STOPPED


def _wait_before(short_lives: int) -> float:
    """Seconds before a worker is started again."""
    return min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** (short_lives - 1)) if short_lives else 0.0
