"""Who may import whom, and what pure rooms may not touch: read from the syntax tree of every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).parents[2] / "service" / "labgloss"


@dataclass(frozen=True)
class Room:
    """What a room may import beside itself and the standard library."""

    rooms: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    # Modules of the standard library that are not for it.
    barred: frozenset[str] = field(default=frozenset())


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The clock, chance, the disk, the network, the log: nothing that is pure needs them.
IMPURE = names(
    "os io pathlib shutil tempfile logging time random secrets uuid socket subprocess threading asyncio sys locale "
    "platform getpass glob fileinput sqlite3 urllib http warnings"
)
# What a class is made with: open to every room.
FOR_ALL = names("frozen")
# The order of the rooms: each imports only what stands before it.
ROOMS = {
    "frozen": Room(barred=IMPURE),
    "errors": Room(),
    # What settings name on a disk.
    "files": Room(),
    # What no text may say: of the release, of a site, of a report.
    "forbidden": Room(barred=IMPURE),
    "v1": Room(packages=names("google grpc")),
    "domain": Room(barred=IMPURE),
    "knowledge": Room(
        names("domain errors files forbidden"),
        names("pydantic pydantic_core"),
        barred=IMPURE - {"pathlib"},
    ),
    "engine": Room(names("domain knowledge"), barred=IMPURE),
    # The shipped release as it was parsed when the image was made, with what the engine makes of it. Of the
    # root: where the code lies.
    "parsed": Room(names("knowledge engine labgloss")),
    # Proofs ask the engine itself, and nobody but the command asks for proofs.
    "proofs": Room(names("domain errors knowledge engine"), names("pysat"), barred=IMPURE),
    # Of the engine: the words for whom a row is.
    "wire": Room(names("domain errors knowledge engine v1"), names("google"), barred=IMPURE),
    # Bundles speak the canonical request and report; uuid: names made of content, which are no chance.
    "fhir": Room(
        names("domain errors knowledge engine wire laboratory_words v1"), names("google"), barred=IMPURE - {"uuid"}
    ),
    # What is kept of calls, which knows nothing of gRPC; of the root the version.
    "evidence": Room(
        names("domain errors files knowledge output wire"), names("google opentelemetry prometheus_client structlog")
    ),
    # What every server has: how settings are given, the log, who may call. Of the schema: the names of methods.
    "readers": Room(barred=IMPURE - {"pathlib"}),
    "settings": Room(names("errors readers")),
    "output": Room(),
    "log": Room(names("output"), names("structlog")),
    # jwt and cryptography: of the extras, imported where a setting asks for them.
    "access": Room(names("errors files settings v1"), names("cryptography jwt pydantic structlog")),
    "server": Room(
        names("domain errors knowledge engine parsed wire fhir evidence v1 readers settings log access labgloss"),
        names("cryptography google grpc grpc_health grpc_reflection grpc_status jwt structlog"),
    ),
    # What servers over asyncio share.
    "process": Room(names("access errors settings"), names("structlog")),
    # A client of the service. Of the server's rooms: who calls is told and named as there.
    "http": Room(
        names("errors fhir readers settings log access evidence process v1 labgloss"),
        names("cryptography google grpc h11 labgloss_client starlette structlog uvicorn"),
    ),
    # HL7 v2 speaks the API alone, as any caller does; of errors: a setting that is wrong.
    "laboratory_words": Room(names("v1"), barred=IMPURE),
    "hl7": Room(names("errors laboratory_words v1"), names("google"), barred=IMPURE),
    # HL7 v2 over MLLP: a client of the service, with a spool on disk.
    "mllp": Room(
        names("access errors files hl7 log process readers settings v1"), names("google labgloss_client structlog")
    ),
    # Panel files speak the API alone, as any caller does. The root: where the shipped panels lie.
    "panels": Room(names("files forbidden hl7 v1 labgloss"), names("google pydantic")),
    # Of the domain: panels and explanations, of which no message speaks.
    # Cases are panel files and specs, read and asked of changed knowledge.
    "mutation": Room(names("domain errors files knowledge engine proofs wire panels v1")),
    "cli": Room(
        names(
            "access domain errors files knowledge engine evidence hl7 http log mllp mutation panels parsed proofs "
            "readers server settings wire v1 labgloss"
        ),
        names("google grpc labgloss_client"),
    ),
    # What `labgloss check` does, as a plugin of pytest, which is there where it is loaded.
    "pytest_plugin": Room(names("cli errors panels"), names("labgloss_client pytest")),
    "__main__": Room(names("cli")),
    # The root: a version, and nothing that makes importing it slow.
    "labgloss": Room(),
}


def room_of(path: Path) -> str:
    """The room of a module; a module beside the rooms is one of its own."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "labgloss" if first == "__init__" else first


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) != "v1"]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, wherever in the file, in full."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "labgloss":
                yield from (f"labgloss.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def offences(room: str, source: str) -> list[str]:
    """What a module of a room imports that it may not."""
    allowed = ROOMS[room]
    found = []
    for module in imported(ast.parse(source)):
        top, _, rest = module.partition(".")
        if top == "labgloss":
            other = rest.partition(".")[0]
            # `from labgloss import __version__` and `import labgloss` ask the root.
            other = other if other in ROOMS else "labgloss"
            fine = other == room or other in allowed.rooms | FOR_ALL
        elif top in sys.stdlib_module_names:
            fine = top not in allowed.barred
        else:
            fine = top in allowed.packages
        if not fine:
            found.append(module)
    return found


def test_every_room_of_the_package_has_its_row_and_every_row_its_room() -> None:
    assert {room_of(path) for path in PACKAGE.rglob("*.py")} == set(ROOMS)


def test_the_rooms_stand_in_an_order() -> None:
    order = tuple(TopologicalSorter({room: row.rooms for room, row in ROOMS.items()}).static_order())
    assert order.index("domain") < order.index("knowledge") < order.index("engine") < order.index("wire")
    assert (
        order.index("wire")
        < order.index("evidence")
        < order.index("server")
        < order.index("cli")
        < order.index("__main__")
    )
    assert order.index("engine") < order.index("proofs") < order.index("cli")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_before_its_room(path: Path) -> None:
    assert offences(room_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("room", "source", "offence"),
    [
        ("domain", "import pydantic", "pydantic"),
        ("domain", "from labgloss.knowledge.release import Release", "labgloss.knowledge.release"),
        ("knowledge", "from labgloss.engine import grade", "labgloss.engine"),
        ("engine", "from labgloss.wire import decode", "labgloss.wire"),
        ("engine", "from labgloss import errors", "labgloss.errors"),
        ("engine", "def late():\n    import os", "os"),
        ("engine", "from time import monotonic", "time"),
        ("engine", "from labgloss.proofs import solver", "labgloss.proofs"),
        ("proofs", "from labgloss.wire import decode", "labgloss.wire"),
        ("proofs", "from time import monotonic", "time"),
        ("server", "from labgloss.proofs import lint", "labgloss.proofs"),
        ("wire", "from labgloss.server.app import main", "labgloss.server.app"),
        ("wire", "import grpc", "grpc"),
        ("panels", "from labgloss.engine.interpret import interpret", "labgloss.engine.interpret"),
        ("panels", "from labgloss import server", "labgloss.server"),
        ("panels", "from labgloss.domain.panel import Panel", "labgloss.domain.panel"),
        ("server", "import labgloss.cli", "labgloss.cli"),
        ("labgloss", "import grpc", "grpc"),
    ],
)
def test_an_import_against_the_order_is_found(room: str, source: str, offence: str) -> None:
    assert offences(room, source) == [offence]


# ---------------------------------------------------------------------------------------------- figures and floats

PURE = [path for path in MODULES if room_of(path) in ("domain", "knowledge", "engine")]
ENGINE = [path for path in MODULES if room_of(path) == "engine"]

# Numbers that are no clinical figure: nothing, one, a pair or a half, a percentage.
PLAIN = frozenset({0, 1, 2, 100})
EXCEPTIONS = {
    ("computed.py", 10): "the base of the logarithm that pH is",
    ("dated.py", 7): "days in a week",
    ("dated.py", 30): "days in most months, at least",
    ("dated.py", 365): "days in a year, at least",
    ("facts.py", 3): "what three_of counts to",
    ("phrases.py", 3): "letters of a short word, words near the beginning of a clause",
    ("series.py", 3600): "seconds in an hour",
    # Parts of an ISO 8601 duration or date.
    ("timing.py", 7): "days in a week",
    ("timing.py", 12): "months in a year",
    ("timing.py", 24): "hours in a day",
    ("timing.py", 1440): "minutes in a day",
    ("timing.py", 86400): "seconds in a day",
}


def numbers(source: str) -> Iterator[Any]:
    """Every number that is written in a module, save the size of a cache."""
    tree = ast.parse(source)
    sizes = {node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "maxsize"}
    for node in ast.walk(tree):
        if node in sizes:
            continue
        # Not isinstance: True is an int too.
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex):
            yield node.value


