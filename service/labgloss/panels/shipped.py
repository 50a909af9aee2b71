"""Where the sample panels are that the package ships."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import labgloss
from labgloss.panels.errors import PanelFault, PanelFileError


def sample_panels_folder() -> Path:
    """The folder of the sample panels: beside this module once installed, under `tests` in a checkout.

    Raises: PanelFileError when neither is there.
    """
    shipped = Path(str(files("labgloss.panels") / "samples"))
    checkout = Path(*labgloss.__path__).parents[1] / "tests" / "panels"
    for folder in (shipped, checkout):
        if folder.is_dir():
            return folder
    problem = f"the sample panels are neither here nor in {checkout}; install labgloss again"
    raise PanelFileError((PanelFault(str(shipped), "", "", problem),))
