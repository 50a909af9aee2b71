"""What is wrong with panel files, said so that whoever wrote them can mend them."""

from __future__ import annotations

from labgloss.frozen import dataclass


@dataclass(frozen=True, slots=True)
class PanelFault:
    """One fault of a panel file; never repeats a value of the file."""

    file: str
    panel: str
    key: str
    problem: str

    def __str__(self) -> str:
        panel = f"panel {self.panel}" if self.panel else ""
        return ": ".join(part for part in (self.file, panel, self.key, self.problem) if part)


class PanelFileError(Exception):
    """Panel files cannot be read. Its text lists every fault of every file, one a line."""

    def __init__(self, faults: tuple[PanelFault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))
