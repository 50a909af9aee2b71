"""`labgloss probe`: whether a service serves, by the standard health service."""

from __future__ import annotations

from argparse import Namespace

from labgloss.cli.console import complain, write
from labgloss.cli.health import SERVING, serving_status


def run(arguments: Namespace) -> int:
    """Prints the answer; 0 when it is SERVING."""
    name = f" ({arguments.service})" if arguments.service else ""
    status = serving_status(arguments.target, arguments.service, arguments.timeout, arguments.tls)
    if status == SERVING:
        write(f"{arguments.target}{name}: {SERVING}\n")
        return 0
    complain(f"{arguments.target}{name}: {status}")
    return 1
