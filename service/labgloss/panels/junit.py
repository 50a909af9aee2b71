"""The outcome of a check as JUnit XML, which every CI system reads."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass

from labgloss.panels.compare import Difference

# XML 1.0 has no way to write these, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class CheckedPanel:
    """What a check found of one panel: differences, or why there is no report."""

    id: str
    file: str
    differences: tuple[Difference, ...] = ()
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether there is a report and nothing differs."""
        return not self.differences and not self.error


def junit_xml(panels: Iterable[CheckedPanel], seconds: float) -> bytes:
    """One test suite with one test case for each panel, in UTF-8; `seconds` is what the whole run took."""
    checked = list(panels)
    suite = ET.Element(
        "testsuite",
        name="labgloss check",
        tests=str(len(checked)),
        failures=str(sum(bool(panel.differences) for panel in checked)),
        errors=str(sum(bool(panel.error) for panel in checked)),
        skipped="0",
        time=f"{seconds:.3f}",
    )
    for panel in checked:
        _test_case(suite, panel)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    written: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return written


def _test_case(suite: ET.Element, panel: CheckedPanel) -> None:
    case = ET.SubElement(suite, "testcase", name=_writable(panel.id), classname=_writable(panel.file))
    if panel.error:
        ET.SubElement(case, "error", message="no report").text = _writable(panel.error)
    elif panel.differences:
        count = len(panel.differences)
        failure = ET.SubElement(case, "failure", message=f"{count} difference{'' if count == 1 else 's'}")
        failure.text = _writable("\n".join(str(difference) for difference in panel.differences))


def _writable(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
