"""A report as text for a terminal, so that a person understands it at a glance."""

from __future__ import annotations

from itertools import groupby

from labgloss.panels.interval_bar import interval_bar
from labgloss.panels.layout import BOLD, DIM, GREEN, RED, YELLOW, Page, Style
from labgloss.panels.names import COMPARATOR_SIGNS, name_of, word_of
from labgloss.v1 import report_pb2 as pb

_URGENCY_COLOURS = {"EMERGENCY": RED, "SAME_DAY": RED, "PROMPT": YELLOW, "ROUTINE": GREEN, "NONE": GREEN}
_INTERVALS_SHOWN = 4


def report_text(report: pb.Report, title: str = "", style: Style | None = None) -> str:
    """The whole report but its trace, sections without content left out, ending with a line break."""
    page = Page(style or Style())
    _header(page, report, title)
    for section in (
        _results,
        _not_judged,
        _findings,
        _red_flags,
        _patterns,
        _recommendations,
        _withheld,
        _symptoms,
        _context,
        _issues,
        _release,
    ):
        section(page, report)
    return str(page)


def _header(page: Page, report: pb.Report, title: str) -> None:
    urgency = name_of(pb.Urgency, report.urgency)
    page.rule("═")
    page.ends(report.panel_id or "(panel without id)", urgency, _colour(report.urgency))
    page.text(title, indent=0)
    page.rule("─")
    page.text(report.summary, indent=0)


def _results(page: Page, report: pb.Report) -> None:
    if report.results:
        page.heading("RESULTS")
    explained: set[str] = set()
    for entry in report.results:
        _result(page, entry)
        for caution in entry.cautions:
            # In words once; a caution that stands beside every result would bury the rest.
            text = "" if caution.id in explained else caution.text
            page.text(_with_id(text, caution.id), indent=6, mark="! ")
            explained.add(caution.id)


def _result(page: Page, entry: pb.ResultInterpretation) -> None:
    columns = (f"{_label(entry):<24}", f"{_as_reported(entry):<22}", f"{entry.flag:<3}", f"{entry.band or '-':<15}")
    critical = f"critical {word_of(pb.Critical, entry.critical)}"
    page.line("  ".join([*columns, critical]), colour=_result_colour(entry))
    if entry.state != pb.RESULT_STATE_INTERPRETED:
        reason = word_of(pb.RefusalReason, entry.refusal_reason)
        page.text(": ".join(filter(None, [word_of(pb.ResultState, entry.state).replace("_", " "), reason])), indent=6)
    for interval in entry.intervals[:_INTERVALS_SHOWN]:
        page.line(_interval(interval, entry.reading), indent=6)
    if len(entry.intervals) > _INTERVALS_SHOWN:
        more = len(entry.intervals) - _INTERVALS_SHOWN
        page.text(f"and {more} more {'interval' if more == 1 else 'intervals'} that may apply", indent=6)
    page.text(_compared(entry.reading), indent=6)
    if len(entry.bands) > 1:
        page.text(f"possible bands: {', '.join(entry.bands)}", indent=6)
    if entry.HasField("ctcae_grade"):
        page.text(f"CTCAE grade {entry.ctcae_grade} (information)", indent=6)
    for conflict in entry.conflicts:
        page.text(conflict.text, indent=6, mark="! ")
    page.text(entry.trend.text, indent=6)


def _label(entry: pb.ResultInterpretation) -> str:
    codes = ", ".join(coding.code for coding in entry.as_sent.codings)
    name = entry.analyte or entry.as_sent.analyte or codes or "(neither analyte nor code)"
    label = f"{entry.id} ({name})" if entry.id and entry.id != name else name
    return f"{label}, earlier" if entry.earlier else label


def _as_reported(entry: pb.ResultInterpretation) -> str:
    """Value and unit as the laboratory sent them; of a computed entry, as computed."""
    if not entry.HasField("as_sent"):
        return f"{_read(entry.reading)} (computed)"
    sent = entry.as_sent
    value = f"{COMPARATOR_SIGNS.get(sent.comparator, '')}{sent.value}" if sent.value else "(no value)"
    return f"{value} {sent.unit}".strip()


