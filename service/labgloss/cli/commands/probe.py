"""`labgloss probe`: whether a service serves, by the standard health service."""

from __future__ import annotations

from argparse import Namespace

from labgloss.cli.console import complain, write
from labgloss.cli.credentials import check_token_is_safe, credentials_of, why_no_tls
from labgloss.cli.health import SERVING, serving_status


def run(arguments: Namespace) -> int:
    """Prints the answer; 0 when it is SERVING."""
    name = f" ({arguments.service})" if arguments.service else ""
    shown = credentials_of(arguments)
    check_token_is_safe(arguments.target, shown)
    status = serving_status(arguments.target, arguments.service, arguments.timeout, shown)
    if status == SERVING:
        write(f"{arguments.target}{name}: {SERVING}\n")
        return 0
    why = why_no_tls(arguments.target, arguments, arguments.timeout) if shown.channel is not None else ""
    complain(f"{arguments.target}{name}: {status}{f': {why}' if why else ''}")
    return 1