def figures(name: str, source: str) -> list[str]:
    """Numbers of a module of the engine that might be clinical: literals, and decimals or fractions from a text."""
    found = [str(value) for value in numbers(source) if value not in PLAIN and (name, value) not in EXCEPTIONS]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Decimal", "Fraction"):
            found += [
                ast.unparse(node)
                for given in node.args
                if isinstance(given, ast.Constant) and isinstance(given.value, str)
            ]
    return found


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.name)
def test_no_figure_stands_in_the_engine(path: Path) -> None:
    """Promise 4 of the design: no number outside the knowledge base."""
    assert figures(path.name, path.read_text()) == []


def test_every_exception_is_needed() -> None:
    written = {(path.name, value) for path in ENGINE for value in numbers(path.read_text())}
    assert EXCEPTIONS.keys() <= written


@pytest.mark.parametrize(
    "source", ["limit = 3.5", "x < 6", "f(size=4)", 'Decimal("0.40")', 'Fraction("1/2")', "range(28)"]
)
def test_a_figure_is_found(source: str) -> None:
    assert figures("grade.py", source)


def floats(source: str) -> list[str]:
    """Every float of a module: a literal, or the type's name."""
    tree = ast.parse(source)
    found = [str(value) for value in numbers(source) if isinstance(value, float | complex)]
    return found + [
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("float", "complex")
    ]


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_float_touches_a_clinical_value(path: Path) -> None:
    assert floats(path.read_text()) == []


@pytest.mark.parametrize("source", ["half = 0.5", "float(text)", "value: float = 1"])
def test_a_float_is_found(source: str) -> None:
    assert floats(source)


def impure_calls(source: str) -> list[str]:
    """Calls that read the clock, the disk or the terminal without an import of their own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in ("now", "today", "utcnow"):
                found.append(called.attr)
            if isinstance(called, ast.Name) and called.id in ("open", "print", "input", "eval", "exec", "hash", "id"):
                found.append(called.id)
    return found


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.name)
def test_the_engine_asks_no_clock_and_no_disk(path: Path) -> None:
    """`id` keeps entries apart within one call (calcium.py), and finds the test of an expression that the release
    holds (facts.py); none is ever shown."""
    allowed = {("calcium.py", "id"), ("facts.py", "id")}
    assert [name for name in impure_calls(path.read_text()) if (path.name, name) not in allowed] == []


@pytest.mark.parametrize("source", ["datetime.now()", "date.today()", "open(path)", "hash(x)", "eval(text)"])
def test_an_impure_call_is_found(source: str) -> None:
    assert impure_calls(source)