def _read(reading: pb.Reading) -> str:
    return f"{COMPARATOR_SIGNS.get(reading.comparator, '')}{reading.value} {reading.unit}".strip()


def _compared(reading: pb.Reading) -> str:
    if not reading.compared_unit or reading.compared_unit == reading.unit:
        return ""
    return f"{_read(reading)} compared as {reading.compared_value} {reading.compared_unit}"


def _interval(interval: pb.IntervalInForce, reading: pb.Reading) -> str:
    origin = word_of(pb.IntervalOrigin, interval.origin)
    whose = f"{origin}: {interval.applies_to}" if interval.applies_to else origin
    return f"{interval_bar(interval, reading)}  {interval.unit}  ({whose})"


def _not_judged(page: Page, report: pb.Report) -> None:
    """What could not be judged, or only on a condition, and why."""
    open_results = [entry for entry in report.results if entry.state != pb.RESULT_STATE_INTERPRETED]
    unread = [symptom for symptom in report.symptoms if symptom.outcome == pb.SYMPTOM_OUTCOME_UNRECOGNISED]
    items = [words for item in (*report.conditions, *report.medications) for words in item.not_recognised]
    if open_results or unread or items:
        page.heading("NOT JUDGED, OR ONLY ON A CONDITION")
    for entry in open_results:
        reason = word_of(pb.RefusalReason, entry.refusal_reason)
        state = word_of(pb.ResultState, entry.state) + (f" ({reason})" if reason else "")
        page.text(f"{_label(entry)}: {state}. {entry.explanation}", mark="- ")
        page.text(f"needs: {'; '.join(entry.missing)}" if entry.missing else "", indent=6)
    for words in [*map(_symptom_words, unread), *items]:
        page.text(f'"{words}": not recognised', mark="- ")


def _findings(page: Page, report: pb.Report) -> None:
    if report.findings:
        page.heading("FINDINGS")
    for finding in report.findings:
        possible = " possible" if finding.truth == pb.TRUTH_UNKNOWN else ""
        band = f" [{finding.band}]" if finding.band else ""
        page.text(f"{finding.id}{possible}{band}  {finding.text}", mark="- ")


def _red_flags(page: Page, report: pb.Report) -> None:
    if report.red_flags:
        page.heading("RED FLAGS")
    for flag in report.red_flags:
        held = " (held until the repeat)" if flag.held else ""
        urgency = name_of(pb.Urgency, flag.urgency)
        page.text(f"{urgency}  {flag.id}{held}  {flag.text}", mark="- ", colour=_colour(flag.urgency))


def _patterns(page: Page, report: pb.Report) -> None:
    """Each pattern in full; those that only a list would settle by name, under what was not sent."""
    if report.patterns:
        page.heading("PATTERNS")
    waiting: dict[str, list[pb.Pattern]] = {}
    for pattern in report.patterns:
        if pattern.open_since and pattern.urgency == pb.URGENCY_NONE:
            waiting.setdefault(pattern.open_since, []).append(pattern)
        else:
            _pattern(page, pattern)
    for since, patterns in waiting.items():
        page.text(f"POSSIBLE  not excluded, since {since}:", mark="- ")
        for pattern in patterns:
            page.text(f"{pattern.id}  {pattern.title}", indent=6)


def _pattern(page: Page, pattern: pb.Pattern) -> None:
    state = name_of(pb.PatternState, pattern.state)
    # A pattern that is only possible has, as a rule, no urgency of its own.
    urgency = "" if pattern.urgency == pb.URGENCY_NONE else f"{name_of(pb.Urgency, pattern.urgency)}  "
    page.text(f"{state}  {pattern.id}  {urgency}{pattern.title}", mark="- ")
    page.text(pattern.text, indent=6)
    # The text of one that is possible says what is missing.
    missing = () if pattern.text and pattern.state == pb.PATTERN_STATE_POSSIBLE else pattern.missing
    for name, clauses in (("for", pattern.evidence_for), ("against", pattern.evidence_against), ("missing", missing)):
        words = "; ".join(dict.fromkeys(clause.text or clause.expression for clause in clauses))
        page.text(f"{name}: {words}" if words else "", indent=6)


