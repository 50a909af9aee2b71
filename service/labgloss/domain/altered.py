"""A frozen object with some of its fields changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The type checker looks at the fields, so that none can be misspelled.
    from dataclasses import replace as altered
else:

    def altered(old: Any, /, **fields: Any) -> Any:
        """`dataclasses.replace` at an eighth of its cost; for classes without slots, whose fields are all given."""
        new = object.__new__(type(old))
        values = new.__dict__
        values.update(old.__dict__)
        values.update(fields)
        return new


__all__ = ["altered"]
