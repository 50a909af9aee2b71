"""What the service costs: ratios to what is beside it, measured side by side on loopback, with their spread."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.comparison import compare, worse
from tests.benchmarks.figures import Run
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.runner import begin, keep, measure_all, measure_here, read
from tests.benchmarks.size import SIZES
from tests.benchmarks.table import comparison_table, table

BASELINE = Path(__file__).with_name("baseline.json")
RUNS = Path(__file__).parents[2] / ".venv" / "benchmarks"
_WORSE, _INTERRUPTED = 1, 130
_EPILOG = """\
tests/benchmarks/run profile     where the time of one call goes, by room
tests/benchmarks/run rules       what ten times the rules cost the engine
Both have a --help of their own. tests/benchmarks/README.md says how it is measured and how to read it.
"""


def main() -> int:
    """Measures, prints, keeps, compares; 1 when asked to fail where a row got worse, and one did."""
    if sys.argv[1:2] == ["profile"]:
        from tests.benchmarks.where import main as profile

        return profile(sys.argv[2:])
    if sys.argv[1:2] == ["rules"]:
        from tests.benchmarks.ten_times import main as rules

        return rules(sys.argv[2:])
    given = _parser().parse_args()
    size = SIZES[given.size]
    if given.measure:
        measure_here(given.measure, size, given.rows)
        return 0
    try:
        run = read(given.resume) if given.resume else begin(size)
        baseline = read(given.baseline) if given.baseline.exists() else None
        if given.compare:
            return _compared(read(given.compare), baseline, given.fail_if_worse)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    file: Path = given.keep or given.resume or RUNS / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{size.name}.json"

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    say(f"kept in {file} after each group; --resume {file} goes on with it")
    try:
        run = measure_all(run, given.only, lambda so_far: keep(file, so_far), say)
    except KeyboardInterrupt:
        say("ended; what was measured is kept")
        return _INTERRUPTED
    keep(file, run)
    print(table(run))
    if given.write_baseline:
        keep(given.baseline, run)
        return 0
    return _compared(run, baseline, given.fail_if_worse)


def _compared(run: Run, baseline: Run | None, fail: bool) -> int:
    if baseline is None:
        print("There is no baseline to compare with; --write-baseline makes this run one.")
        return 0
    compared = compare(run, baseline)
    print(comparison_table(compared, run, baseline), end="")
    return _WORSE if fail and worse(compared) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tests/benchmarks/run",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        type=_groups,
        default=list(GROUPS),
        metavar="P1,P5",
        help=f"these groups of rows: {', '.join(GROUPS)} (default: all)",
    )
    parser.add_argument(
        "--size",
        choices=tuple(SIZES),
        default="full",
        help="full takes half an hour, short some minutes, tiny shows that every row can be measured (default full)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help=f"where the run is kept as JSON (default {RUNS.name}/ under .venv)"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="go on with a run: rows that it has are not measured again"
    )
    parser.add_argument("--baseline", type=Path, default=BASELINE, metavar="FILE", help="what it is compared with")
    parser.add_argument("--write-baseline", action="store_true", help="make this run the baseline")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="measure nothing; compare a run that was kept")
    parser.add_argument(
        "--fail-if-worse", action="store_true", help="exit code 1 when a row got worse beyond its spread"
    )
    parser.add_argument("--measure", choices=tuple(GROUPS), help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    return parser


def _groups(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := [ident for ident in wanted if ident not in GROUPS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(GROUPS)}")
    return [ident for ident in GROUPS if ident in wanted]


if __name__ == "__main__":
    sys.exit(main())
