"""The client needs the stubs and gRPC, and nothing of the service."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import labgloss_client

PACKAGE = Path(labgloss_client.__file__).parent
ALLOWED = ("labgloss.v1", "labgloss_client", "grpc", "grpc_status", "google.protobuf", "google.rpc")


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names)


def test_no_file_imports_anything_else() -> None:
    modules = {
        f"{path.name}: {module}"
        for path in PACKAGE.rglob("*.py")
        for module in imported(path.read_text(encoding="utf-8"))
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not any(module == allowed or module.startswith(f"{allowed}.") for allowed in ALLOWED)
    }
    assert modules == set()


def test_importing_it_loads_nothing_of_the_service() -> None:
    program = "import sys, labgloss_client; print(*(name for name in sys.modules if name.startswith('labgloss.')))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    loaded = {name for name in ran.stdout.split() if name != "labgloss.v1" and not name.startswith("labgloss.v1.")}
    assert "labgloss.v1.panel_pb2" in ran.stdout
    assert loaded == set()
