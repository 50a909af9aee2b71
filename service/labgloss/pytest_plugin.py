"""A plugin of pytest: one test for each panel of the files that `--labgloss` names, as `labgloss check` compares them.

pytest loads it wherever labgloss is installed, and is no dependency of it: nothing of the service is imported before a
panel is asked for.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from labgloss.panels.reader import PanelCase
    from labgloss_client import Client

_FAULT = 2
# Of `labgloss check`, which says what each of them may be.
_WITH_A_VALUE = {
    "target": ("HOST:PORT", "ask this service instead of one that is started for the session"),
    "overlay": ("FILE", "the site overlay of the service that is started"),
    "tls-ca": ("FILE", "whom to trust (PEM)"),
    "tls-certificate": ("FILE", "the certificate to show (PEM)"),
    "tls-key": ("FILE", "its key (PEM)"),
    "token-file": ("FILE", "the token to show"),
    "only": ("results", "compare only expect.results and expect.refused"),
}
_SWITCHES = {"tls": "encrypt", "plaintext": "allow panels in the clear to another machine"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flags of `labgloss check`, each after `--labgloss-`."""
    group = parser.getgroup("labgloss", "laboratory panels")
    group.addoption("--labgloss", metavar="PATH", action="append", help="panel file or folder; may be given again")
    for name, (metavar, text) in _WITH_A_VALUE.items():
        choices = ["results"] if name == "only" else None
        group.addoption(f"--labgloss-{name}", metavar=metavar, choices=choices, help=text)
    for name, text in _SWITCHES.items():
        group.addoption(f"--labgloss-{name}", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Where paths of panels are given, they are collected: beside the tests that are named, or alone."""
    paths = [Path(path) for path in config.getoption("labgloss") or []]
    given = [name for name in (*_WITH_A_VALUE, *_SWITCHES) if _option(config, name) not in (None, False)]
    if given and not paths:
        raise pytest.UsageError(f"--labgloss-{given[0]}: is about panels, and none are named; add --labgloss PATH")
    if paths:
        named = config.args if config.args_source is config.ArgsSource.ARGS else []
        config.args = [*named, *(str(path) for path in paths)]
        config.pluginmanager.register(_Panels(config, paths), "labgloss-panels")


def _option(config: pytest.Config, name: str) -> Any:
    return config.getoption(f"labgloss_{name}".replace("-", "_"))


class PanelDiffersError(Exception):
    """A report is not what its panel expects, or there is none; its text is what `labgloss check` prints of it."""


class _Panels:
    """The panels of a session, and the client that they are sent by."""

    def __init__(self, config: pytest.Config, paths: list[Path]) -> None:
        self._config = config
        self._paths = paths
        self._files: dict[Path, list[PanelCase]] = {}
        self._until_end = ExitStack()
        self._client: Client | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Reads all files at once; where one is faulty, every fault of every file ends the session."""
        from labgloss.panels.errors import PanelFileError
        from labgloss.panels.messages import Messages
        from labgloss.panels.reader import read_panels

        try:
            for case in read_panels(self._paths, messages=Messages.EXPECTED):
                self._files.setdefault(Path(case.file).resolve(), []).append(case)
        except PanelFileError as error:
            pytest.exit(f"labgloss: panel files cannot be read:\n{error}", returncode=_FAULT)

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The panels of a file, if it is one of those given."""
        cases = self._files.get(file_path)
        if cases is None:
            return None
        collected: _File = _File.from_parent(parent, path=file_path)
        collected.cases, collected.panels = cases, self
        return collected

    def pytest_unconfigure(self) -> None:
        """The end of the service."""
        self._until_end.close()

    @property
    def only_results(self) -> bool:
        """Whether no more is compared."""
        return _option(self._config, "only") is not None

    def client(self) -> Client:
        """The client, one for the session; ends it where a flag or the knowledge is faulty."""
        if self._client is None:
            from labgloss.cli.connection import connected
            from labgloss.errors import KnowledgeError, SettingsError

            try:
                self._client = self._until_end.enter_context(connected(self._flags()))
            except (KnowledgeError, SettingsError) as error:
                pytest.exit("labgloss: " + "\n  ".join(map(str, error.faults)), returncode=_FAULT)
        return self._client

    def _flags(self) -> Namespace:
        from labgloss.cli.parser import build_parser

        written: list[str] = ["check"]
        for name in (*_WITH_A_VALUE, *_SWITCHES):
            value = _option(self._config, name)
            if value not in (None, False):
                written.append(f"--{name}" if value is True else f"--{name}={value}")
        return build_parser().parse_args([*written, "."])


class _File(pytest.File):
    cases: list[PanelCase]
    panels: _Panels

    def collect(self) -> Iterator[pytest.Item]:
        for case in self.cases:
            item: _Item = _Item.from_parent(self, name=case.id)
            item.case, item.panels = case, self.panels
            yield item


class _Item(pytest.Item):
    case: PanelCase
    panels: _Panels

    def runtest(self) -> None:
        from labgloss.cli.checked import checked_panels, panel_text
        from labgloss.cli.outcomes import interpreted

        outcomes = interpreted(self.panels.client(), [self.case.request])
        (checked,) = checked_panels([self.case], outcomes, self.panels.only_results)
        if not checked.agrees:
            raise PanelDiffersError(panel_text(checked))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **settings: Any) -> Any:
        if isinstance(excinfo.value, PanelDiffersError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *args, **settings)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"panel {self.case.id}"
