"""The image under test, built once from what this checkout holds, and removed with what it was built on.

TEST_IMAGE names one that is there already, such as the one that is to be deployed, to run the tests of the service on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Read by testcontainers when it is imported: no container of its own beside ours, and ports of loopback.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")

import docker
from testcontainers.core.image import DockerImage

from tests.containers.base_image import BaseImage, base_image

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.images.prune(filters={"label": "labgloss.stage=build"})
    client.close()


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> Iterator[BaseImage]:
    found = base_image(engine)
    yield found
    if found.made:
        engine.images.remove(found.name, force=True)


@pytest.fixture(scope="session")
def wheelhouse(base: BaseImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "wheelhouse"
    command = [DEPLOY / "wheelhouse", "--python", base.python, folder]
    subprocess.run(command, check=True, env={**os.environ, "LABGLOSS_PYTHON": sys.executable}, timeout=300)
    return folder


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Iterator[str]:
    if named := os.environ.get("TEST_IMAGE"):
        yield named
        return
    wheelhouse, base = request.getfixturevalue("wheelhouse"), request.getfixturevalue("base")
    with built(wheelhouse, base, "labgloss-tests/service:first") as made:
        yield str(made)


def built(wheelhouse: Path, base: BaseImage, tag: str) -> DockerImage:
    """The image of a wheelhouse, built anew on entering the context, removed on leaving it."""
    return DockerImage(
        path=wheelhouse,
        tag=tag,
        dockerfile_path=str(DEPLOY / "Dockerfile"),
        no_cache=True,
        buildargs={"BASE_IMAGE": base.name},
        rm=True,
        forcerm=True,
    )
