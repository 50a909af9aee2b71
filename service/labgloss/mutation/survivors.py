"""The list of mutants that are known to survive, each with the reason why no case can find it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from labgloss.errors import SettingsError
from labgloss.frozen import dataclass
from labgloss.knowledge.schema import Form, Some, Words
from labgloss.knowledge.validation import FormError, formed
from labgloss.mutation.outcomes import Fate, Outcome
from labgloss.proofs.mutants import Mutant


@dataclass(frozen=True, kw_only=True)
class _Row(Form):
    """A reason, and the mutants that survive for it, each as "FILE: KEY: WORDS"."""

    reason: Words
    mutants: Some


@dataclass(frozen=True, kw_only=True)
class _File(Form):
    survivor: tuple[_Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcomes against the list: survivors that it lacks, and what it names that does not survive."""

    unlisted: tuple[Outcome, ...]
    # Listed mutants that a case or the checks found, with which.
    found: tuple[Outcome, ...]
    # Listed, and no mutant of this release.
    stale: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether exactly the listed mutants survive."""
        return not (self.unlisted or self.found or self.stale)


def name_of(mutant: Mutant) -> str:
    """What a mutant is called in the list."""
    return ": ".join(mutant.id)


def read_survivors(path: Path) -> Mapping[str, str]:
    """The reason of each listed mutant. Raises SettingsError that says what is wrong with the file."""
    try:
        rows = formed(_File, tomllib.loads(path.read_text(encoding="utf-8-sig"))).survivor
    except OSError as error:
        raise SettingsError((f"--survivors: {path} cannot be read: {error.strerror}",)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError((f"--survivors: {path} is not TOML: {error}",)) from error
    except FormError as error:
        faults = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.problems]
        mend = "write [[survivor]] with a reason and mutants = ['FILE: KEY: WORDS', ...]"
        raise SettingsError(tuple(f"--survivors: {path}: {fault}; {mend}" for fault in faults)) from error
    listed: dict[str, str] = {}
    for row in rows:
        for name in row.mutants:
            if name in listed:
                raise SettingsError((f"--survivors: {path}: {name!r} stands twice; give it one reason",))
            listed[name] = row.reason
    return listed


def judged(outcomes: Iterable[Outcome], every: Iterable[Mutant], listed: Mapping[str, str]) -> Verdict:
    """Outcomes of all mutants, or of some, against the list; `every`: all mutants of the release."""
    outcomes = tuple(outcomes)
    known = {name_of(mutant) for mutant in every}
    return Verdict(
        tuple(one for one in outcomes if one.fate is Fate.SURVIVED and name_of(one.mutant) not in listed),
        tuple(one for one in outcomes if one.fate is not Fate.SURVIVED and name_of(one.mutant) in listed),
        tuple(name for name in listed if name not in known),
    )
