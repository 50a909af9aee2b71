"""The command `labgloss`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence

from labgloss.cli.parser import build_parser

FAILED = 1
FAULT = 2
INTERRUPTED = 130
NOBODY_READS = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that the arguments name, and returns its exit code.

    Raises: SystemExit after `--help` and `--version`, and when the arguments are wrong.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        return _run(build_parser(argv).parse_args(argv))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return NOBODY_READS


def entry_point() -> int:
    """The exit code of the command `labgloss`, as it was called."""
    return main()


def _run(arguments: Namespace) -> int:
    # Imported here, so that `--help` waits for none of it.
    import os
    from importlib import import_module

    from labgloss.cli import console
    from labgloss.cli.garbage import not_collecting
    from labgloss.errors import KnowledgeError, SettingsError
    from labgloss.panels.errors import PanelFileError

    # What is installed beside this must not change what it takes as valid; to look for it takes time, too.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if arguments.command != "serve":
        # gRPC's core writes to standard error in its own words; the commands say in theirs what went wrong.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    console.open_closed_output()
    try:
        with not_collecting():
            command = import_module(f"labgloss.cli.commands.{arguments.command}")
        code: int = command.run(arguments)
        console.flush()
    except KnowledgeError as error:
        return _faulty("the knowledge is faulty", error.faults)
    except SettingsError as error:
        return _faulty("cannot start so", error.faults)
    except PanelFileError as error:
        return _faulty("panel files cannot be read", error.faults)
    except console.OutputError as error:
        console.complain(str(error))
        return FAILED
    finally:
        # However it ended; where all was written this does nothing.
        console.let_go()
    return code


def _faulty(what: str, faults: Iterable[object]) -> int:
    from labgloss.cli.console import complain

    complain("\n".join([f"{what}:", *(f"  {fault}" for fault in faults)]))
    return FAULT
