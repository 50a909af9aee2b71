"""A release with the entries of a site's overlay in it: a new release, and a view of it for each feed with settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from labgloss.frozen import dataclass
from labgloss.knowledge import needed, overlay_checks, overlay_schema, schema
from labgloss.knowledge.expression import Expression, Limit
from labgloss.knowledge.release import (
    DEFAULT,
    SITE,
    Analyte,
    CodeOfAnalyte,
    CodeOfSite,
    DerivedFinding,
    Feed,
    Release,
    Rule,
    Site,
    SiteEntry,
    compile_analyte,
)

D3_ISSUE = "d3_code_used_for_total"
MG_PER_LITRE = "mg/L"


@dataclass(frozen=True)
class _Merge:
    """A release and the overlay that is laid over it."""

    release: Release
    file: overlay_schema.OverlayFile

    def entry(self, signed: overlay_schema.Signed, name: str, value: str, words: str) -> SiteEntry:
        return SiteEntry(name, value, words, signed.signed.name, signed.signed.date)

    def compiled(self, form: schema.AnalyteFile) -> Analyte:
        policies = tuple(self.release.choices["vitamin_d_policy"].values())
        return compile_analyte(form, self.release.unit_table, self.release.computations.pregnancy, policies)


def merged(release: Release, file: overlay_schema.OverlayFile, digest: str) -> Release:
    """The release with the entries of an overlay, each sound by itself."""
    merge = _Merge(release, file)
    sources: dict[str, schema.SourceRow] = {}
    intervals = {row.id: _interval(merge, row, sources) for row in file.interval}
    criticals = {row.id: _critical(merge, row, sources) for row in file.critical}
    variants = {row.analyte: _variant(merge, row) for row in file.variant}
    choices: dict[str, SiteEntry] = {row.name: _choice(merge, row) for row in file.choice}
    texts: dict[tuple[str, str], SiteEntry] = {(row.kind, row.id): _text(merge, row) for row in file.text}
    codes = {(row.system, row.code): _code(merge, row, sources) for row in file.code}
    forms = _forms(release, file, intervals, criticals)
    site = Site(
        title=file.title,
        entries=(
            *(entry for _, entry in intervals.values()),
            *variants.values(),
            *(entry for _, entry in criticals.values()),
            *choices.values(),
            *texts.values(),
            *(code.entry for code in codes.values()),
        ),
        rules=MappingProxyType({ident: entry for ident, (_, entry) in (*intervals.items(), *criticals.items())}),
        variants=MappingProxyType(variants),
        choices=MappingProxyType(choices),
        texts=MappingProxyType(texts),
        codes=MappingProxyType(codes),
    )
    analytes = {
        ident: merge.compiled(forms[ident]) if ident in forms else row for ident, row in release.analytes.items()
    }
    made = replace(
        release,
        reference=replace(release.reference, overlay=file.id, overlay_digest=digest),
        analytes=MappingProxyType(analytes),
        choices=_offered(release, file),
        recommendations=_reworded(release.recommendations, "recommendation", file),
        patterns=_reworded(release.patterns, "pattern", file),
        red_flags=_reworded(release.red_flags, "red_flag", file),
        cautions=_reworded(release.cautions, "caution", file),
        site=site,
    )
    views = {source: _view(_Merge(made, file), source, sources) for source in _feed_sources(file)}
    entries = (*site.entries, *(entry for _, of_source in views.values() for entry in of_source))
    made = replace(made, sources=MappingProxyType({**release.sources, **sources}), rule_order=_same_order(made))
    site = replace(
        site,
        entries=entries,
        views=MappingProxyType(
            {
                source: replace(
                    view, sources=made.sources, rule_order=made.rule_order, site=replace(view.site, entries=entries)
                )
                for source, (view, _) in views.items()
            }
        ),
    )
    return replace(made, site=site)


def _same_order(made: Release) -> tuple[Rule, ...]:
    """The order of the rules, each with the site's words."""
    rules: dict[str, Rule] = {**made.red_flags, **made.patterns}
    return tuple(rule if isinstance(rule, DerivedFinding) else rules[rule.id] for rule in made.rule_order)


def _limits_words(limits: Mapping[str, Limit]) -> str:
    return ", ".join(limit.text if unit == "1" else f"{limit.text} {unit}" for unit, limit in limits.items())


def _source(merge: _Merge, ident: str, entry: SiteEntry, sources: dict[str, schema.SourceRow]) -> tuple[str, ...]:
    """The source that stands behind a figure of the site: the overlay, with who signed it."""
    name = f"{merge.file.id}:{ident}"
    citation = f"{merge.file.title}, site overlay {merge.file.id}: {entry.text}"
    sources[name] = schema.SourceRow(id=name, citation=citation, read=entry.signed_on.isoformat())
    return (name,)


def _interval(
    merge: _Merge, row: overlay_schema.OwnInterval, sources: dict[str, schema.SourceRow]
) -> tuple[schema.IntervalRow, SiteEntry]:
    name = merge.release.analytes[row.analyte].name
    entry = merge.entry(row, "interval", row.id, f"interval of the site for {name}: {_limits_words(row.limits)}")
    interval = schema.IntervalRow(
        **_population(row),
        id=row.id,
        variant=SITE,
        limits=row.limits,
        source=_source(merge, row.id, entry, sources),
        status="signed",
    )
    return interval, entry


def _critical(
    merge: _Merge, row: overlay_schema.OwnCritical, sources: dict[str, schema.SourceRow]
) -> tuple[schema.CriticalRow, SiteEntry]:
    analyte = merge.release.analytes[row.analyte]
    words = f"critical limit of the site for {analyte.name}, added to those of the release: {_limits_words(row.limits)}"
    entry = merge.entry(row, "critical_limit", row.id, words)
    return schema.CriticalRow(
        **_population(row),
        id=row.id,
        set=SITE,
        side=row.side,
        limits=row.limits,
        unless=_exception(analyte, row.side),
        source=_source(merge, row.id, entry, sources),
        status="signed",
    ), entry


def _exception(analyte: Analyte, side: str) -> Expression | None:
    """What sets the release's own limits of a side aside, such as a magnesium infusion: the site's as well (DEC-62)."""
    found = {row.unless for row in analyte.critical.get(DEFAULT, ()) if row.side == side and row.unless is not None}
    return found.pop() if len(found) == 1 else None


def _population(row: schema.Population) -> dict[str, Any]:
    return {name: getattr(row, name) for name in schema.field_names(schema.Population)}


def _variant(merge: _Merge, row: overlay_schema.NamedVariant) -> SiteEntry:
    name = merge.release.analytes[row.analyte].name
    title = merge.release.choices["intervals"][row.variant].title
    return merge.entry(row, f"intervals.{row.analyte}", row.variant, f"intervals of the site for {name}: {title}")


def _choice(merge: _Merge, row: overlay_schema.OwnChoice) -> SiteEntry:
    return merge.entry(row, row.name, row.value, merge.release.choices[row.name][row.value].title)


def _text(merge: _Merge, row: overlay_schema.OwnText) -> SiteEntry:
    return merge.entry(row, "text", f"{row.kind}.{row.id}", "words of the site")


def _code(merge: _Merge, row: overlay_schema.LocalCode, sources: dict[str, schema.SourceRow]) -> CodeOfSite:
    kind, ident = next(named for named in overlay_checks.named_by(row) if named[1])
    value = f"{row.system} {row.code}"
    entry = merge.entry(row, "code", value, f"local code of the {kind} {ident}")
    form = None
    if kind == "analyte":
        source = _source(merge, f"code {value}", entry, sources)
        form = _code_row(row.code, row.property or "other", source)
    return CodeOfSite(kind, ident, entry, form)


def _code_row(code: str, measures: schema.Property, source: tuple[str, ...]) -> schema.CodeRow:
    return schema.CodeRow(loinc=code, name=code, property=measures, specimen="", status="signed", source=source)


def _offered(release: Release, file: overlay_schema.OverlayFile) -> Mapping[str, Mapping[str, schema.ChoiceRow]]:
    """What a request may choose: the site's own intervals and critical limits beside those of the release."""
    offered = dict(release.choices)
    for name, rows in (("intervals", file.interval), ("critical_limits", file.critical)):
        if rows:
            source = tuple(f"{file.id}:{row.id}" for row in rows)
            own = schema.ChoiceRow(id=SITE, title=file.title, source=source, status="signed")
            offered[name] = MappingProxyType({**release.choices[name], SITE: own})
    return MappingProxyType(offered)


def _reworded(rows: Mapping[str, Any], kind: str, file: overlay_schema.OverlayFile) -> Mapping[str, Any]:
    words = {row.id: row.text for row in file.text if row.kind == kind}
    return MappingProxyType(
        {ident: replace(row, text=words[ident]) if ident in words else row for ident, row in rows.items()}
    )


def _forms(
    release: Release,
    file: overlay_schema.OverlayFile,
    intervals: Mapping[str, tuple[schema.IntervalRow, SiteEntry]],
    criticals: Mapping[str, tuple[schema.CriticalRow, SiteEntry]],
) -> dict[str, schema.AnalyteFile]:
    """The files of the analytes that get rows of the site."""
    forms: dict[str, schema.AnalyteFile] = {}
    for own in file.interval:
        form = forms.get(own.analyte, release.analytes[own.analyte].form)
        forms[own.analyte] = replace(form, intervals=(*form.intervals, intervals[own.id][0]))
    for limit in file.critical:
        form = forms.get(limit.analyte, release.analytes[limit.analyte].form)
        forms[limit.analyte] = replace(form, critical=(*form.critical, criticals[limit.id][0]))
    return forms


# ---------------------------------------------------------------------------------------------- feeds


def _feed_sources(file: overlay_schema.OverlayFile) -> list[str]:
    settings = (setting for name in schema.field_names(overlay_schema.Feeds) for setting in getattr(file.feed, name))
    return list(dict.fromkeys(setting.source for setting in settings))


def _view(merge: _Merge, source: str, sources: dict[str, schema.SourceRow]) -> tuple[Release, tuple[SiteEntry, ...]]:
    """The release as the requests of one source are read by it, and the settings of that source."""
    release, feeds = merge.release, merge.file.feed
    analytes = dict(release.analytes)
    codes = dict(release.codes)
    local = dict(release.site.codes)
    entries: list[SiteEntry] = []

    def entry(setting: overlay_schema.FeedSetting, name: str, words: str) -> SiteEntry:
        entries.append(merge.entry(setting, f"feed.{name}", source, words))
        return entries[-1]

    in_mg: dict[str, SiteEntry] = {}
    for accepted in _of(feeds.mg_per_litre, source):
        made = entry(accepted, "mg_per_litre", f"mg/L is accepted for {', '.join(accepted.analytes)}")
        for ident in accepted.analytes:
            in_mg[ident] = made
            form = analytes[ident].form
            unit = schema.UnitOfAnalyte(ucum=MG_PER_LITRE, property="mass", digits=0)
            analytes[ident] = merge.compiled(replace(form, units=(*form.units, unit)))
    as_total: dict[str, SiteEntry] = {}
    for setting in _of(feeds.d3_code_is_total, source):
        made = entry(setting, "d3_code_is_total", "codes of the D3 fraction are read as total 25-OH vitamin D")
        for row in release.analytes[needed.D3].form.codes:
            as_total[row.loinc] = made
            codes[row.loinc] = CodeOfAnalyte(needed.TOTAL_VITAMIN_D, replace(row, issue=D3_ISSUE, molar_mass=None))
    units: dict[str, tuple[str, SiteEntry]] = {}
    for default in _of(feeds.default_unit, source):
        words = f"a {analytes[default.analyte].name} without a unit is in {default.unit}"
        units[default.analyte] = (default.unit, entry(default, "default_unit", words))
    for number, index in enumerate(feeds.haemolysis_code):
        if index.source != source:
            continue
        words = f"{index.system} {index.code} is the haemolysis index; no haemolysis: {_limits_words(index.limits)}"
        made = entry(index, "haemolysis_code", words)
        ident = f"{needed.HAEMOLYSIS_INDEX}.interval.{SITE}.feed_{number}"
        cited = _source(merge, ident, made, sources)
        local[index.system, index.code] = CodeOfSite(
            "analyte", needed.HAEMOLYSIS_INDEX, made, _code_row(index.code, "other", cited)
        )
        form = analytes[needed.HAEMOLYSIS_INDEX].form
        interval = schema.IntervalRow(id=ident, variant=SITE, limits=index.limits, source=cited, status="signed")
        # Before the site's own, if there is one: the feed's limit is the nearer.
        analytes[form.id] = merge.compiled(replace(form, intervals=(interval, *form.intervals)))
        release = replace(release, site=replace(release.site, rules={**release.site.rules, ident: made}))
    site = replace(release.site, codes=MappingProxyType(local), feed=Feed(in_mg, as_total, units))
    view = replace(release, analytes=MappingProxyType(analytes), codes=MappingProxyType(codes), site=site)
    return view, tuple(entries)


def _of(settings: tuple[Any, ...], source: str) -> Iterator[Any]:
    return (setting for setting in settings if setting.source == source)
