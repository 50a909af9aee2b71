"""What deploy/compose.yaml and deploy/Dockerfile say, read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.deploy.kustomization import documents

DEPLOY = Path(__file__).parents[2] / "deploy"
PROXY = DEPLOY / "haproxy.cfg"
# How a replica may not be more than it needs.
LIMITS = ("read_only", "cap_drop", "security_opt", "mem_limit", "memswap_limit", "pids_limit")


def compose() -> dict[str, Any]:
    """The file, whose anchors are resolved."""
    (document,) = documents((DEPLOY / "compose.yaml").read_text())
    return document


def image_settings() -> dict[str, str]:
    """The settings of the server that the image brings."""
    return dict(re.findall(r"\b(LABGLOSS_\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text()))
