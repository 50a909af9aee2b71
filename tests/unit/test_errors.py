"""Errors that stop the start-up list every fault, one a line."""

from __future__ import annotations

from labgloss.errors import Fault, KnowledgeError, SettingsError


def test_a_fault_names_file_key_reason_and_witness() -> None:
    assert "potassium.toml: potassium.band: no band holds this value (witness: age 3 y: 5.15 mmol/L)" == str(
        Fault("potassium.toml", "potassium.band", "no band holds this value", "age 3 y: 5.15 mmol/L")
    )
    assert "units.toml: unit: stands twice" == str(Fault("units.toml", "unit", "stands twice"))
    assert "release.toml: is missing" == str(Fault("release.toml", "", "is missing"))


def test_a_knowledge_error_lists_every_fault_on_a_line_of_its_own() -> None:
    error = KnowledgeError((Fault("a.toml", "x", "one"), Fault("b.toml", "y", "two", "a patient")))
    assert "a.toml: x: one\nb.toml: y: two (witness: a patient)" == str(error)


def test_a_settings_error_lists_every_fault_on_a_line_of_its_own() -> None:
    assert "one\ntwo" == str(SettingsError(("one", "two")))
