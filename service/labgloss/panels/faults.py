"""What the form of a panel file does not take, as faults."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from labgloss.panels import schema
from labgloss.panels.errors import PanelFault

# pydantic's words for the commonest faults assume its own vocabulary; these are a panel file's.
_PROBLEMS = {
    "missing": "is required",
    "string_type": "text is needed, in quotes",
    "string_too_short": "must not be empty",
    "int_type": "a whole number is needed, without quotes",
    "bool_type": "true or false is needed, without quotes",
    "tuple_type": "a list is needed",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
    "model_attributes_type": "a table is needed",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "from"),
    "less_than_equal": ("le", "up to"),
    "less_than": ("lt", "below"),
}


def faults_of(file: str, content: dict[str, Any], error: ValidationError) -> list[PanelFault]:
    """Every fault of one file, in the order of the file's form."""
    return [_fault(file, content, detail) for detail in error.errors(include_url=False, include_input=False)]


def _fault(file: str, content: dict[str, Any], detail: Any) -> PanelFault:
    location = detail["loc"]
    if len(location) > 1 and location[0] == "panel" and isinstance(location[1], int):
        return PanelFault(file, _panel_name(content, location[1]), _path(location[2:]), _problem(detail))
    return PanelFault(file, "", _path(location), _problem(detail))


def _panel_name(content: dict[str, Any], position: int) -> str:
    panel = content["panel"][position]
    name = panel.get("id") if isinstance(panel, dict) else None
    return f'"{name}"' if isinstance(name, str) and name else f"at position {position + 1}"


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _problem(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"is not a key here; allowed: {', '.join(_keys_at(detail['loc'][:-1]))}"
    if kind == "literal_error":
        return f"is not allowed; allowed: {context['expected']}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"a number {words} {context[bound]} is needed"
    if kind == "value_error":
        return str(context["error"])
    return _PROBLEMS.get(kind, str(detail["msg"]))


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    form: type[BaseModel] = schema.PanelFile
    for step in location:
        if isinstance(step, str) and (field := _field(form, step)) is not None:
            form = _form_in(field) or form
    return [info.alias or name for name, info in form.model_fields.items()]


def _field(form: type[BaseModel], key: str) -> Any:
    info = form.model_fields.get(key)
    return None if info is None else info.annotation


def _form_in(annotation: Any) -> type[BaseModel] | None:
    """The form that an annotation such as `tuple[ResultForm, ...] | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((form for part in get_args(annotation) if (form := _form_in(part)) is not None), None)
