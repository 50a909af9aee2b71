"""R15: the service needs no root, no disk, no network beyond loopback, and few system calls; nor do its tests."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.external_tools import needs
from tests.reliability.processes import ROOT
from tests.reliability.sandbox import confined, connected_outside, written_outside
from tests.reliability.table import Table

needs("bwrap", "strace", "libseccomp", to="run the service in a sandbox")

DEMO = (sys.executable, "-m", "labgloss", "demo")
# All that serving and asking take. A list that must grow is for somebody to read.
CALLS = (
    "accept4 access arch_prctl bind brk clock_nanosleep clone clone3 close close_range connect dup dup2 epoll_create1 "
    "epoll_ctl epoll_wait eventfd2 execve exit exit_group fcntl fstat futex getcwd getdents64 getpeername getpid "
    "getrandom getsockname getsockopt gettid ioctl kill listen lseek madvise mmap mprotect mremap munmap newfstatat "
    "openat pipe2 poll prctl pread64 prlimit64 read readlink recvfrom recvmsg restart_syscall rseq rt_sigaction "
    "rt_sigprocmask rt_sigreturn sched_getaffinity sched_getparam sched_getscheduler sched_yield sendmsg sendto "
    "set_robust_list set_tid_address setsockopt shutdown sigaltstack socket statx sysinfo tgkill uname unlink vfork "
    "wait4 write writev"
).split()
# What the tests do beside: files, folders and pipes of their own, copies and renamings of them, files that are in
# memory alone (of several workers), processes whose priority they lower, terminals that they read.
OF_TESTS = (
    "chdir chmod dup3 fchmod fdatasync fsync ftruncate getegid geteuid getgid getppid getpriority getrusage getuid "
    "link listxattr memfd_create mkdir mknodat pselect6 pwrite64 readlinkat rename rmdir sendfile setpriority "
    "socketpair symlink unlinkat utimensat"
).split()
# The rooms whose tests need no container, no other tool and no network beyond loopback.
ROOMS = ("tests/unit", "tests/server")
# Something that does what must be seen.
INTRUDER = """
import socket
for attempt in (lambda: open("/usr/intruder", "w"), lambda: socket.create_connection(("192.0.2.1", 80), 1)):
    try:
        attempt()
    except OSError:
        pass
"""


@pytest.mark.timeout(3600)
def test_the_service_needs_next_to_nothing(table: Table, tmp_path: Path) -> None:
    ran = confined(tmp_path / "demo", CALLS, *DEMO)
    last = (ran.stdout.strip().splitlines() or [ran.stderr[-300:]])[-1]
    written, connected = written_outside(tmp_path / "demo"), connected_outside(tmp_path / "demo")
    intruded = confined(tmp_path / "intruder", CALLS, sys.executable, "-c", INTRUDER)
    seen = written_outside(tmp_path / "intruder") + connected_outside(tmp_path / "intruder")
    listening = (sys.executable, "-c", "import socket; socket.create_server(('127.0.0.1', 0))")
    with_it = confined(tmp_path / "with", CALLS, *listening)
    without = confined(tmp_path / "without", [call for call in CALLS if call != "listen"], *listening)
    table.settle(
        "R15",
        "the demo as uid 65532: root read-only, no capability, no network but loopback, an allow-list of system calls",
        size=f"{len(CALLS)} system calls allowed",
        figure=f"{last.split('.')[0]}; exit code {ran.returncode}; {len(written)} writes outside of one tmpfs, "
        f"{len(connected)} connections beyond loopback{': ' if written or connected else ''}"
        f"{', '.join((written + connected)[:5])}",
        target="all as expected, 0, 0, 0; at most 85 system calls",
        held=ran.returncode == 0 and not written and not connected and len(CALLS) <= 85,
        control=f"an intruder, exit code {intruded.returncode}: {', '.join(seen) or 'not seen'}; one that listens "
        f"ends with {with_it.returncode}, without that call with {without.returncode}",
        found=seen == ["/usr/intruder", "192.0.2.1"] and with_it.returncode == 0 != without.returncode,
    )


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("room", ROOMS)
def test_its_tests_pass_there_too(table: Table, tmp_path: Path, room: str) -> None:
    if not table.long:
        pytest.skip("only in the long size, by --long: both take a quarter of an hour")
    out, calls = tmp_path / "tests", [*CALLS, *OF_TESTS]
    program = (sys.executable, "-m", "pytest", "-q", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"))
    asked = ("--junit-xml", "/tmp/out/tests.xml", str(ROOT / room))
    ran = confined(out, calls, *program, *asked, seconds=7_000, lightly=True)
    assert (out / "tests.xml").exists(), f"exit code {ran.returncode}: {ran.stdout[-1_000:]}{ran.stderr[-1_000:]}"
    (suite,) = ElementTree.parse(out / "tests.xml").getroot()
    count = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    not_passed = [case.attrib["name"] for case in suite.iter("testcase") if len(case)]
    written, connected = written_outside(out), connected_outside(out)
    confined(tmp_path / "intruder", calls, sys.executable, "-c", INTRUDER, lightly=True)
    seen = written_outside(tmp_path / "intruder") + connected_outside(tmp_path / "intruder")
    passed = count["tests"] - count["failures"] - count["errors"] - count["skipped"]
    table.settle(
        "R15",
        f"{room}, confined alike",
        size=f"{len(calls)} system calls allowed",
        figure=f"{passed} of {count['tests']} passed{': not ' if not_passed else ''}{', '.join(not_passed[:5])}; "
        f"exit code {ran.returncode}; {len(written)} writes outside of one tmpfs, {len(connected)} connections "
        f"beyond loopback{': ' if written or connected else ''}{', '.join((written + connected)[:5])}",
        target="all, 0, 0, 0",
        held=ran.returncode == 0 and passed == count["tests"] > 0 and not written and not connected,
        control=f"an intruder: {', '.join(seen) or 'not seen'}",
        found=seen == ["/usr/intruder", "192.0.2.1"],
    )
