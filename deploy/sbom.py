"""Prints the SBOM (CycloneDX 1.6, JSON) of a folder of wheels: `deploy/wheelhouse` calls it, and the image holds it.

Each wheel is a component with version, package URL, SHA-256, licences as its metadata states them, and what it needs.
The same wheels give the same bytes: no time, and a serial number made of what is listed.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = "labgloss"


def sbom(folder: Path) -> dict[str, Any]:
    """The document on the wheels of a folder, one of which is this project's own."""
    wheels = dict(sorted(_wheels(folder)))
    refs = {name: f"pkg:pypi/{name}@{wheel.version}" for name, (_, wheel) in wheels.items()}
    components = {
        name: {
            "type": "application" if name == _ROOT else "library",
            "bom-ref": refs[name],
            "name": name,
            "version": wheel.version,
            "purl": refs[name],
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}],
            "licenses": _licences(wheel),
        }
        for name, (file, wheel) in wheels.items()
    }
    listed = hashlib.sha256(json.dumps(components).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, listed)}",
        "version": 1,
        "metadata": {"component": components.pop(_ROOT)},
        "components": list(components.values()),
        "dependencies": [
            {"ref": refs[name], "dependsOn": sorted(set(_needed(wheel, refs)))} for name, (_, wheel) in wheels.items()
        ],
    }


def _wheels(folder: Path) -> Iterator[tuple[str, tuple[Path, Distribution]]]:
    for file in folder.glob("*.whl"):
        (wheel,) = distributions(path=[str(file)])
        yield canonicalize_name(wheel.name), (file, wheel)


def _licences(wheel: Distribution) -> list[dict[str, Any]]:
    """By the expression that the metadata states, else by its short text, else by its classifiers; or none."""
    if expression := wheel.metadata.get("License-Expression"):
        return [{"expression": expression}]
    text = wheel.metadata.get("License") or ""
    # Some put the whole text of the licence there.
    if text and "\n" not in text.strip():
        return [{"license": {"name": text.strip()}}]
    classifiers = wheel.metadata.get_all("Classifier") or []
    names = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    return [{"license": {"name": name}} for name in names]


def _needed(wheel: Distribution, refs: Mapping[str, str]) -> Iterator[str]:
    for text in wheel.requires or ():
        ref = refs.get(canonicalize_name(Requirement(text).name))
        # What only an extra asks for is listed where the lock holds it: the extra is then installed.
        if ref is not None:
            yield ref


if __name__ == "__main__":
    json.dump(sbom(Path(sys.argv[1])), sys.stdout, indent=1)
    sys.stdout.write("\n")
