"""Prints what the service costs beside a server that does nothing, both on loopback; ends in about half a minute."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.evidence import evidence_costs
from tests.benchmarks.measure import Size, measure
from tests.benchmarks.table import table
from tests.benchmarks.ten_times import compare, rules_table


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/benchmarks/run", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=("servers", "rules", "evidence"),
        default="servers",
        help="both servers (default); the engine over ten times the rules, for which only --rounds counts; or the "
        "service with and without records and metrics, for which --blocks and --passes count",
    )
    parser.add_argument("--starts", type=int, default=5, help="starts of each server (default 5)")
    parser.add_argument("--blocks", type=int, default=2, help="A B B A blocks for each way of calling (default 2)")
    parser.add_argument("--passes", type=int, default=8, help="passes over the requests in a turn (default 8)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the engine alone (default 5)")
    given = vars(parser.parse_args())
    what = given.pop("what")
    if what == "rules":
        print(rules_table(compare(given["rounds"])), end="")
        return
    size = Size(**given)
    with TemporaryDirectory() as folder:
        if what == "evidence":
            print(evidence_costs(size, Path(folder)), end="")
        else:
            print(table(measure(size, Path(folder))), end="")


if __name__ == "__main__":
    main()
