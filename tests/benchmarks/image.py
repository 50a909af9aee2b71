"""P9: what the image adds to its base, packed as a registry would hold it.

Made as deploy/Dockerfile makes it, from the wheelhouse and this machine's Python, without a container engine: what
stands in /opt/labgloss, compiled, with the parsed release, and the compiled standard library.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.figures import Row
from tests.benchmarks.groups import GROUPS
from tests.benchmarks.size import Size

_ROOT = Path(__file__).parents[2]
_LEFT_OUT = re.compile("/(tests?|lib2to3|idlelib|site-packages|dist-packages)/")
_COMPILE = (
    "import compileall, py_compile, sys; "
    "compileall.compile_dir(sys.argv[1], quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)"
)
_ZSTD = ("zstd", "-19", "-T0", "-c", "-q")
_XZ = ("xz", "-9", "-T0", "-c")
_MB = 1024 * 1024

ROWS = GROUPS["P9"].rows


def measure(size: Size, folder: Path) -> Iterator[Row]:
    """P9. Not measured where packages cannot be fetched, or where nothing that takes minutes is to be made."""
    (row,) = ROWS
    packer = _ZSTD if shutil.which("zstd") else _XZ
    if not size.builds:
        yield row.not_measured(f"takes minutes, and size {size.name} is for seconds")
        return
    if shutil.which(packer[0]) is None:
        yield row.not_measured("neither zstd nor xz is installed")
        return
    python = "{}.{}".format(*sys.version_info)
    wheelhouse, made = folder / "wheelhouse", folder / "image"
    _run("deploy/wheelhouse", "--python", python, str(wheelhouse))
    library = made / "opt/labgloss/lib"
    _run(
        sys.executable, str(wheelhouse / "pip.whl/pip"), "install", "-q", "--no-index",
        f"--find-links={wheelhouse / 'wheels'}", "--require-hashes", "--only-binary=:all:", "--no-compile",
        "--no-cache-dir", "--root-user-action=ignore", f"--target={library}",
        f"--requirement={wheelhouse / 'requirements.txt'}",
    )  # fmt: skip
    _run(sys.executable, "-c", _COMPILE, str(library))
    _run(sys.executable, "-m", "labgloss.parsed", paths=(library,))
    shutil.copy(wheelhouse / "sbom.cdx.json", made / "opt/labgloss")
    added = _compiled_standard_library(made / "usr/local/lib" / f"python{python}")
    tar = folder / "image.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(made, arcname=".")
    packed = folder / "image.packed"
    with packed.open("wb") as out:
        subprocess.run((*packer, str(tar)), check=True, stdout=out)
    raw, small = tar.stat().st_size / _MB, packed.stat().st_size / _MB
    note = (
        f"made from the wheelhouse as the Dockerfile does, for Python {python}, without a container engine; packed by "
        f"{' '.join(packer[:2])}; {raw:.0f} MB unpacked, of which the compiled standard library has {added:.0f}"
    )
    yield replace(row, ours=(small,), ratios=(small,), note=note)


def _compiled_standard_library(place: Path) -> float:
    """Megabytes of compiled code of the standard library, which slim images leave as source."""
    source = Path(sysconfig.get_path("stdlib"))
    copied = place.with_name("source")
    for file in source.rglob("*.py"):
        relative = file.relative_to(source)
        if not _LEFT_OUT.search(f"/{relative}"):
            (copied / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copied / relative)
    _run(sys.executable, "-c", _COMPILE, str(copied))
    total = 0
    for file in copied.rglob("*.pyc"):
        target = place / file.relative_to(copied)
        target.parent.mkdir(parents=True, exist_ok=True)
        total += file.stat().st_size
        file.rename(target)
    shutil.rmtree(copied)
    return total / _MB


def _run(*command: str, paths: Sequence[Path] = ()) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LABGLOSS_", "PYTHONPATH"))}
    if paths:
        kept |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=_ROOT, env=kept, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {ran.returncode}: {ran.stderr.strip()[-500:]}")
