"""The image: what it holds, as whom it runs, and that it is the same whenever it is built."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import BuildError

from tests.containers.base_image import BaseImage
from tests.containers.conftest import built
from tests.external_tools import needs

needs("docker engine", to="build the image")

INSTALLED = """
import json
from importlib.metadata import distributions
found = distributions(path=["/opt/labgloss/lib"])
print(json.dumps(sorted((each.name.lower().replace("_", "-"), each.version) for each in found)))
"""


def inside(engine: docker.DockerClient, image: str, program: str) -> Any:
    """What a program prints in the image, as JSON."""
    return json.loads(engine.containers.run(image, ["-c", program], entrypoint="python3", remove=True))


def files_of(engine: docker.DockerClient, image: str) -> dict[str, tuple[int, str]]:
    """Mode and SHA-256, or where it links to, of every file of an image."""
    container = engine.containers.create(image)
    try:
        with tempfile.TemporaryFile() as flat:
            for part in container.export():
                flat.write(part)
            flat.seek(0)
            with tarfile.open(fileobj=flat) as tar:
                return {entry.name: (entry.mode, _content(tar, entry)) for entry in tar}
    finally:
        container.remove()


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    stream = tar.extractfile(entry) if entry.isreg() else None
    return hashlib.file_digest(stream, "sha256").hexdigest() if stream else entry.linkname


def test_two_builds_hold_the_same_files(
    engine: docker.DockerClient, image: str, wheelhouse: Path, base: BaseImage
) -> None:
    with built(wheelhouse, base, "labgloss-tests/service:second") as second:
        one, other = files_of(engine, image), files_of(engine, str(second))
    assert len(one) > 2_000
    assert one == other


def test_it_adds_less_than_100_mb_to_its_base(engine: docker.DockerClient, image: str, base: BaseImage) -> None:
    added = engine.images.get(image).attrs["Size"] - engine.images.get(base.name).attrs["Size"]
    assert 20_000_000 < added < 100_000_000


def test_the_sbom_lists_what_is_installed(engine: docker.DockerClient, image: str, wheelhouse: Path) -> None:
    shipped = inside(engine, image, "print(open('/opt/labgloss/sbom.cdx.json').read())")
    assert json.loads((wheelhouse / "sbom.cdx.json").read_text()) == shipped
    components = [shipped["metadata"]["component"], *shipped["components"]]
    installed = inside(engine, image, INSTALLED)
    assert sorted([component["name"], component["version"]] for component in components) == installed


def test_it_runs_as_nobody_in_particular_and_by_no_shell(engine: docker.DockerClient, image: str) -> None:
    config = engine.images.get(image).attrs["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python3", "-m", "labgloss"]
    assert config["Cmd"] == ["serve"]
    assert config["Healthcheck"]["Test"][:4] == ["CMD", "python3", "-m", "labgloss"]
    assert inside(engine, image, "import os; print(os.getuid())") == 65532


def test_nothing_of_it_can_be_changed_by_whom_it_runs_as(engine: docker.DockerClient, image: str) -> None:
    ours = {name: mode for name, (mode, _) in files_of(engine, image).items() if name.startswith("opt/")}
    assert {name for name, mode in ours.items() if mode & 0o6022} == set()


def test_a_wheel_that_was_changed_is_not_installed(wheelhouse: Path, base: BaseImage, tmp_path: Path) -> None:
    tampered = tmp_path / "wheelhouse"
    shutil.copytree(wheelhouse, tampered)
    wheel = next((tampered / "wheels").glob("structlog-*.whl"))
    with wheel.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BuildError) as refused, built(tampered, base, "labgloss-tests/service:tampered"):
        pass
    said = "".join(str(line.get("stream", "")) for line in refused.value.build_log)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE" in said