def _recommendations(page: Page, report: pb.Report) -> None:
    if report.recommendations:
        page.heading("RECOMMENDATIONS, FOR A CLINICIAN TO CONSIDER")
    for urgency, steps in groupby(report.recommendations, key=lambda step: step.urgency):
        group = list(steps)
        # What the whole group shares is said once.
        shared = group[0].time_frame if len({step.time_frame for step in group}) == 1 else ""
        page.text(": ".join(filter(None, [name_of(pb.Urgency, urgency), shared])), colour=_colour(urgency))
        for step in group:
            page.text(_with_id(step.text, step.id), indent=4, mark="- ")
            details = ["" if shared else step.time_frame]
            details.append(f"because of {', '.join(step.because)}" if step.because else "")
            details.append(f"to order: {', '.join(coding.code for coding in step.codes)}" if step.codes else "")
            page.text("; ".join(detail for detail in details if detail), indent=8, colour=DIM)
            page.text("; ".join(step.safety_conditions), indent=8, mark="provided that: ")


def _withheld(page: Page, report: pb.Report) -> None:
    if report.withheld_recommendations:
        page.heading("WITHHELD")
    for step in report.withheld_recommendations:
        page.text(f"{step.id}: {step.reason} ({step.withheld_by})", mark="- ")


def _symptoms(page: Page, report: pb.Report) -> None:
    if report.symptoms:
        page.heading("SYMPTOMS")
    for symptom in report.symptoms:
        sent = _symptom_words(symptom)
        ids = f" = {', '.join(symptom.symptom_ids)}" if symptom.symptom_ids else ""
        outcome = word_of(pb.SymptomOutcome, symptom.outcome).replace("_", " ")
        page.text(f'"{sent}"{ids}: {outcome}', mark="- ")
        for association in symptom.associations:
            strength = word_of(pb.Strength, association.strength).replace("_", "-")
            page.text(f"{association.finding_id}: {strength}", indent=6)


def _symptom_words(symptom: pb.SymptomInterpretation) -> str:
    """The words that an entry speaks of, as they were sent."""
    sent = symptom.as_sent
    return symptom.part or sent.text or sent.id or sent.coding.code


def _context(page: Page, report: pb.Report) -> None:
    for name, items in (("CONDITIONS", report.conditions), ("MEDICATIONS", report.medications)):
        if items:
            page.heading(name)
        for item in items:
            beside = ", ".join(f'"{words}"' for words in item.not_recognised) if item.ids else ""
            read = ", ".join(item.ids) or ("not recognised" if item.not_recognised else "denied, or not the patient's")
            page.text(f'"{item.as_sent}" = {read}{f"; not recognised: {beside}" if beside else ""}', mark="- ")


def _issues(page: Page, report: pb.Report) -> None:
    if report.issues:
        page.heading("DATA QUALITY")
    for issue in report.issues:
        concerned = [_label(report.results[position]) for position in issue.results if position < len(report.results)]
        where = ", ".join(concerned) or issue.field
        page.text(f"{where}: {_with_id(issue.text, issue.id)}" if where else _with_id(issue.text, issue.id), mark="- ")


def _release(page: Page, report: pb.Report) -> None:
    release = report.release
    overlay = f", overlay {release.overlay}" if release.overlay else ""
    choices = ", ".join(f"{choice.name} {choice.value}" for choice in report.choices if choice.chosen_by != "overlay")
    page.rule("─")
    page.text(f"release {release.version} ({release.digest[:12]}), engine {release.engine}{overlay}", 0, colour=DIM)
    page.text(choices, indent=0, colour=DIM)
    for choice in report.choices:
        if choice.chosen_by == "overlay":
            page.text(f"by the site: {choice.name} {choice.value}: {choice.text}", indent=0, colour=DIM)
    page.text(report.intended_use, indent=0, colour=DIM)


def _with_id(text: str, identifier: str) -> str:
    return f"{text} ({identifier})" if text else identifier


def _colour(urgency: int) -> str:
    return _URGENCY_COLOURS.get(name_of(pb.Urgency, urgency), BOLD)


def _result_colour(entry: pb.ResultInterpretation) -> str:
    if entry.critical in (pb.CRITICAL_YES, pb.CRITICAL_POSSIBLE):
        return RED
    if entry.state == pb.RESULT_STATE_INTERPRETED and entry.flag == "N":
        return ""
    return YELLOW
