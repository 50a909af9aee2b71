"""The clients in other languages, built as their README says in a copy of what they need, once for each state of it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.external_tools import tool

_ROOT = Path(__file__).parents[2]
_BUILT = _ROOT / ".venv"
_BUILD_S = 300
_RUN_S = 120
# What a build leaves in a checkout.
_PRODUCED = shutil.ignore_patterns("node_modules", "dist", "gen", "build", "__pycache__")
# The commands of a README's first block of shell, of which the last runs the example.
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_TARGET = "127.0.0.1:50051"


@dataclass(frozen=True)
class Language:
    """How a client is built and asked."""

    name: str
    needs: tuple[str, ...]
    # Replays exchanges; run where the client was built.
    replay: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return _ROOT / "clients" / self.name

    @property
    def home(self) -> Path:
        """Where it is built; the one for Python is not."""
        return _BUILT / f"client-{self.name}" / "clients" / self.name if self.needs else self.folder

    def build(self) -> None:
        """Nothing, once what its README says was run on what this checkout holds."""
        if not self.needs:
            return
        stage = self.home.parents[1]
        key, built = self._key(), stage / "key"
        if built.exists() and built.read_text() == key:
            return
        shutil.rmtree(stage, ignore_errors=True)
        for part in (Path("proto"), Path("clients", "wire"), Path("clients", self.name)):
            shutil.copytree(_ROOT / part, stage / part, ignore=_PRODUCED)
        for command in self._commands()[:-1]:
            self._run(command)
        built.write_text(key)

    def example(self, target: str) -> subprocess.CompletedProcess[str]:
        """What the example of the README printed."""
        command = self._commands()[-1]
        assert command.endswith(_TARGET), command
        return self._run(command.replace(_TARGET, target), check=False)

    def replayed(self, target: str, exchanges: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        """What the replay of the exchanges printed."""
        command = [*self.replay, target, str(exchanges), *flags]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.run(command, cwd=self.home, env=environment, capture_output=True, text=True, timeout=_RUN_S)

    def _commands(self) -> Sequence[str]:
        found = _SHELL.search((self.folder / "README.md").read_text(encoding="utf-8"))
        assert found is not None
        return [line for line in found[1].splitlines() if not line.startswith(("#", "apt-get"))]

    def _run(self, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(command, shell=True, cwd=self.home, capture_output=True, text=True, timeout=_BUILD_S)
        assert not check or ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
        return ran

    def _key(self) -> str:
        digest = hashlib.sha256()
        for file in self._files():
            digest.update(f"{file.relative_to(_ROOT)}\n".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def _files(self) -> Iterator[Path]:
        for part in ("proto/labgloss", "clients/wire", f"clients/{self.name}"):
            for folder, folders, names in os.walk(_ROOT / part):
                left_out = _PRODUCED(folder, folders)
                folders[:] = sorted(name for name in folders if name not in left_out)
                yield from (Path(folder, name) for name in sorted(names))


LANGUAGES = (
    Language("python", (), (sys.executable, str(_ROOT / "clients" / "conformance" / "replay.py"))),
    Language(
        "go",
        ("go", "protoc", "protoc-gen-go", "protoc-gen-go-grpc", "/usr/share/gocode/src/google.golang.org/grpc"),
        ("build/replay",),
    ),
    Language(
        "java",
        ("java", "javac", "protoc", "grpc_java_plugin", "/usr/share/java/grpc-netty.jar"),
        # A program that lives for a second is not worth optimising.
        ("java", "-XX:TieredStopAtLevel=1", "@build/classpath", "labgloss.conformance.Replay"),
    ),
    Language("typescript", ("node", "npm"), ("node", "dist/conformance/replay.js")),
)
# Those whose tools are there; of the others tests/clients/test_tools.py tells, once each.
THERE = tuple(language for language in LANGUAGES if all(map(tool, language.needs)))
