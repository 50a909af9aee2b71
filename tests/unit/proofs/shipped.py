"""The panels that the project ships, read."""

from __future__ import annotations

from labgloss.panels.reader import read_panels
from labgloss.panels.shipped import sample_panels_folder

SHIPPED = read_panels([sample_panels_folder()])
BY_ID = {case.id: case for case in SHIPPED}
