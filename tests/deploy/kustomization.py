"""The manifests as an overlay makes them: by kubectl where there is one, and here by the little that ours use."""

from __future__ import annotations

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE, SITE, HTTP = FOLDER / "base", FOLDER / "overlays" / "site", FOLDER / "http"
_KEYS = {"apiVersion", "kind", "namespace", "resources", "images", "configMapGenerator", "patches"}
# What kustomize appends to a generated name, so that another content is another object.
_SUFFIX = re.compile(r"^(labgloss(?:-http)?-site)-[a-z0-9]{10}$")


class _Strict(yaml.SafeLoader):
    """A key that stands twice is a fault, where PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def documents(text: str) -> list[Document]:
    """The documents of a YAML text. Raises YAMLError."""
    return [document for document in yaml.load_all(text, _Strict) if document is not None]


def by_kubectl(kubectl: str, overlay: Path) -> list[Document]:
    """What `kubectl kustomize` makes of a folder, generated names without their suffix."""
    made = subprocess.run([kubectl, "kustomize", overlay], check=True, capture_output=True, text=True).stdout
    return [_without_suffix(document) for document in documents(made)]


def built(overlay: Path) -> list[Document]:
    """The same, made here. Raises AssertionError at whatever is not understood, or is missing, or is not used."""
    kustomization = documents((overlay / "kustomization.yaml").read_text())[0]
    assert set(kustomization) <= _KEYS
    used = {"kustomization.yaml"}
    made: list[Document] = []
    for name in kustomization["resources"]:
        used.add(name)
        made += built(overlay / name) if (overlay / name).is_dir() else documents((overlay / name).read_text())
    for generator in kustomization.get("configMapGenerator", ()):
        used |= set(generator["files"])
        data = {name: (overlay / name).read_text() for name in generator["files"]}
        made.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data})
    for patch in kustomization.get("patches", ()):
        used.add(patch["path"])
        for document in documents((overlay / patch["path"]).read_text()):
            (position,) = (at for at, each in enumerate(made) if named(each) == named(document))
            made[position] = _merged(made[position], document)
    for image in kustomization.get("images", ()):
        _rename(made, image)
    files = {file.name for file in overlay.iterdir()}
    assert files == used & files, f"not named in the kustomization: {sorted(files - used)}"
    for document in made:
        if document["kind"] != "Namespace":
            document["metadata"]["namespace"] = kustomization["namespace"]
    return made


def named(document: Document) -> tuple[str, str]:
    """Kind and name, which no two documents share."""
    return document["kind"], document["metadata"]["name"]


def _merged(old: Any, new: Any) -> Any:
    """As a strategic merge does: by key; lists of what has a name, by name, new ones first."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old[key], value) if key in old else value for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        changed = {each["name"]: each for each in new}
        kept = [_merged(each, changed.pop(each["name"], {})) for each in old]
        return [*changed.values(), *kept]
    return new


def _rename(made: list[Document], image: Document) -> None:
    containers = [each for document in made for each in _containers(document) if each["image"] == image["name"]]
    assert containers, f"no container has the image {image['name']}"
    for container in containers:
        container["image"] = f"{image['newName']}:{image['newTag']}"


def _containers(document: Document) -> list[Document]:
    return list(document["spec"]["template"]["spec"]["containers"]) if document["kind"] == "Deployment" else []


def _without_suffix(document: Document) -> Document:
    document = copy.deepcopy(document)
    if document["kind"] == "ConfigMap":
        document["metadata"]["name"] = _SUFFIX.sub(r"\1", document["metadata"]["name"])
    if document["kind"] == "Deployment":
        for volume in document["spec"]["template"]["spec"]["volumes"]:
            if "configMap" in volume:
                volume["configMap"]["name"] = _SUFFIX.sub(r"\1", volume["configMap"]["name"])
    return document
