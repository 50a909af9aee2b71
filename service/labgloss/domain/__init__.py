"""Frozen values that every room shares: standard library only, no wire, no knowledge, no clock."""
