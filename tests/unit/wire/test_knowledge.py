"""What the release knows can be listed in pages, and every rule found by the name that a report gives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from labgloss.errors import RequestError, RuleNotFoundError
from labgloss.knowledge.loader import load
from labgloss.knowledge.release import Release
from labgloss.knowledge.stated import stated, unsigned
from labgloss.v1 import knowledge_pb2 as pb
from labgloss.wire.knowledge import Knowledge
from labgloss.wire.rules import rules_of


@pytest.fixture(scope="module")
def release() -> Release:
    return load()


@pytest.fixture(scope="module")
def knowledge(release: Release) -> Knowledge:
    return Knowledge(release)


LISTS: dict[str, tuple[Callable[[Knowledge, Any], Any], type, str]] = {
    "analytes": (Knowledge.list_analytes, pb.ListAnalytesRequest, "analytes"),
    "intervals": (Knowledge.list_reference_intervals, pb.ListReferenceIntervalsRequest, "intervals"),
    "rules": (Knowledge.list_rules, pb.ListRulesRequest, "rules"),
    "symptoms": (Knowledge.list_symptoms, pb.ListSymptomsRequest, "symptoms"),
    "sources": (Knowledge.list_sources, pb.ListSourcesRequest, "sources"),
}


def violations_of(call: Callable[[], object]) -> list[tuple[str, str, str]]:
    with pytest.raises(RequestError) as raised:
        call()
    return [(each.field, each.reason, each.description) for each in raised.value.violations]


@pytest.mark.parametrize("name", LISTS)
def test_pages_hold_every_item_once_in_the_order_of_ids(name: str, knowledge: Knowledge) -> None:
    answer, request, field = LISTS[name]
    whole = [item.id for item in getattr(answer(knowledge, request(page_size=1_000)), field)]
    assert whole
    assert all(one < other for one, other in pairwise(whole))
    assert answer(knowledge, request(page_size=len(whole))).next_page_token == ""
    paged: list[str] = []
    token = ""
    while token or not paged:
        page = answer(knowledge, request(page_size=7, page_token=token))
        assert len(getattr(page, field)) == 7 or not page.next_page_token
        paged += [item.id for item in getattr(page, field)]
        token = page.next_page_token
    assert whole == paged


def test_a_page_holds_100_items_unless_another_size_is_asked_for(knowledge: Knowledge) -> None:
    assert 100 == len(knowledge.list_rules(pb.ListRulesRequest()).rules)


@pytest.mark.parametrize("size", [-1, 1_001])
def test_a_page_size_outside_its_limits_is_refused(size: int, knowledge: Knowledge) -> None:
    expected = [("page_size", "OUT_OF_RANGE", "items a page 0 to 1,000 are allowed")]
    assert expected == violations_of(lambda: knowledge.list_sources(pb.ListSourcesRequest(page_size=size)))


def test_a_token_of_another_list_another_filter_or_nobody_is_refused(knowledge: Knowledge) -> None:
    token = knowledge.list_rules(pb.ListRulesRequest(page_size=3)).next_page_token
    description = "the next_page_token of the same list, with the same filters, from the release loaded is needed"
    for bad in (token[:-2], token[1:], "AAAA", "%", "é", "x" * 5_000):
        assert [("page_token", "BAD_FORM", description)] == violations_of(
            lambda bad=bad: knowledge.list_rules(pb.ListRulesRequest(page_token=bad))
        )
    for other in (
        lambda: knowledge.list_sources(pb.ListSourcesRequest(page_token=token)),
        lambda: knowledge.list_rules(pb.ListRulesRequest(page_token=token, analyte="magnesium")),
    ):
        assert [("page_token", "BAD_FORM", description)] == violations_of(other)


def test_every_bad_field_of_a_list_request_is_named_at_once(knowledge: Knowledge) -> None:
    request = pb.ListRulesRequest(page_size=-1, page_token="x", analyte="kryptonite")
    request.kind = 99  # type: ignore[assignment]  # a number that the list does not hold
    assert ["kind", "analyte", "page_size", "page_token"] == [
        field for field, _, _ in violations_of(lambda: knowledge.list_rules(request))
    ]


def test_intervals_are_listed_by_analyte_and_variant(knowledge: Knowledge, release: Release) -> None:
    request = pb.ListReferenceIntervalsRequest(analyte="magnesium", variant="rcpa_aacb")
    found = knowledge.list_reference_intervals(request).intervals
    rows = release.analytes["magnesium"].intervals["rcpa_aacb"]
    assert sorted(row.id for row in rows) == [interval.id for interval in found]
    assert {("magnesium", "rcpa_aacb")} == {(interval.analyte, interval.variant) for interval in found}
    row = next(row for row in rows if row.id.endswith(".adult"))
    adult = next(interval for interval in found if interval.id == row.id)
    assert adult.applies_to.startswith("age from 18 y")
    assert [("mmol/L", "0.70 <= x <= 1.10")] == [(limit.unit, limit.expression) for limit in adult.limits]
    assert (row.source, row.status, row.note) == (tuple(adult.source_ids), adult.status, adult.note)


def test_an_unknown_filter_is_refused_rather_than_answered_by_nothing(knowledge: Knowledge) -> None:
    request = pb.ListReferenceIntervalsRequest(analyte="kryptonite", variant="nobody")
    assert [("analyte", "UNKNOWN_VALUE"), ("variant", "UNKNOWN_VALUE")] == [
        (field, reason) for field, reason, _ in violations_of(lambda: knowledge.list_reference_intervals(request))
    ]


def test_rules_are_listed_by_kind(knowledge: Knowledge) -> None:
    request = pb.ListRulesRequest(kind=pb.RULE_KIND_CRITICAL_LIMIT, analyte="magnesium", page_size=1_000)
    rules = knowledge.list_rules(request).rules
    assert "magnesium.critical.default.low" in [rule.id for rule in rules]
    assert {(pb.RULE_KIND_CRITICAL_LIMIT, "magnesium")} == {(rule.kind, rule.analyte) for rule in rules}


def test_rules_of_every_kind_are_listed(knowledge: Knowledge) -> None:
    kinds = {
        rule.kind
        for kind in pb.RuleKind.values()
        for rule in knowledge.list_rules(pb.ListRulesRequest(kind=kind)).rules
    }
    assert set(pb.RuleKind.values()) - {pb.RULE_KIND_UNSPECIFIED} == kinds


def test_no_two_rules_share_an_id(release: Release) -> None:
    ids = [rule.id for rule in rules_of(release)]
    assert sorted(set(ids)) == ids


def test_a_band_says_its_limits_in_every_unit_and_what_it_brings(knowledge: Knowledge) -> None:
    rule = knowledge.get_rule(pb.GetRuleRequest(id="magnesium.band.severe_low")).rule
    assert [("mmol/L", "x <= 0.40"), ("mg/dL", "x <= 1.0")] == [(limit.unit, limit.expression) for limit in rule.limits]
    assert (pb.RULE_KIND_BAND, "magnesium", "magnesium: severe_low", "seen") == (
        rule.kind,
        rule.analyte,
        rule.title,
        rule.status,
    )
    assert rule.statement.startswith("side low; everybody; urgency EMERGENCY; brings ECG_NOW, ")


@pytest.mark.parametrize(
    ("ident", "kind"),
    [
        ("MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA", pb.RULE_KIND_PATTERN),
        ("recommendation.CHECK_PTH", pb.RULE_KIND_RECOMMENDATION),
        ("CHECK_PTH", pb.RULE_KIND_RECOMMENDATION),
        ("MG_LOW", pb.RULE_KIND_FINDING),
        ("finding.CA_LOW", pb.RULE_KIND_FINDING),
        ("interval_default_used", pb.RULE_KIND_CAUTION),
        ("unit_suspect", pb.RULE_KIND_ISSUE),
        ("refusal.no_value", pb.RULE_KIND_REFUSAL),
        ("magnesium.class", pb.RULE_KIND_FINDING),
        ("magnesium.plausibility.0", pb.RULE_KIND_PLAUSIBILITY),
        ("magnesium.ctcae.hypomagnesemia", pb.RULE_KIND_CTCAE_GRADE),
        ("computation.albumin_adjustment", pb.RULE_KIND_COMPUTATION),
    ],
)
def test_a_rule_is_found_by_the_name_that_a_report_gives_it(ident: str, kind: int, knowledge: Knowledge) -> None:
    assert kind == knowledge.get_rule(pb.GetRuleRequest(id=ident)).rule.kind


def test_a_rule_that_does_not_exist_is_not_found(knowledge: Knowledge) -> None:
    with pytest.raises(RuleNotFoundError):
        knowledge.get_rule(pb.GetRuleRequest(id="magnesium.band.purple"))


def test_a_rule_without_an_id_is_a_bad_field(knowledge: Knowledge) -> None:
    expected = [("id", "REQUIRED", "a rule id is needed, such as ListRules or a report names")]
    assert expected == violations_of(lambda: knowledge.get_rule(pb.GetRuleRequest()))


def test_an_analyte_says_how_each_unit_is_compared(knowledge: Knowledge) -> None:
    analytes = knowledge.list_analytes(pb.ListAnalytesRequest(page_size=1_000)).analytes
    magnesium = next(analyte for analyte in analytes if analyte.id == "magnesium")
    units = {unit.ucum: unit for unit in magnesium.units}
    assert (True, "mg/dL", "1") == (units["mg/dL"].native, units["mg/dL"].compared_in, units["mg/dL"].factor)
    assert (False, "mmol/L", "1/2") == (units["meq/L"].native, units["meq/L"].compared_in, units["meq/L"].factor)
    assert ("primary", "24.305", 2) == (magnesium.role, magnesium.molar_mass, magnesium.charge)
    assert {"2601-3", "19123-9"} <= {code.loinc for code in magnesium.codes}
    assert ("hard", "x < 0.10", "mmol/L") == (
        magnesium.plausibility[0].kind,
        magnesium.plausibility[0].expression,
        magnesium.plausibility[0].unit,
    )


def test_a_release_says_what_it_is_and_what_still_needs_a_signature(knowledge: Knowledge, release: Release) -> None:
    said = knowledge.get_release(pb.GetReleaseRequest()).release
    assert (release.reference.version, release.reference.digest) == (said.version, said.digest)
    assert release.file.intended_use == said.intended_use
    counts = {count.name: count.count for count in said.counts}
    assert (len(release.analytes), len(release.patterns)) == (counts["analytes"], counts["pattern"])
    statuses = {count.name: count.count for count in said.statuses}
    assert len(stated(release)) == sum(statuses.values())
    assert len(unsigned(release)) == sum(count for name, count in statuses.items() if name not in ("seen", "signed"))
    assert release.vitamin_d_policies == tuple(said.vitamin_d_policies)


def test_a_symptom_and_a_source_say_what_their_rows_say(knowledge: Knowledge, release: Release) -> None:
    symptom = knowledge.list_symptoms(pb.ListSymptomsRequest(page_size=1)).symptoms[0]
    row = release.symptoms[symptom.id]
    assert (row.display, row.synonyms) == (symptom.display, tuple(symptom.synonyms))
    assert [(code.system, code.code, code.nearest) for code in row.codes] == [
        (code.system, code.code, code.nearest) for code in symptom.codes
    ]
    source = knowledge.list_sources(pb.ListSourcesRequest(page_size=1)).sources[0]
    assert (release.sources[source.id].citation, release.sources[source.id].tier) == (source.citation, source.tier)


def test_a_rule_says_what_a_report_can_say_of_it(knowledge: Knowledge) -> None:
    def outcomes(ident: str) -> list[str]:
        return list(knowledge.get_rule(pb.GetRuleRequest(id=ident)).rule.outcomes)

    assert ["reached"] == outcomes("magnesium.band.severe_low")
    assert ["reached"] == outcomes("magnesium.critical.default.low")
    assert [] == outcomes("magnesium.interval.default.from_28_days")
    assert ["matched", "possible"] == outcomes("MG_CA_K_TRIAD")
    assert ["EMERGENCY", "SAME_DAY"] == outcomes("TETANY_OR_LATENT_TETANY")
    assert ["EMERGENCY", "SAME_DAY", "held"] == outcomes("VALUE_ALONE")
    assert ["EMERGENCY", "SAME_DAY", "held"] == outcomes("HYPERKALAEMIA_WITH_AKI_OR_FAST_RISE")
    assert ["given"] == outcomes("CHECK_PTH")
    assert ["given", "withheld"] == outcomes("CONSIDER_VITD_REPLETION")
    assert ["reached"] == outcomes("refusal.no_value")


def test_a_finding_of_which_one_row_is_unsigned_is_not_called_seen(release: Release) -> None:
    rows = release.findings["CA_LOW_UNDER_2_10"]
    mixed = (replace(rows[0], status="seen"), replace(rows[1], status="proposal"))
    changed = replace(release, findings={**release.findings, "CA_LOW_UNDER_2_10": mixed})
    rules = {rule.id: rule for rule in rules_of(changed)}
    assert "proposal" == rules["finding.CA_LOW_UNDER_2_10"].status


@pytest.mark.parametrize(
    ("name", "part"),
    [
        # What makes it possible in the place of the rule of SP 0.2; what lowers it, with its caution.
        ("ADRENAL_INSUFFICIENCY_PATTERN", "possible while any(all(any(finding.NA_LOW, finding.K_HIGH)"),
        (
            "GITELMAN_TYPE_SALT_LOSING_TUBULOPATHY",
            "at most ROUTINE while group.gitelman_at_known_target, with caution known_target_used",
        ),
        # What it brings while it is only possible.
        (
            "GITELMAN_TYPE_SALT_LOSING_TUBULOPATHY",
            "while only possible: urgency NONE, brings CHECK_URINE_K_CL, CHECK_URINE_CALCIUM, CHECK_MG while "
            "all(finding.K_LOW, finding.HCO3_HIGH)",
        ),
        ("PTH_DEPENDENT_HYPERCALCAEMIA", "caution single_calcium_unconfirmed on calcium while possible(none("),
        ("FHH_TYPE_HYPERCALCAEMIA", "against finding.VITD_LOW"),
        ("SAMPLE_EDTA_CONTAMINATION", "refuses "),
        # What it follows over time, by a test that the panel holds, and by what it reads.
        ("VITD_EXCESS_NORMOCALCAEMIC", "although the test is in the panel, to follow it over time"),
        ("REFEEDING_SYNDROME_PATTERN", "reads results over time: REFEEDING_FALL_MILD, REFEEDING_FALL_MODERATE"),
    ],
)
def test_a_pattern_is_stated_whole(name: str, part: str, release: Release) -> None:
    assert part in statement_of(release, name)


def test_a_pattern_says_which_results_it_lacks(release: Release) -> None:
    rows = [row for row in release.patterns.values() if row.says_missing is not None]
    assert rows
    for row in rows:
        assert row.says_missing is not None
        said = f"says which of {', '.join(row.says_missing.analytes)} is missing or not usable while"
        assert f"{said} {row.says_missing.when}" in statement_of(release, row.id)


def test_no_condition_of_a_pattern_is_left_out(release: Release) -> None:
    for row in release.patterns.values():
        conditions: list[object] = [row.possible_when, *row.core, *row.required, *row.excluding]
        conditions += [*row.supporting, *row.against]
        conditions += [each.when for each in (*row.levels, *row.lowers, *row.recommend, *row.possible, *row.cautions)]
        said = statement_of(release, row.id)
        assert [part for part in conditions if part is not None and str(part) not in said] == []


def statement_of(release: Release, name: str) -> str:
    return next(rule.statement for rule in rules_of(release) if rule.id == name)
