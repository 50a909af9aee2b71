"""A site's overlay: what it makes of a release, and every fault in one, named with its place, reason and a patient."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from labgloss.errors import KnowledgeError
from labgloss.knowledge.loader import load
from labgloss.knowledge.overlay import lay_over
from labgloss.knowledge.release import SITE, Release

EXAMPLE = Path(__file__).parents[3] / "deploy" / "overlay.example.toml"
HEAD = 'id = "site"\ntitle = "A site"\n'
SIGNED = 'signed = { name = "Dr A. Example", date = 2026-01-15 }\n'


def interval(analyte: str, limits: str, more: str = "", ident: str = "own") -> str:
    return f'[[interval]]\nanalyte = "{analyte}"\nid = "{ident}"\n{more}limits = {{ {limits} }}\n{SIGNED}'


def critical(analyte: str, side: str, limits: str, more: str = 'age = { from = "28 d" }\n', ident: str = "own") -> str:
    named = f'analyte = "{analyte}"\nid = "{ident}"\nside = "{side}"\n'
    return f"[[critical]]\n{named}{more}limits = {{ {limits} }}\n{SIGNED}"


def index(limits: str) -> str:
    """A haemolysis code H of the system L, for the feed lis."""
    named = 'source = "lis"\nsystem = "L"\ncode = "H"\n'
    return f"[[feed.haemolysis_code]]\n{named}limits = {{ {limits} }}\n{SIGNED}"


def entry(array: str, **keys: str) -> str:
    return "\n".join([f"[[{array}]]", *(f'{key} = "{value}"' for key, value in keys.items()), SIGNED])


ADULT = 'age = { from = "18 y" }\n'
K = interval("potassium", '"mmol/L" = "3.6 <= x <= 5.1"', ADULT)


@dataclass(frozen=True)
class Case:
    """A fault: the overlay without its head, where the fault is, what is said, and who meets it."""

    name: str
    text: str
    key: str
    reason: str
    witness: str = ""


CASES = (
    # ---- form
    Case("not TOML", "[[interval]\n", "", r"is not TOML: "),
    Case("a key beside the arrays", entry("pattern", id="X"), "pattern", r"is not known here; allowed: id, title, int"),
    Case(
        "a key in an entry", K + 'variant = "mayo"\n', "interval[0].variant", r"is not known here; allowed: age, sex, "
    ),
    Case(
        "a condition of a limit",
        critical("potassium", "low", '"mmol/L" = "x <= 2.8"', ADULT + 'when = "condition.ckd"\n'),
        "critical[0].when",
        r"is not known here; allowed: .*side, limits",
    ),
    Case(
        "a key of a feed",
        entry("feed.accept_anything", source="lis"),
        "feed.accept_anything",
        r"is not known here; allowed: mg_per_litre, d3_code_is_total, default_unit, haemolysis_code",
    ),
    Case("no signature", K.replace(SIGNED, ""), "interval[0].signed", r"is missing; every entry says who signed it"),
    Case(
        "no signature of a feed setting",
        entry("feed.d3_code_is_total", source="lis").replace(SIGNED, ""),
        "feed.d3_code_is_total[0].signed",
        r"is missing; every entry says who signed it, and when: signed = \{ name = ",
    ),
    Case("no name", K.replace("Dr A. Example", ""), "interval[0].signed.name", r"String should match"),
    Case("a blank name", K.replace("Dr A. Example", " "), "interval[0].signed.name", r"write it without blanks"),
    Case("no date", K.replace(", date = 2026-01-15", ""), "interval[0].signed.date", r"is missing"),
    Case(
        "a date in quotes",
        K.replace("2026-01-15", '"2026-01-15"'),
        "interval[0].signed.date",
        r"a date is needed, written without quotes: 2026-01-15",
    ),
    Case("no limits", interval("potassium", ""), "interval[0].limits", r"at least 1 item"),
    Case(
        "a limit as a number", interval("potassium", '"mmol/L" = 3.6'), "interval[0].limits.mmol/L", r"write it as text"
    ),
    Case(
        "a limit with a comma", K.replace("3.6", "3,6"), "interval[0].limits.mmol/L", r"'3,6 <= x <= 5\.1' is not a li"
    ),
    Case(
        "a limit upside down", K.replace("3.6", "5.6"), "interval[0].limits.mmol/L", r"the lower end is above the upper"
    ),
    Case("an age in words", K.replace("18 y", "adult"), "interval[0].age.from", r"'adult' is not an age"),
    Case(
        "an unknown side", critical("potassium", "lower", '"mmol/L" = "x <= 2.8"'), "critical[0].side", r"'low' or 'h"
    ),
    Case(
        "a text of a rule's logic", entry("text", kind="finding", id="MG_LOW", text="x"), "text[0].kind", r"'recommen"
    ),
    Case("a choice of another kind", entry("choice", name="language", value="de"), "choice[0].name", r"'vitamin_d_pol"),
    Case("a title of two lines", "", "title", r"on one line"),
    # ---- intervals
    Case(
        "an unknown analyte",
        interval("potasium", '"mmol/L" = "3.6 <= x <= 5.1"'),
        "interval[0] (own)",
        r"analyte 'potasium' is not known to the release; near it: potassium",
    ),
    Case(
        "an analyte that is never read",
        interval("magnesium_ionised", '"mmol/L" = "0.5 <= x <= 0.7"'),
        "interval[0] (own)",
        r"magnesium_ionised is recognised and never read",
    ),
    Case(
        "an interval of vitamin D",
        interval("vitamin_d_25oh", '"nmol/L" = "50 <= x <= 125", "ng/mL" = "20 <= x <= 50"'),
        "interval[0] (own)",
        r"is judged by a policy, never by an interval \(D13\); choose a policy instead: \[\[choice\]\]",
    ),
    Case(
        "a foreign unit",
        interval("potassium", '"mmol/L" = "3.6 <= x <= 5.1", "mg/dL" = "14 <= x <= 20", "g" = "1 <= x <= 2"'),
        "interval[0] (own)",
        r"a limit is written in 'g', which is not a unit of potassium; allowed: mmol/L",
    ),
    Case(
        "a unit of another dimension",
        interval("phosphate", '"mmol/L" = "0.8 <= x <= 1.5", "mg/dL" = "2.5 <= x <= 4.6", "U/L" = "1 <= x <= 2"'),
        "interval[0] (own)",
        r"'U/L', which is not a unit of phosphate",
    ),
    Case(
        "one unit of two",
        interval("magnesium", '"mmol/L" = "0.70 <= x <= 1.05"', ADULT),
        "interval[0] (own)",
        r"has no limit in mg/dL; give it in every unit that is compared without conversion",
    ),
    Case(
        "two units that disagree",
        interval("magnesium", '"mmol/L" = "0.70 <= x <= 1.05", "mg/dL" = "17 <= x <= 26"', ADULT),
        "interval[0] (own)",
        r"0\.70 mmol/L is 1\.70 mg/dL, and 17 mg/dL stands there; mend one",
        r"a value of 1\.70 mg/dL",
    ),
    Case(
        "two units that are open at different ends",
        interval("magnesium", '"mmol/L" = "0.70 <= x <= 1.05", "mg/dL" = "x <= 2.6"', ADULT),
        "interval[0] (own)",
        r"are open at different ends",
    ),
    Case(
        "an interval that names itself",
        interval("potassium", '"mmol/L" = "LLN <= x <= ULN"'),
        "interval[0] (own)",
        r"names LLN or ULN; write the number here",
    ),
    Case(
        "an interval of nothing",
        interval("potassium", '"mmol/L" = "4.0 < x < 4.0"'),
        "interval[0] (own)",
        r"'4\.0 < x < 4\.0' in mmol/L is met by no value",
    ),
    Case(
        "for nobody",
        interval("potassium", '"mmol/L" = "3.6 <= x <= 5.1"', 'age = { from = "18 y", to = "16 y" }\n'),
        "interval[0] (own)",
        r"is for nobody: from 18 y to under 16 y",
    ),
    Case(
        "two for the same patient",
        K + interval("potassium", '"mmol/L" = "3.7 <= x <= 5.2"', 'sex = "female"\n', ident="other"),
        "interval[0] (own) and interval[1] (other)",
        r"two intervals of one variant are for the same patient",
        r"age 6575 d, female",
    ),
    Case("an id twice", K + K.replace("18 y", "0 d", 1), "interval[1] (own)", r"stands twice; an id names one entry"),
    Case(
        "an id of the release",
        interval("potassium", '"mmol/L" = "3.6 <= x <= 5.1"', ident="potassium.critical.default.low"),
        "interval[0] (potassium.critical.default.low)",
        r"is the id of a rule of the release; give the site's own an id of its own",
    ),
    Case(
        "ten times too high",
        interval("potassium", '"mmol/L" = "36 <= x <= 51"', ADULT),
        "interval[0] (own)",
        r"shares no value with the default interval \(3\.\d <= x <= 5\.\d mmol/L\); look at the unit",
        r"age 6575 d.*: \d\.\d+ mmol/L",
    ),
    Case(
        "an interval of implausible values",
        interval("potassium", '"mmol/L" = "0.5 <= x <= 5.1"', ADULT),
        "interval[0] (own)",
        r"holds values that are refused as implausible",
        r"age 6575 d.*: 0\.\d+ mmol/L",
    ),
    Case(
        "a band on the wrong side",
        interval("potassium", '"mmol/L" = "5.2 <= x <= 7.0"', 'age = { from = "18 y" }\nspecimen = ["serum"]\n'),
        "interval[0] (own)",
        r"lies on the other side of the interval|shares no value",
        r"serum: [\d.]+ mmol/L",
    ),
    Case(
        "a band out of reach",
        interval("potassium", '"mmol/L" = "2.9 <= x <= 5.1"', 'age = { from = "28 d" }\n'),
        "interval[0] (own)",
        r"no value of any patient reaches mild_low of potassium\.band any more; an interval this wide takes it away",
    ),
    # ---- variants
    Case(
        "a variant of another analyte",
        entry("variant", analyte="magnesium", variant="harmony_uk"),
        "variant[0] (magnesium)",
        r"variant 'harmony_uk' is not one of magnesium; allowed: rcpa_aacb",
    ),
    Case(
        "an analyte without variants",
        entry("variant", analyte="crp", variant="mayo"),
        "variant[0] (crp)",
        r"there is none; give an interval of your own",
    ),
    Case(
        "two variants",
        entry("variant", analyte="magnesium", variant="rcpa_aacb") * 2,
        "variant[1] (magnesium)",
        r"magnesium stands twice; one entry decides it",
    ),
    # ---- critical limits
    Case(
        "a critical limit of vitamin D",
        critical("vitamin_d_25oh", "high", '"nmol/L" = "x > 375", "ng/mL" = "x > 150"'),
        "critical[0] (own)",
        r"vitamin_d_25oh is never critical \(D11\)",
    ),
    Case(
        "a critical limit without an age",
        critical("potassium", "low", '"mmol/L" = "x <= 2.8"', ""),
        "critical[0] (own)",
        r'limits of adults must not reach newborns unseen \(DEC-61\); say for which ages: age = \{ from = "28 d" \}',
    ),
    Case(
        "a laxer low limit",
        critical("potassium", "low", '"mmol/L" = "x <= 2.2"'),
        "critical[0] (own)",
        r"adds nothing: potassium\.critical\.default\.low.*never removed and never loosened; leave this one out",
        r"age 28 d.*: [\d.]+ mmol/L is critical by potassium\.critical\.default",
    ),
    Case(
        "a laxer high limit in both units",
        critical("magnesium", "high", '"mmol/L" = "x >= 3.00", "mg/dL" = "x >= 7.3"', ADULT),
        "critical[0] (own)",
        r"adds nothing: magnesium\.critical\.default\.high \(x >= 2\.00 mmol/L, x >= 4\.8 mg/dL\)",
        r"is critical by magnesium\.critical\.default\.high",
    ),
    Case(
        "critical inside the default interval",
        critical("potassium", "low", '"mmol/L" = "x <= 3.8"', ADULT),
        "critical[0] (own)",
        r"a value inside the default interval would be critical",
        r"age 6575 d.*: 3\.\d+ mmol/L",
    ),
    Case(
        "critical inside the site's interval",
        interval("potassium", '"mmol/L" = "3.2 <= x <= 5.1"', ADULT, ident="wide")
        + critical("potassium", "low", '"mmol/L" = "x <= 3.3"', ADULT),
        "critical[0] (own)",
        r"a value inside the interval in force would be critical",
        r"age 6575 d.*: 3\.\d+ mmol/L",
    ),
    Case(
        "critical on the wrong side",
        critical("potassium", "high", '"mmol/L" = "x <= 2.8"'),
        "critical[0] (own)",
        r"'x <= 2\.8' in mmol/L does not reach to the high end; extend it",
    ),
    Case(
        "critical in one unit of two",
        critical("magnesium", "low", '"mmol/L" = "x <= 0.45"'),
        "critical[0] (own)",
        r"has no limit in mg/dL",
    ),
    Case(
        "critical in two units that disagree",
        critical("magnesium", "low", '"mmol/L" = "x <= 0.45", "mg/dL" = "x <= 0.45"'),
        "critical[0] (own)",
        r"0\.45 mmol/L is 1\.09 mg/dL, and 0\.45 mg/dL stands there",
    ),
    # ---- choices
    Case(
        "an unknown policy",
        entry("choice", name="vitamin_d_policy", value="nam_2012"),
        "choice[0] (vitamin_d_policy)",
        r"'nam_2012' is no vitamin_d_policy; allowed: nam_2011",
    ),
    Case(
        "a policy without bands",
        entry("choice", name="vitamin_d_policy", value="kdoqi_legacy"),
        "choice[0] (vitamin_d_policy)",
        r"'kdoqi_legacy' has no bands of its own, so that choosing it changes nothing; allowed: nam_2011",
    ),
    Case(
        "an unknown set",
        entry("choice", name="critical_limits", value="laxer"),
        "choice[0] (critical_limits)",
        r"'laxer' is no critical_limits; allowed: default, rcpath",
    ),
    Case(
        "a choice twice",
        entry("choice", name="intervals", value="mayo") + entry("choice", name="intervals", value="aacb"),
        "choice[0] (intervals)",
        r"intervals stands twice",
    ),
    # ---- texts
    Case(
        "words for nothing",
        entry("text", kind="recommendation", id="CHECK_PHT", text="Measure PTH."),
        "text[0] (CHECK_PHT)",
        r"recommendation 'CHECK_PHT' is not known to the release; near it: CHECK_PTH",
    ),
    Case(
        "words that order a supplement",
        entry("text", kind="recommendation", id="CHECK_PTH", text="Give potassium chloride tablets."),
        "text[0] (CHECK_PTH)",
        r"says 'give potassium chloride tablets', which amounts to SUGGEST_K_SUPPLEMENT, and no report may say that",
    ),
    Case(
        "words of a diagnosis",
        entry(
            "text", kind="pattern", id="MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA", text="The patient has hypoparathyroidism."
        ),
        "text[0] (MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA)",
        r"which amounts to ASSERT_DIAGNOSIS",
    ),
    Case(
        "words of an all-clear",
        entry("text", kind="caution", id="near_cut_off", text="No further action is needed."),
        "text[0] (near_cut_off)",
        r"amounts to ASSERT_ALL_CLEAR",
    ),
    Case("empty words", entry("text", kind="caution", id="near_cut_off", text=""), "text[0].text", r"should match"),
    Case(
        "words twice",
        entry("text", kind="caution", id="near_cut_off", text="Near.") * 2,
        "text[0] (near_cut_off)",
        r"caution near_cut_off stands twice",
    ),
    # ---- codes
    Case(
        "a code of LOINC",
        entry("code", system="http://loinc.org", code="2823-3", analyte="magnesium"),
        "code[0] (http://loinc.org 2823-3)",
        r"'http://loinc\.org' is LOINC, whose codes belong to the release; name the system of the site",
    ),
    Case(
        "a code of two things",
        entry("code", system="L", code="K", analyte="potassium", condition="ckd"),
        "code[0] (L K)",
        r"names 2 things; give one of analyte, condition, medication",
    ),
    Case("a code of nothing", entry("code", system="L", code="K"), "code[0] (L K)", r"names 0 things"),
    Case(
        "a code of an unknown condition",
        entry("code", system="L", code="HD", condition="dialisis"),
        "code[0] (L HD)",
        r"condition 'dialisis' is not known to the release; near it: dialysis",
    ),
    Case(
        "a code of an unknown medication",
        entry("code", system="L", code="P", medication="omeprazole"),
        "code[0] (L P)",
        r"medication 'omeprazole' is not known to the release",
    ),
    Case(
        "a property of a condition",
        entry("code", system="L", code="HD", condition="dialysis", property="mass"),
        "code[0] (L HD)",
        r"only numbers of an analyte have one; leave it out",
    ),
    Case(
        "a property that the analyte has no unit of",
        entry("code", system="L", code="NA", analyte="sodium", property="activity"),
        "code[0] (L NA)",
        r"sodium has no unit of property 'activity'; allowed: moles",
    ),
    Case(
        "a code twice",
        entry("code", system="L", code="K", analyte="potassium")
        + entry("code", system="L", code="K", analyte="sodium"),
        "code[1] (L K)",
        r"L K stands twice; one entry decides it",
    ),
    # ---- feeds
    Case(
        "mg/L of potassium",
        f'[[feed.mg_per_litre]]\nsource = "lis"\nanalytes = ["potassium"]\n{SIGNED}',
        "feed.mg_per_litre[0] (lis)",
        r"mg/L may be accepted for calcium_adjusted, .*magnesium \(DEC-41\), and not for 'potassium'",
    ),
    Case(
        "a default unit that the analyte has not",
        entry("feed.default_unit", source="lis", analyte="potassium", unit="ng/mL"),
        "feed.default_unit[0] (lis)",
        r"'ng/mL' is not a unit of potassium; allowed: mmol/L",
    ),
    Case(
        "a default unit of mg/L that the feed does not accept",
        entry("feed.default_unit", source="lis", analyte="magnesium", unit="mg/L"),
        "feed.default_unit[0] (lis)",
        r"'mg/L' is not a unit of magnesium",
    ),
    Case(
        "two default units",
        entry("feed.default_unit", source="lis", analyte="magnesium", unit="mmol/L")
        + entry("feed.default_unit", source="lis", analyte="magnesium", unit="mg/dL"),
        "feed.default_unit[0] (lis)",
        r"magnesium of lis stands twice",
    ),
    Case(
        "a feed without a name", entry("feed.d3_code_is_total", source=""), "feed.d3_code_is_total[0].source", r"should"
    ),
    Case(
        "a setting twice",
        entry("feed.d3_code_is_total", source="lis") * 2,
        "feed.d3_code_is_total[0] (lis)",
        r"the setting of lis stands twice",
    ),
    Case(
        "a haemolysis index without an upper end",
        index('"1" = "x > 50"'),
        "feed.haemolysis_code[0] (lis)",
        r"'x > 50' has no upper end; write the values that are no haemolysis: 'x <= 50'",
    ),
    Case(
        "a haemolysis index in a foreign unit",
        index('"%" = "x <= 5"'),
        "feed.haemolysis_code[0] (lis)",
        r"'%' is not a unit of the haemolysis index; allowed: 1, g/L, mg/dL",
    ),
    Case(
        "a haemolysis code among the local codes",
        entry("code", system="L", code="H", analyte="haemolysis_index") + index('"1" = "x <= 5"'),
        "feed.haemolysis_code[0] (lis)",
        r"L H stands among the local codes as well",
    ),
)


def faults_of(release: Release, path: Path, text: str) -> KnowledgeError:
    path.write_text(text)
    with pytest.raises(KnowledgeError) as error:
        lay_over(release, path)
    return error.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_stops_the_overlay_and_is_named(case: Case, release: Release, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    head = HEAD if case.key != "title" else 'id = "site"\ntitle = "A\\nsite"\n'
    faults = faults_of(release, path, head + case.text).faults
    assert {fault.file for fault in faults} == {str(path)}
    found = [fault for fault in faults if fault.key == case.key]
    assert found, [str(fault) for fault in faults]
    matching = [fault for fault in found if re.search(case.reason, fault.reason)]
    assert matching, [fault.reason for fault in found]
    assert any(re.search(case.witness, fault.witness) for fault in matching), [fault.witness for fault in matching]
    if case.witness:
        assert all(fault.witness for fault in matching)


def test_faults_of_all_kinds_are_named_at_once(release: Release, tmp_path: Path) -> None:
    text = HEAD + K.replace("3.6", "36").replace("5.1", "51")
    text += critical("potassium", "low", '"mmol/L" = "x <= 2.2"', ident="lax")
    text += entry("choice", name="intervals", value="none") + entry("code", system="L", code="K", analyte="kalium")
    faults = faults_of(release, tmp_path / "site.toml", text).faults
    assert {"interval[0] (own)", "critical[0] (lax)", "choice[0] (intervals)", "code[0] (L K)"} == {
        fault.key for fault in faults
    }


def test_a_file_that_is_not_there_is_named(release: Release, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"absent\.toml: cannot be read .*; give the path of an overlay file"):
        lay_over(release, tmp_path / "absent.toml")


def test_a_byte_order_mark_is_no_part_of_the_file(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text("\ufeff" + HEAD + K, encoding="utf-8")
    assert lay_over(release, path).site.entries


def test_bytes_that_are_no_text_are_named(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b'id = "\xff"')
    with pytest.raises(KnowledgeError, match=r"site\.toml: is not TOML: 'utf-8' codec can't decode byte 0xff"):
        lay_over(release, path)


# ---------------------------------------------------------------------------------------------- what it makes


@pytest.fixture(scope="module")
def example(release: Release) -> Release:
    return lay_over(release, EXAMPLE)


def test_the_example_loads_and_shows_every_entry_with_its_signature(example: Release) -> None:
    reference = example.reference
    assert ("example-hospital", hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()) == (
        reference.overlay,
        reference.overlay_digest,
    )
    assert len(example.site.entries) == EXAMPLE.read_text().count("\nsigned = ")
    assert all(entry.signed_by and entry.text.endswith("on 2026-01-15") for entry in example.site.entries)


def test_the_loader_lays_an_overlay_over_the_files(example: Release) -> None:
    assert load(overlay=EXAMPLE).reference == example.reference


def test_the_release_below_stays_as_it_is(release: Release, example: Release) -> None:
    assert release.reference.overlay == release.reference.overlay_digest == ""
    assert release.site.entries == ()
    assert example.reference.digest == release.reference.digest
    assert SITE not in release.analytes["potassium"].intervals
    assert SITE in example.analytes["potassium"].intervals
    assert example.analytes["sodium"] is release.analytes["sodium"]


def test_every_critical_limit_of_the_release_is_still_there(release: Release, example: Release) -> None:
    for ident, analyte in release.analytes.items():
        for name, rows in analyte.critical.items():
            assert set(map(id, rows)) <= set(map(id, example.analytes[ident].critical[name]))


def test_a_critical_limit_of_the_site_is_set_aside_where_those_of_the_release_are(
    release: Release, tmp_path: Path
) -> None:
    """DEC-62: the window of a magnesium infusion wins."""
    path = tmp_path / "site.toml"
    path.write_text(HEAD + critical("magnesium", "high", '"mmol/L" = "x >= 1.90", "mg/dL" = "x >= 4.6"', ADULT))
    (row,) = lay_over(release, path).analytes["magnesium"].critical[SITE]
    assert str(row.unless) == "condition.pre_eclampsia_infusion"
    assert row.limits["mmol/L"].numbers == (Decimal("1.90"),)


def test_other_words_change_nothing_but_the_words(release: Release, example: Release) -> None:
    ident = "PHONE_CRITICAL_RESULT"
    before, after = release.recommendations[ident], example.recommendations[ident]
    assert before.text != after.text
    assert replace(before, text=after.text) == after
    assert [rule.id for rule in release.rule_order] == [rule.id for rule in example.rule_order]


def test_an_empty_overlay_is_one_all_the_same(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(HEAD)
    made = lay_over(release, path)
    assert made.reference.overlay == "site"
    assert made.analytes == release.analytes


def test_one_byte_of_an_overlay_changes_its_digest(release: Release, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    digests = set()
    for text in (HEAD, HEAD + "#"):
        path.write_text(text)
        digests.add(lay_over(release, path).reference.overlay_digest)
    assert len(digests) == 2


def test_a_feed_without_settings_is_read_by_the_release_itself(example: Release) -> None:
    assert example.for_source("nobody") is example
    assert example.for_source("") is example
    assert example.for_source(" example-lis ") is not example
