"""The shipped release as it was parsed and checked when an image was made: a start need not do it again.

It is to the knowledge files what a .pyc is to a module: it lies beside them in the package, is made with the image
(`python -m labgloss.parsed`), and is taken only while it speaks of exactly these files, read by exactly this code
on this Python. Anything else is as if it were not there. It is never looked for in a folder that a setting names.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import platform
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from sys import intern
from types import MappingProxyType
from typing import Any

import labgloss
from labgloss.engine.recognise import vocabulary
from labgloss.knowledge.loader import DATA, digest_of, load
from labgloss.knowledge.release import Release
from labgloss.knowledge.schema import Form, field_names, items_of

PLACE = DATA / "release.parsed"

# What a release is made of beside classes of its own rooms.
_ROOMS = ("labgloss.domain.", "labgloss.knowledge.")
_OTHERS = frozenset(
    {
        ("datetime", "date"), ("decimal", "Decimal"), ("fractions", "Fraction"), ("builtins", "frozenset"),
        # The vocabulary, which the engine makes of it.
        ("labgloss.engine.recognise", "Vocabulary"), ("labgloss.engine.recognise", "_ContextIndex"),
        ("labgloss.engine.complaints", "Index"),
        ("labgloss.engine.phrases", "PhrasesInOrder"), ("labgloss.engine.phrases", "PhrasesInAnyOrder"),
    }
)  # fmt: skip
_CODE = ("domain", "knowledge", "engine")
# The format of this file, and of pickle within it.
_FORMAT, _PROTOCOL = "labgloss parsed release 1", 5


def load_served(folder: Path, overlay: Path | None, where: Path = PLACE) -> Release:
    """The release of a folder, with an overlay laid over it, as `load` gives it; parsed before where it can be."""
    release = kept(where) if folder == DATA else None
    if release is None:
        return load(folder, overlay)
    if overlay is None:
        return release
    # Only here: its forms and checks take their time to import.
    from labgloss.knowledge.overlay import lay_over

    return lay_over(release, overlay)


def kept(where: Path = PLACE) -> Release | None:
    """The release that is kept there; None unless it is whole, and of these files, this code and this Python."""
    try:
        head, _, content = where.read_bytes().partition(b"\n")
        made_of = _made_of()
        if head != _head(made_of, content):
            return None
        release = read(content)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the files are parsed
        return None
    if release.reference.overlay:
        return None
    return release if release.reference.digest == made_of["digest"] else None


def keep(where: Path = PLACE) -> None:
    """Parses and checks the shipped release and keeps it. Raises KnowledgeError with every fault of it.

    Raises ValueError unless what is read back is the same, field by field.
    """
    made_of = _made_of()
    loaded = load()
    release = replace(loaded, vocabulary=vocabulary(loaded))
    _fill_caches(release)
    content = written(release)
    if _plain(read(content)) != _plain(release):
        raise ValueError("the release that is read back is another one")
    where.write_bytes(_head(made_of, content) + b"\n" + content)


def written(release: Release) -> bytes:
    """A release, whatever was laid over it, for a process of the same code."""
    content = io.BytesIO()
    _Writer(content, _PROTOCOL).dump(release)
    return content.getvalue()


def read(content: bytes) -> Release:
    """The release of which `written` made this. Raises UnpicklingError, and whatever pickle does, of anything else."""
    release = _Reader(io.BytesIO(content)).load()
    if not isinstance(release, Release):
        raise pickle.UnpicklingError("it is no release")
    return release


def _head(made_of: Mapping[str, str], content: bytes) -> bytes:
    """The first line: what the release was made of, and that the rest of the file is whole."""
    stated = {"format": _FORMAT, **made_of, "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps(stated, sort_keys=True).encode()


def _made_of() -> Mapping[str, str]:
    """All that a release depends on; of what validated it, nothing is in it.

    Raises OSError where the code is not there to be read.
    """
    home = Path(labgloss.__file__).parent
    code = hashlib.sha256()
    for path in [
        Path(__file__),
        home / "frozen.py",
        *sorted(path for room in _CODE for path in (home / room).rglob("*.py")),
    ]:
        content = path.read_bytes()
        code.update(f"{path.name} {len(content)}\n".encode() + content)
    python = f"{sys.implementation.cache_tag} {platform.python_version()}"
    return {"digest": digest_of(DATA), "code": code.hexdigest(), "python": python}


def _fill_caches(release: Release) -> None:
    for one in (release, *release.analytes.values()):
        for name, member in vars(type(one)).items():
            if isinstance(member, cached_property):
                getattr(one, name)


def form(kind: type[Form], *values: Any) -> Form:
    """A form of the values of its fields, which were validated when it was kept.

    Made as any other, and not filled as pickle does it: so the forms of a kind share their keys.
    """
    return kind(**dict(zip(field_names(kind), map(_shared, values), strict=True)))


def _shared(value: Any) -> Any:
    """The value with one object for each text: a release says "mmol/L", and each of its sources, hundreds of times."""
    if type(value) is str:
        return intern(value)
    if type(value) is tuple:
        return tuple([intern(part) if type(part) is str else part for part in value])
    return value


def mapping(content: dict[Any, Any]) -> Mapping[Any, Any]:
    """A mapping that cannot be changed: pickle knows none."""
    return MappingProxyType(content)


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Form):
            return form, (type(value), *(part for _, part in items_of(value)))
        return (mapping, (dict(value),)) if isinstance(value, MappingProxyType) else NotImplemented


class _Reader(pickle.Unpickler):
    """Makes what a release consists of, and nothing else, whatever the file asks for."""

    def find_class(self, module: str, name: str) -> Any:
        for made in (mapping, form):
            if (module, name) == (made.__module__, made.__name__):
                return made
        found = super().find_class(module, name) if module.startswith(_ROOMS) or (module, name) in _OTHERS else None
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a release")
        return found


def _plain(value: object) -> object:
    """The value in tuples and text, so that two are equal where they hold the same."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, tuple((field.name, _plain(getattr(value, field.name))) for field in fields(value))
    if isinstance(value, Mapping):
        return "mapping", tuple((_plain(key), _plain(part)) for key, part in value.items())
    if isinstance(value, tuple | list):
        return type(value).__name__, tuple(_plain(part) for part in value)
    if isinstance(value, frozenset | set):
        return "set", tuple(sorted(map(repr, map(_plain, value))))
    return repr(value)


if __name__ == "__main__":
    # By its name: what is kept names the function that makes a mapping.
    from labgloss import parsed

    parsed.keep()
    print(f"{PLACE.name}: {PLACE.stat().st_size} bytes")
