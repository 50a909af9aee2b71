"""Every option of every command that names a file or folder, given one that cannot be; what the command says of it.

A program: `named_paths.py FOLDER PATH KIND` works in FOLDER, gives PATH in the
place of each, and prints a line of JSON for each: the command, its exit code (null: it raised, or waited), its words.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator

from labgloss.cli import main
from labgloss.cli.parser import build_parser

_NAMED = frozenset({"FILE", "FOLDER", "PATH", "REQUEST", "A", "B"})
_LONGEST_SECONDS = 30
TLS = {"--tls-certificate": "server.pem", "--tls-key": "server.key"}
TARGET_TLS = {f"--target-{name.removeprefix('--')}": file for name, file in TLS.items()}
SEND_TLS = {f"--send-{name.removeprefix('--')}": file for name, file in TLS.items()}
# What stands beside an option, so that nothing but its file is wrong.
BESIDE = {
    **{key: {**TLS, "--target": "127.0.0.1:1"} for key in TLS},
    **dict.fromkeys(TARGET_TLS, TARGET_TLS),
    **{key: {**SEND_TLS, "--send-to": "127.0.0.1:1"} for key in SEND_TLS},
    "--tls-client-ca": {**TLS, "--access": "access.toml"},
    "--send-tls-ca": {"--send-to": "127.0.0.1:1"},
    "--audit-key": {"--audit": "."},
    # Of a command that asks; nobody is there.
    "--tls-ca": {"--target": "127.0.0.1:1"},
    "--token-file": {"--target": "127.0.0.1:1"},
    "--junit": {"--target": "127.0.0.1:1"},
}
# What a command needs, whatever it is asked for.
NEEDED = {
    "hl7 serve": {"--spool": "spool", "--port": "0"},
    "cds serve": {"--port": "0"},
    "serve": {"--port": "0"},
    "replay": {"--key": "key"},
    "probe": {"--target": "127.0.0.1:1", "--timeout": "1"},
}
POSITIONAL = {
    "FILE": "panel.toml",
    "PATH": "panel.toml",
    "REQUEST": "panel.toml",
    "A": "-",
    "B": "-",
    "FOLDER": None,
    # Of each pattern or rule, where none is named.
    "ID": None,
}
# What is read once, from whoever writes it, or written to.
PIPES = frozenset({"--junit", "--coverage", "--output", "--panels", "--survivors", *POSITIONAL})


def leaves(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, list[argparse.Action]]]:
    """Each command that does something, with what it takes."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield name, parser._actions
    for action in inner:
        for word, command in action.choices.items():
            yield from leaves(command, f"{name} {word}".strip())


def cases(path: str) -> Iterator[list[str]]:
    """Command lines: each with the path in the place of one option."""
    for name, actions in leaves(build_parser()):
        positional = [action for action in actions if not action.option_strings]
        for asked in actions:
            if asked.metavar not in _NAMED:
                continue
            flag = asked.option_strings[0] if asked.option_strings else ""
            known = {option for action in actions for option in action.option_strings}
            options = {**NEEDED.get(name, {}), **BESIDE.get(flag, {})}
            options = {option: value for option, value in options.items() if option in known}
            if flag:
                options[flag] = path
            words = [path if each is asked else POSITIONAL[str(each.metavar)] for each in positional]
            given = [f"{option}={value}" for option, value in options.items()]
            yield [*name.split(), *given, *(word for word in words if word is not None)]


def takes_pipes(argv: list[str], path: str) -> bool:
    """Whether what names the path may be a pipe."""
    flags = [word.partition("=")[0] for word in argv if word.endswith(f"={path}")]
    return not flags or flags[0] in PIPES


def _ended(argv: list[str]) -> tuple[int | None, str]:
    said, out = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    signal.alarm(_LONGEST_SECONDS)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
            return main(argv), _written(said)
    except SystemExit as end:
        return int(end.code or 0), _written(said)
    except BaseException:  # noqa: BLE001 - what must not come is told
        return None, traceback.format_exc()
    finally:
        signal.alarm(0)


def _written(said: io.TextIOWrapper) -> str:
    said.seek(0)
    return said.read()


def _late(*_: object) -> None:
    raise TimeoutError("it waits")


if __name__ == "__main__":
    folder, path, kind = sys.argv[1:]
    os.chdir(folder)
    signal.signal(signal.SIGALRM, _late)
    for argv in cases(path):
        if kind == "pipe" and takes_pipes(argv, path):
            continue
        code, said = _ended(argv)
        print(json.dumps([" ".join(argv).replace(path, "X"), code, said]), flush=True)
