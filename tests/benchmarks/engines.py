"""P3: our engine beside two others on the same small job: zen-engine in this process, cql-execution in Node."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from labgloss.engine.interpret import interpret, lay_out
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.server.releases import Releases
from labgloss.server.settings import Settings
from labgloss.v1.fhir_pb2 import InterpretBundleRequest, InterpretBundleResponse
from labgloss.v1.report_pb2 import Critical, ResultClass, ResultInterpretation
from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.size import Size
from tests.benchmarks.small_job import (
    MEASURES,
    Job,
    Measure,
    Stretch,
    decision_model,
    decoded,
    elm_library,
    jobs,
    stretches,
)
from tests.benchmarks.turns import in_turn
from tests.external_tools import node_environment, tool

_FOLDER = Path(__file__).with_name("cql")
# Of other engines a job is done so often, so that a turn is long enough, and Node has compiled what it runs often.
_OFTEN = 8
_RECORDED = "2026-01-15T12:00:00+00:00"

ROWS = GROUPS["P3"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P3. Raises ValueError when an engine's answers are not ours."""
    release = load()
    tables = {one: stretches(release, one) for one in MEASURES}
    made = jobs(release, tables, max(32, size.calls // 4))
    yield from _beside_zen(size, release, tables, made)
    yield _beside_cql(size, release, tables, made)


def _beside_zen(
    size: Size, release: Release, tables: Mapping[Measure, Sequence[Stretch]], made: Sequence[Job]
) -> Iterator[Row]:
    import zen

    decision = zen.ZenEngine().create_decision(zen.ZenDecisionContent(decision_model(tables)))
    asked = [job.numbers() for job in made]
    answers = [decision.evaluate(numbers)["result"] for numbers in asked]
    _check("zen-engine", made, [tuple(answer[one.analyte] for one in tables) for answer in answers])
    panels = [decoded(release, job) for job in made]

    def theirs() -> float:
        return _cpu(lambda: [decision.evaluate(numbers) for numbers in asked], _OFTEN, len(made))

    whole, others, read = in_turn(
        size.pairs,
        lambda: _cpu(lambda: [interpret(release, panel) for panel in panels], 1, len(made)),
        theirs,
        lambda: _cpu(lambda: [lay_out(release, panel) for panel in panels], 1, len(made)),
    )
    rows = sum(map(len, tables.values()))
    note = f"{len(made)} different jobs; {rows} rows in the tables, compiled before; all answers were ours"
    yield ROWS[0].measured(whole, others, faster=True, note=note)
    yield ROWS[1].measured(read, others, faster=True)


def _beside_cql(size: Size, release: Release, tables: Mapping[Measure, Sequence[Stretch]], made: Sequence[Job]) -> Row:
    row = ROWS[2]
    if missing := [name for name in ("node", "npm") if tool(name) is None]:
        return row.not_measured(f"{' and '.join(missing)} not installed; tests/install_tools installs it")
    handlers = Releases(release, Settings(), _raising).current.bundles
    bundles = [job.bundle() for job in made]
    bodies = [
        InterpretBundleRequest(bundle=bundle.encode(), recorded=_RECORDED).SerializeToString() for bundle in bundles
    ]
    answered = [handlers.interpret_bundle(body, _no_deadline).body for body in bodies]
    reports = [InterpretBundleResponse.FromString(answer).report for answer in answered]
    _check(
        "our own report on a Bundle",
        made,
        [tuple(_meaning(result) for result in report.results) for report in reports],
    )
    with _CqlProcess() as node:
        told = node.ask({"library": elm_library(tables), "bundles": bundles})
        # Each measure has two expressions: its value, and what that means.
        _check("cql-execution", made, [tuple(answer[1::2]) for answer in told["answers"]])
        ours, others = in_turn(
            size.pairs,
            lambda: _cpu(lambda: [handlers.interpret_bundle(body, _no_deadline) for body in bodies], 1, len(made)),
            lambda: node.ask({"round": True})["microseconds"] / len(made),
        )
    note = (
        f"{len(made)} different Bundles of {len(bundles[0])} bytes; the library read once, only First Observation of a "
        "code and its row asked for; all answers were ours; the model of FHIR loaded before"
    )
    return row.measured(ours, others, faster=True, note=note)


def _cpu(work: Callable[[], object], times: int, panels: int) -> float:
    """CPU microseconds of this process a panel."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) * 1e6 / (times * panels)


def _check(engine: str, made: Sequence[Job], answers: Sequence[tuple[Any, ...]]) -> None:
    differing = [(job, answer) for job, answer in zip(made, answers, strict=True) if job.meanings != answer]
    if differing:
        job, answer = differing[0]
        raise ValueError(f"{engine} differs from us in {len(differing)} of {len(made)} jobs: {job.meanings}, {answer}")


def _raising(error: BaseException) -> Any:
    raise error


def _meaning(result: ResultInterpretation) -> str:
    """As `small_job.meaning` says it."""
    klass, critical = getattr(result, "class"), result.critical
    return "|".join(
        (
            ResultClass.Name(klass).removeprefix("RESULT_CLASS_"),
            result.flag,
            result.band or "+".join(result.bands),
            Critical.Name(critical).removeprefix("CRITICAL_"),
        )
    )


def _no_deadline() -> None:
    pass


class _CqlProcess:
    """Node with cql-execution, asked line by line; killed on leaving the context."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ("node", str(_FOLDER / "answer.js")),
            env=node_environment(_FOLDER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> _CqlProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one line. Raises RuntimeError when Node ended."""
        into, out = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        into.write(json.dumps(told) + "\n")
        into.flush()
        line = out.readline()
        if not line:
            raise RuntimeError(f"node ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer
