"""`labgloss knowledge mutate`: whether the cases find each small fault that the knowledge may have."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from labgloss.cli.console import complain, write
from labgloss.knowledge.loader import DATA, load_with_rows
from labgloss.mutation.cases import cases_of, default_paths
from labgloss.mutation.outcomes import Fate, Outcome, disagreeing, outcomes, scores
from labgloss.mutation.survivors import Verdict, judged, name_of, read_survivors
from labgloss.panels.layout import printable
from labgloss.panels.shipped import sample_panels_folder
from labgloss.proofs.mutants import KINDS, Mutant, mutants


def run(arguments: Namespace) -> int:
    """Prints the score and the survivors; 1 when a survivor has no reason, or a listed one does not survive.

    Raises KnowledgeError, PanelFileError or SettingsError when something cannot be read.
    """
    folder = Path(arguments.knowledge) if arguments.knowledge else DATA
    listed = read_survivors(Path(arguments.survivors)) if arguments.survivors else {}
    release, rows = load_with_rows(folder)
    paths = [Path(path) for path in arguments.paths] or default_paths(sample_panels_folder(), folder)
    every = mutants(release, rows)
    chosen = [mutant for mutant in every if _chosen(mutant, arguments.only, arguments.rule)]
    if not chosen:
        complain("no mutant is of this kind and rule; labgloss knowledge mutate --help names the kinds")
        return 2
    cases = cases_of(release, paths)
    if not arguments.rule and (wrong := disagreeing(cases)):
        complain("\n".join((f"{len(wrong)} cases disagree with the release itself; mend them first:", *wrong)))
        return 2
    found = outcomes(release, chosen, cases, arguments.jobs or os.cpu_count() or 1)
    verdict = judged(found, every, listed)
    write(_json(found, listed) if arguments.format == "json" else _text(found, listed, verdict, len(cases)))
    return 0 if verdict.holds else 1


def _chosen(mutant: Mutant, kinds: Sequence[str] | None, rule: str | None) -> bool:
    return (not kinds or mutant.kind in kinds) and (not rule or rule in mutant.rules)


def _text(found: Sequence[Outcome], listed: Mapping[str, str], verdict: Verdict, cases: int) -> str:
    lines = [f"{len(found)} mutants, {cases} cases", ""]
    lines.append(
        f"{'kind':<16}{'of':<16}{'mutants':>8}{'killed':>8}{'refused':>8}{'survive':>8}{'listed':>8}{'score':>7}"
    )
    for score in sorted(scores(found), key=lambda one: (list(KINDS).index(one.kind), one.part)):
        counts = [score.all, *(score.fates[fate] for fate in Fate)]
        known = sum(
            one.fate is Fate.SURVIVED and name_of(one.mutant) in listed
            for one in found
            if (one.mutant.kind, one.mutant.part) == (score.kind, score.part)
        )
        numbers = "".join(f"{number:>8}" for number in (*counts, known))
        lines.append(f"{score.kind:<16}{score.part:<16}{numbers}{score.percent:>7}")
    for title, outcomes_ in (
        ("survive, and the list gives no reason:", verdict.unlisted),
        ("are listed, and do not survive:", verdict.found),
    ):
        if outcomes_:
            lines += ["", f"{len(outcomes_)} {title}"]
            lines += [f"  {name_of(one.mutant)}{f' (by {one.by})' if one.by else ''}" for one in outcomes_]
    if verdict.stale:
        lines += ["", f"{len(verdict.stale)} are listed, and are no mutant of this release:"]
        lines += [f"  {name}" for name in verdict.stale]
    return "\n".join(printable(line) for line in lines) + "\n"


def _json(found: Sequence[Outcome], listed: Mapping[str, str]) -> str:
    table = [
        {
            "kind": score.kind,
            "of": score.part,
            "mutants": score.all,
            **{fate.value: score.fates[fate] for fate in Fate},
            "percent": str(score.percent),
        }
        for score in scores(found)
    ]
    survivors = [
        {
            "kind": one.mutant.kind,
            "file": one.mutant.file,
            "key": one.mutant.key,
            "mutant": one.mutant.words,
            "reason": listed.get(name_of(one.mutant), ""),
        }
        for one in found
        if one.fate is Fate.SURVIVED
    ]
    return json.dumps({"scores": table, "survivors": survivors}, ensure_ascii=False, indent=2) + "\n"
