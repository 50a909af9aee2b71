"""A program: `as_anybody.py PROGRAM ARGUMENT...` becomes that Python program, for which permissions hold for root too.

A program of its own and no `preexec_fn`, for which Python forks: in a process that used gRPC, its core then starts
threads in the child, whose descriptors Python closes, and they may complain of that on standard error.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2

if __name__ == "__main__":
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        # Others than root may not, and need not.
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
