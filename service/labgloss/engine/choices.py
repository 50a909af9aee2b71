"""What was in force for a report beside the rules: policies and sets, and every entry of a site's overlay, signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labgloss.domain.report import ChoiceInForce
from labgloss.engine.bench import Bench
from labgloss.engine.judged import Judged
from labgloss.engine.kept import by_release
from labgloss.engine.recognise import Recognised
from labgloss.engine.recommend import Recommended
from labgloss.engine.rules import Evaluated
from labgloss.engine.select import VITAMIN_D, policy_for
from labgloss.knowledge.release import SITE, Release, SiteEntry

_REQUEST, _SITE, _DEFAULT = "request", "overlay", "default"


def in_force(
    bench: Bench, recognised: Recognised, entries: Sequence[Judged], evaluated: Evaluated, recommended: Recommended
) -> tuple[ChoiceInForce, ...]:
    """The policy and sets in force and who chose them, then the entries of the site's overlay in its order."""
    chosen = (*_policy(bench, entries), *_sets(bench), *_intervals(bench))
    if not bench.release.site.entries:
        return chosen
    used = {
        *recognised.site,
        *(entry for one in entries for entry in one.site),
        *_figures(bench, entries),
        *_texts(bench, entries, evaluated, recommended),
    }
    return (*chosen, *(_of_site(entry) for entry in bench.release.site.entries if entry in used))


def _of_site(entry: SiteEntry) -> ChoiceInForce:
    return ChoiceInForce(entry.name, entry.value, _SITE, entry.text)


@by_release(maxsize=1024)
def _of_release(release: Release, name: str, value: str, chosen_by: str) -> ChoiceInForce:
    """A policy or set of the release; there are few, and every report names some of them."""
    row = release.choices[name][value]
    return ChoiceInForce(name, row.id, chosen_by, row.title)


def _policy(bench: Bench, entries: Sequence[Judged]) -> Iterator[ChoiceInForce]:
    if not any(entry.analyte is not None and entry.analyte.id == VITAMIN_D for entry in entries):
        return
    row = policy_for(bench.release, bench.panel_age, bench.policy, bench.facts).row
    name = "vitamin_d_policy"
    if bench.panel.options.vitamin_d_policy == row.id:
        yield _of_release(bench.release, name, row.id, _REQUEST)
    elif bench.policy == row.id:
        yield _of_site(bench.release.site.choices[name])
    else:
        yield _of_release(bench.release, name, row.id, _DEFAULT)


def _sets(bench: Bench) -> Iterator[ChoiceInForce]:
    """The set of the request, else the default; the site's is used beside either."""
    name = "critical_limits"
    sent = bench.panel.options.critical_limits
    site = bench.release.site.choices.get(name)
    if sent or site is None:
        yield _of_release(bench.release, name, sent or _DEFAULT, _REQUEST if sent else _DEFAULT)
    if site is not None and site.value != sent:
        yield _of_site(site)


def _intervals(bench: Bench) -> Iterator[ChoiceInForce]:
    name = "intervals"
    sent = bench.panel.options.intervals
    site = bench.release.site.choices.get(name)
    if site is not None and not sent:
        yield _of_site(site)
        return
    yield _of_release(bench.release, name, sent or _DEFAULT, _REQUEST if sent else _DEFAULT)


def _figures(bench: Bench, entries: Sequence[Judged]) -> Iterator[SiteEntry]:
    """Intervals of the site that classed a result, and critical limits of the site that it was compared with."""
    site = bench.release.site
    for entry in entries:
        verdict = entry.verdict or entry.measured
        for shown in verdict.intervals if verdict else ():
            if shown.rule_id in site.rules:
                yield site.rules[shown.rule_id]
            elif entry.analyte is not None and entry.analyte.id in site.variants:
                variant = site.variants[entry.analyte.id]
                if any(row.id == shown.rule_id for row in entry.analyte.intervals[variant.value]):
                    yield variant
        if entry.analyte is not None and entry.analyte.critical.get(SITE):
            yield from _limits_compared(bench, entry)


def _limits_compared(bench: Bench, entry: Judged) -> Iterator[SiteEntry]:
    """The critical limits of the site that speak for the patient of an entry, in every way its number may be read."""
    assert entry.analyte is not None
    for reading in (entry.reading, *entry.candidates):
        if reading is not None:
            for rows in bench.rows(entry, entry.analyte, reading, bench.laboratory(entry, reading)):
                yield from (site for row in rows.critical if (site := bench.release.site.rules.get(row.id)))


def _texts(
    bench: Bench, entries: Sequence[Judged], evaluated: Evaluated, recommended: Recommended
) -> Iterator[SiteEntry]:
    """Words of the site that stand in the report."""
    texts = bench.release.site.texts
    shown = (
        *(("recommendation", item.id) for item in recommended.given),
        *(("pattern", item.id) for item in evaluated.patterns),
        *(("red_flag", item.id) for item in evaluated.red_flags),
        *(("caution", ident) for entry in entries for ident in entry.cautions),
    )
    return (texts[item] for item in shown if item in texts)
