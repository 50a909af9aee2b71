"""What a Python process that a test starts needs in its environment."""

from __future__ import annotations

import os
import sys

IMPORTING_LABGLOSS = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
