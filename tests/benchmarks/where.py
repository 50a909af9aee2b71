"""Where the time of one call of InterpretPanel goes: by room, step by step, and by function.

One thread of this process does what a thread of the server does with a call, from the guard to the bytes, records and
metrics on. A timer that runs with the CPU looks now and then where it is: nothing is patched, so that steps that are
written anew are found by the module that they stand in. What gRPC itself costs is measured beside it, as P1 measures.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any
from unittest import mock

import grpc

import labgloss
from labgloss.knowledge.loader import load
from labgloss.log import make_log
from labgloss.server.app import start
from labgloss.server.settings import Settings
from tests.benchmarks import transport
from tests.benchmarks.sent import Panels
from tests.benchmarks.server_process import METHOD
from tests.benchmarks.size import Size
from tests.benchmarks.table import machine_now, markdown
from tests.benchmarks.turns import evidence_flags

_PACKAGE = Path(labgloss.__file__).parent
_LOOK_SECONDS = 0.001
# Calls between two looks at the clock.
_CALLS = 50

# The step that a stack is in: the first of its frames, from the outermost on, that is of one of these modules (or of
# this function of it). Of the engine the module below the pipeline names the step.
_PIPELINE = "engine/interpret"
_STEPS = (
    ("server/handlers", "parsed", "parse"),
    ("wire/decode", "", "decode"),
    ("wire/written", "", "write"),
    ("evidence/", "", "record and metrics"),
    ("log", "", "log line"),
)
GUARD, AROUND = "guard, turns, handlers", "around the calls"
FIRST = ("parse", "decode")
LAST = ("write", GUARD, "record and metrics", "log line", AROUND)


@dataclass
class Samples:
    """How often each step and each function was met."""

    steps: Counter[str] = field(default_factory=Counter)
    # Of a function itself, and of it with all that it calls.
    own: Counter[str] = field(default_factory=Counter)
    with_callees: Counter[str] = field(default_factory=Counter)

    def take(self, _: int, frame: FrameType | None) -> None:
        """Counts a stack; a handler of signals."""
        stack: list[tuple[str, str]] = []
        while frame is not None:
            stack.append((_module(frame.f_code.co_filename), frame.f_code.co_qualname))
            frame = frame.f_back
        stack.reverse()
        self.steps[step_of(stack)] += 1
        ours = [f"{module}: {function}" for module, function in stack if module]
        if ours:
            self.own[ours[-1]] += 1
            self.with_callees.update(set(ours))


def step_of(stack: Sequence[tuple[str, str]]) -> str:
    """The step that a stack of (module of the package, function), from the outermost on, is in."""
    inside = in_pipeline = False
    for module, function in stack:
        if not module:
            continue
        inside = True
        for begin, name, step in _STEPS:
            if module.startswith(begin) and name in ("", function):
                return step
        if module == _PIPELINE:
            in_pipeline = True
        elif module.startswith("engine/"):
            return module.replace("/", ": ")
    return "engine: interpret" if in_pipeline else GUARD if inside else AROUND


def _module(file: str) -> str:
    """The module below the package, as a path without suffix; empty for any other code."""
    path = Path(file)
    return path.relative_to(_PACKAGE).with_suffix("").as_posix() if path.is_relative_to(_PACKAGE) else ""


class _Context:
    """What gRPC tells a handler of a call that is under way, and takes from it; nobody watches it (overdue.py)."""

    _state = None

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return ()

    def set_trailing_metadata(self, _: object) -> None:
        pass

    def time_remaining(self) -> float:
        return math.inf

    def is_active(self) -> bool:
        return True

    def code(self) -> None:
        return None


@contextmanager
def _handler(folder: Path) -> Iterator[Callable[[bytes, Any], bytes]]:
    """What answers InterpretPanel in a server that was started here, and that nobody calls over the network."""
    made: list[grpc.GenericRpcHandler] = []
    grpc_server = grpc.server

    def keeping_handlers(*arguments: Any, **named: Any) -> grpc.Server:
        made.extend(named.get("handlers") or ())
        return grpc_server(*arguments, **named)

    _, audit, _, key, *_ = evidence_flags(folder)
    settings = Settings(port=0, audit=audit, audit_key=Path(key), metrics_port=0)
    with (folder / "log").open("wb", buffering=0) as log, mock.patch.object(grpc, "server", keeping_handlers):
        server = start(settings, load(), make_log(log, settings.log_level))
        with server:
            (method,) = (found for handler in made if (found := handler.service(_Asked())) is not None)
            assert method.unary_unary is not None
            yield method.unary_unary


class _Asked(grpc.HandlerCallDetails):
    """What gRPC asks a handler for."""

    method = METHOD
    invocation_metadata = ()


@dataclass(frozen=True)
class Profile:
    """Microseconds of CPU a call in this process, and what was met in it; and of whole servers, when measured."""

    call: float
    samples: Samples
    service: float | None = None
    do_nothing: float | None = None


def take_profile(seconds: float, panels: int) -> Profile:
    """Calls for so many CPU seconds, and again with a look at each millisecond."""
    context: Any = _Context()
    sent = Panels(panels)
    with TemporaryDirectory() as folder, _handler(Path(folder)) as answer:

        def calls(for_seconds: float) -> Iterator[float]:
            """CPU microseconds a call of each whole pass over the panels, at least one."""
            end = time.process_time() + for_seconds
            while True:
                bodies = sent.fresh(len(sent))
                begun = time.process_time()
                for body in bodies:
                    answer(body, context)
                yield (time.process_time() - begun) * 1e6 / len(bodies)
                if time.process_time() > end:
                    return

        # The first pass fills caches.
        next(calls(0))
        cost = median(calls(seconds))
        samples = Samples()
        before = signal.signal(signal.SIGPROF, samples.take)
        signal.setitimer(signal.ITIMER_PROF, _LOOK_SECONDS, _LOOK_SECONDS)
        try:
            for _ in calls(seconds):
                pass
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
    return Profile(cost, samples)


def of_servers(profile: Profile, size: Size) -> Profile:
    """The profile with what a call costs the whole server, and one that does nothing."""
    with TemporaryDirectory() as folder:
        row = next(iter(transport.beside_do_nothing(size, Path(folder))))
    return Profile(profile.call, profile.samples, median(row.ours), median(row.others))


def steps_table(profile: Profile) -> str:
    """Each step with its share and its microseconds a call, give or take what chance does to a count."""
    steps = profile.samples.steps
    total = steps.total()
    order = [*FIRST, *sorted(step for step in steps if step.startswith("engine")), *LAST]
    whole = profile.service or profile.call
    rows: list[tuple[str, ...]] = [("step", "us CPU a call", "+-", "share")]
    if profile.service is not None and profile.do_nothing is not None:
        rows.append(_line("transport, as for a handler that does nothing", profile.do_nothing, None, whole))
        waiting = profile.service - profile.do_nothing - profile.call
        rows.append(_line("several threads: switching, waiting, caches", waiting, None, whole))
    engine = sum(count for step, count in steps.items() if step.startswith("engine"))
    for step in (step for step in order if steps[step]):
        part = steps[step] / total
        error = 2 * math.sqrt(part * (1 - part) / total) * profile.call
        rows.append(_line(step, part * profile.call, error, whole))
    rows.append(_line("engine, all of it", engine / total * profile.call, None, whole))
    rows.append(_line("in this process, all of it", profile.call, None, whole))
    if profile.service is not None:
        rows.append(_line("server, all of it", profile.service, None, whole))
    return "\n".join([*markdown(rows), "", f"{total} looks. {machine_now()}"]) + "\n"


def _line(what: str, cost: float, error: float | None, whole: float) -> tuple[str, ...]:
    return what, f"{cost:.0f}", "" if error is None else f"{error:.0f}", f"{cost / whole:.1%}"


def functions_table(profile: Profile, most: int) -> str:
    """The functions in which most time passes, in themselves and with what they call."""
    total = profile.samples.steps.total()
    rows: list[tuple[str, ...]] = [("function", "itself, us", "with what it calls, us")]
    for function, count in profile.samples.own.most_common(most):
        whole = profile.samples.with_callees[function]
        rows.append((function, *(f"{one / total * profile.call:.0f}" for one in (count, whole))))
    return "\n".join(markdown(rows)) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="CPU seconds of calls, twice (default 10)")
    parser.add_argument("--panels", type=int, default=300, help="distinct panels, at least 64 (default 300)")
    parser.add_argument("--functions", type=int, default=25, metavar="N", help="functions listed (default 25)")
    parser.add_argument("--without-servers", action="store_true", help="in this process only: no transport")
    given = parser.parse_args(arguments)
    allowed = os.sched_getaffinity(0)
    profile = take_profile(given.seconds, given.panels)
    if not given.without_servers:
        size = Size("profile", given.panels, pairs=3, calls=given.panels, seconds=1.0, starts=1, builds=False)
        profile = of_servers(profile, size)
    os.sched_setaffinity(0, allowed)
    print(steps_table(profile))
    print(functions_table(profile, given.functions), end="")
    return 0
