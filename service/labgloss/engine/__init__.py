"""Interprets a panel over a release: pure functions, no I/O, no clock, no logging."""
