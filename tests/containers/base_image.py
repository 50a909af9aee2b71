"""The base that the image under test is built on: a public one where it can be had, else this machine's own Python."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

_PUBLIC = "python:3.13-slim"
_MADE = "labgloss-tests/machine-python"
_MINOR = "{}.{}".format(*sys.version_info)
# Parts of the standard library that a slim image leaves out as well, or that only a screen needs.
_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "__pycache__"}
# What wheels link to and the interpreter itself may not.
_WHEELS_NEED = ("libstdc++.so.6", "libgcc_s.so.1", "librt.so.1", "libpthread.so.0", "libdl.so.2", "libutil.so.1")


@dataclass(frozen=True)
class BaseImage:
    """An image with Python: its name, the Python's minor version, and whether the tests made it."""

    name: str
    python: str
    made: bool


def base_image(client: docker.DockerClient) -> BaseImage:
    """The public image when it is here or can be pulled; else one made of this machine's Python and its libraries."""
    try:
        client.images.get(_PUBLIC)
    except ImageNotFound:
        try:
            client.images.pull(_PUBLIC)
        except DockerException:
            return _machine_python(client)
    return BaseImage(_PUBLIC, _PUBLIC.removeprefix("python:").removesuffix("-slim"), made=False)


def _machine_python(client: docker.DockerClient) -> BaseImage:
    """Holds no shell, no pip and no compiled library code, so that an image that needs one of them fails on it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder, mode in (("tmp", 0o1777), ("usr/local/bin", 0o755), ("etc", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        interpreter = Path(sys.base_prefix, "bin", f"python{_MINOR}").resolve()
        _add(tar, interpreter, f"usr/local/bin/python{_MINOR}")
        link = tarfile.TarInfo("usr/local/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, f"python{_MINOR}"
        tar.addfile(link)
        library = Path(sysconfig.get_path("stdlib"))
        files = list(_library_files(library))
        for file in files:
            _add(tar, file, f"usr/local/lib/python{_MINOR}/{file.relative_to(library)}")
        modules = [file for file in files if file.suffix == ".so"]
        for name, file in sorted(_shared(interpreter, *modules).items()):
            _add(tar, file, name)
    client.api.import_image_from_data(packed.getvalue(), repository=_MADE, tag=_MINOR)
    return BaseImage(f"{_MADE}:{_MINOR}", _MINOR, made=True)


def _library_files(library: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(library):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        yield from (Path(folder, name) for name in names if "tkinter" not in name)


def _shared(*programs: Path) -> dict[str, Path]:
    """Where each shared library that the programs need stands in the image, and here.

    The loader stands where programs name it, the others in the folder that it searches.
    """
    listed = subprocess.run(["ldd", *map(str, programs)], check=True, capture_output=True, text=True).stdout
    found: dict[str, Path] = {}
    searched = f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
    for line in listed.splitlines():
        words = line.split()
        if "=>" in words and words[2].startswith("/"):
            found[f"{searched}/{words[0]}"] = Path(words[2]).resolve()
        elif words and words[0].startswith("/") and not words[0].endswith(":"):
            found[words[0].removeprefix("/")] = Path(words[0]).resolve()
    beside = next(file.parent for name, file in found.items() if name.endswith("/libc.so.6"))
    extra = {f"{searched}/{name}": file.resolve() for name in _WHEELS_NEED if (file := _library(name, beside))}
    return {**extra, **found}


def _library(name: str, beside: Path) -> Path | None:
    places = (beside / name, Path("/usr") / beside.relative_to("/") / name)
    return next((file for file in places if file.exists()), None)


def _add(tar: tarfile.TarFile, file: Path, name: str) -> None:
    entry = tar.gettarinfo(file, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    with file.open("rb") as stream:
        tar.addfile(entry, stream)
