"""What the templates of deploy/ci say: which variables a laboratory sets, and what is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "ci"


@dataclass(frozen=True)
class Template:
    """A job: its variables, and its script with the shell that the vendor runs it by."""

    name: str
    variables: dict[str, str]
    shell: tuple[str, ...]
    script: str


def document(name: str) -> dict[str, Any]:
    """The file, read."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


def github() -> Template:
    """The workflow's one step that is no action."""
    workflow = document("github.yml")
    (script,) = (step["run"] for step in workflow["jobs"]["panels"]["steps"] if "run" in step)
    return Template("github.yml", workflow["env"], ("bash", "-e", "-c"), script)


def gitlab() -> Template:
    """The job; docker:28 has no bash."""
    job = document("gitlab.yml")["labgloss"]
    return Template("gitlab.yml", job["variables"], ("sh", "-e", "-c"), "\n".join(job["script"]))
