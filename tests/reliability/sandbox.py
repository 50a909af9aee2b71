"""A program in a sandbox (bubblewrap): no root, no capability, nothing to write but one tmpfs, no network but loopback.

    python -m tests.reliability.sandbox CALLS PROGRAM ARGUMENT...

runs a program that may make only the system calls named, separated by commas; any other fails with EPERM (libseccomp).
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.reliability.processes import ROOT, service_environment

UID = 65_532
_DEMO_SECONDS = 300
# What changes the disk, by a path; and where packets go.
_TRACED = (
    "open,openat,creat,mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "mknod,mknodat,truncate,chmod,fchmodat,chown,lchown,fchownat,connect"
)
_OPENS = re.compile(r"^\d+ +(?:open|openat|creat)\(.*\b(?:O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)\b")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
# 0.0.0.0, as a place to go to, is this machine.
_LOOPBACK = re.compile(r"127\.|::1$|::ffff:127\.|(::ffff:)?0\.0\.0\.0$")
# Nothing is kept there.
_NOWHERE = ("/dev/null", "/dev/full", "/dev/tty", "/dev/shm/", "/proc/self/")
_ALLOW, _FAIL = 0x7FFF_0000, 0x0005_0001


def confined(
    out: Path, calls: Sequence[str], *program: str, seconds: float = _DEMO_SECONDS, lightly: bool = False
) -> subprocess.CompletedProcess[str]:
    """What came of a program that may make these system calls; `out` afterwards holds what it did, as `trace`.

    `lightly` stops it at calls that are written down, and at no other, which takes a third of the time; one that the
    allow-list refuses is then not written down.
    """
    out.mkdir()
    out.chmod(0o777)
    environment = service_environment()
    kept = {name: environment[name] for name in ("PATH", "PYTHONPATH")}
    settings = kept | {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    # What is under /tmp outside is shown again: a checkout may be there.
    shown = {str(place) for place in (ROOT, Path(sys.prefix), Path(sys.base_prefix)) if place.is_relative_to("/tmp")}
    command = [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        "--uid", str(UID), "--gid", str(UID),
        "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
        *(part for place in sorted(shown) for part in ("--ro-bind", place, place)),
        "--bind", str(out), "/tmp/out", "--chdir", "/tmp", "--clearenv",
        *(part for name, value in settings.items() for part in ("--setenv", name, value)),
        "strace", "-f", "-qq", "-e", f"trace={_TRACED}", "-o", "/tmp/out/trace",
        *(["--seccomp-bpf"] if lightly else []),
        sys.executable, "-m", "tests.reliability.sandbox", ",".join(calls), *program,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def written_outside(out: Path) -> list[str]:
    """The paths that were to be written outside of /tmp, whether that failed or not."""
    return sorted(
        {path for line in _lines(out) for path in _written(line) if not f"{path}/".startswith(("/tmp/", *_NOWHERE))}
    )


def connected_outside(out: Path) -> list[str]:
    """The addresses, beyond loopback, to which a connection was to be made."""
    found = (match[1] or match[2] for line in _lines(out) for match in _ADDRESS.finditer(line))
    return sorted({address for address in found if not _LOOPBACK.match(address)})


def _lines(out: Path) -> list[str]:
    return (out / "trace").read_text(errors="replace").splitlines()


def _written(line: str) -> Iterator[str]:
    name = line.partition("(")[0].rpartition(" ")[2]
    if name != "connect" and (_OPENS.match(line) or not name.startswith("open")):
        for path in _PATH.findall(line):
            yield path if path.startswith("/") else f"/tmp/{path}"


def main(calls: str, *program: str) -> None:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(_FAIL))
    for name in calls.split(","):
        number = library.seccomp_syscall_resolve_name(name.encode())
        assert number != -1, f"there is no system call {name}"
        # One that this kind of machine does not have needs no rule.
        if number >= 0:
            assert library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0) == 0, name
    assert library.seccomp_load(context) == 0, "the filter is not taken"
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
