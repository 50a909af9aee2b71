"""A check as JUnit XML: one test case for each panel, named by its id."""

import xml.etree.ElementTree as ET

from labgloss.panels.compare import Difference
from labgloss.panels.junit import CheckedPanel, junit_xml


def test_agreement_difference_and_error_each_have_their_test_case() -> None:
    xml = junit_xml(
        [
            CheckedPanel("a", "one.toml"),
            CheckedPanel("b", "one.toml", (Difference("b", "urgency", "NONE", "PROMPT"),)),
            CheckedPanel("c", "two.toml", error="The service was not reached."),
        ],
        seconds=1.25,
    )
    assert xml.decode() == (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        "<testsuites>\n"
        '  <testsuite name="labgloss check" tests="3" failures="1" errors="1" skipped="0" time="1.250">\n'
        '    <testcase name="a" classname="one.toml" />\n'
        '    <testcase name="b" classname="one.toml">\n'
        '      <failure message="1 difference">urgency: expected NONE, got PROMPT</failure>\n'
        "    </testcase>\n"
        '    <testcase name="c" classname="two.toml">\n'
        '      <error message="no report">The service was not reached.</error>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>"
    )


def test_what_xml_cannot_hold_is_replaced() -> None:
    panel = CheckedPanel("a\x1b", "f<&>.toml", (Difference("a", "x\x00", "\ud800", "\ufffe"),))
    suite = ET.fromstring(junit_xml([panel], seconds=0))
    case = suite.find(".//testcase")
    assert case is not None
    assert case.attrib == {"name": "a\ufffd", "classname": "f<&>.toml"}
    assert case.findtext("failure") == "x\ufffd: expected \ufffd, got \ufffd"
