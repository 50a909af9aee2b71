"""pydantic over the forms of the knowledge: imported only where a file is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from labgloss.knowledge.schema import Form

_FormT = TypeVar("_FormT", bound=Form)

# A key of a file is no argument.
_WORDS = {"unexpected_keyword_argument": "Extra inputs are not permitted"}


class FormError(Exception):
    """What a file holds is not in its form."""

    def __init__(self, problems: Sequence[Mapping[str, Any]]) -> None:
        """Of each problem: `type`, `loc` (keys of the file, places in arrays) and `msg`, as pydantic gives them."""
        super().__init__()
        self.problems = problems


def formed(form: type[_FormT], raw: object) -> _FormT:
    """What a file holds, in its form. Raises FormError."""
    try:
        made: _FormT = _adapter(form).validate_python(raw)  # type: ignore[arg-type]  # every class can be hashed
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = [{**problem, "msg": _WORDS.get(problem["type"], problem["msg"])} for problem in found]
        raise FormError(problems) from None
    return made


@cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)
