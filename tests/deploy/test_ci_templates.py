"""The templates for a laboratory's CI have the form that their vendors publish, and do the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.ci_templates import FOLDER, Template, document, github, gitlab

SCHEMAS = {
    "github.yml": ("--builtin-schema", "vendor.github-workflows"),
    "gitlab.yml": ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}


def faults(name: str, file: Path) -> str:
    """What the vendor's schema, which check-jsonschema holds, says of a file; empty when it is valid."""
    command = (sys.executable, "-m", "check_jsonschema", *SCHEMAS[name], str(file))
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return ran.stdout + ran.stderr if ran.returncode else ""


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_template_has_the_form_that_its_vendor_publishes(name: str) -> None:
    assert faults(name, FOLDER / name) == ""


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("github.yml", "runs-on:", "run-on:"), ("gitlab.yml", "when: always", "when: allways")],
)
def test_another_form_is_found(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text((FOLDER / name).read_text().replace(right, wrong))
    assert faults(name, tmp_path / name) != ""


def test_both_run_the_same_command_on_the_same_variables() -> None:
    def words(template: Template) -> list[str]:
        return template.script.replace("\\\n", " ").split()

    assert words(github()) == words(gitlab())
    ours = {name: value for name, value in gitlab().variables.items() if not name.startswith("DOCKER_")}
    assert github().variables == ours


def test_what_was_found_is_kept_also_where_something_differs() -> None:
    steps = document("github.yml")["jobs"]["panels"]["steps"]
    assert [step.get("if") for step in steps] == [None, None, "${{ !cancelled() }}"]
    artifacts = document("gitlab.yml")["labgloss"]["artifacts"]
    assert (artifacts["when"], artifacts["reports"]) == ("always", {"junit": "results/junit.xml"})


def test_a_workflow_may_read_its_checkout_and_nothing_else() -> None:
    assert document("github.yml")["permissions"] == {"contents": "read"}
