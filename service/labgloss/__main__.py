"""`python -m labgloss` is the command `labgloss`."""

from labgloss.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
