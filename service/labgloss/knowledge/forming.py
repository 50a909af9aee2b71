"""What validates the knowledge files: for each form a model of pydantic, made when the first file is read."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, PlainValidator, create_model
from pydantic_core import CoreSchema, core_schema

from labgloss.domain.report import Urgency
from labgloss.domain.subject import AgeLimit
from labgloss.form import Form, Stated
from labgloss.knowledge.expression import Expression, Limit, parse_age, parse_expression, parse_limit

FormT = TypeVar("FormT", bound=Form)
_CONFIG = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_MODELS: dict[type[Form], type[BaseModel]] = {}


def _decimal(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError("a decimal number is needed, written without quotes")
    return Decimal(raw)


def _fraction(raw: object) -> Fraction:
    try:
        factor = Fraction(raw) if isinstance(raw, str) else Fraction(0)
    except (ValueError, ZeroDivisionError):
        factor = Fraction(0)
    if factor <= 0:
        raise ValueError("an exact factor above zero is needed, written as text: '0.001', '1/2'")
    return factor


def _urgency(raw: object) -> Urgency:
    if not isinstance(raw, str) or raw not in Urgency.__members__:
        raise ValueError(f"one of {', '.join(Urgency.__members__)} is needed")
    return Urgency[raw]


Number = Annotated[Decimal, BeforeValidator(_decimal)]
Positive = Annotated[Number, Field(gt=0)]
Factor = Annotated[Fraction, PlainValidator(_fraction)]
LimitText = Annotated[Limit, PlainValidator(parse_limit)]
AgeText = Annotated[AgeLimit, PlainValidator(parse_age)]
Logic = Annotated[Expression, PlainValidator(parse_expression)]
UrgencyName = Annotated[Urgency, PlainValidator(_urgency)]


def formed(form: type[FormT], raw: object) -> FormT:
    """The form that a table of a file makes. Raises pydantic's ValidationError with everything that is wrong."""
    return _made(form, _model(form).model_validate(raw))


def schema_of(form: type[Form], handler: GetCoreSchemaHandler) -> CoreSchema:
    """How a form within another is validated."""
    return core_schema.no_info_after_validator_function(lambda model: _made(form, model), handler(_model(form)))


def _made(form: type[FormT], model: BaseModel) -> FormT:
    return form(**model.__dict__)


def types_of(form: type[Form]) -> dict[str, Any]:
    """The type of each field of a form."""
    return get_type_hints(form, localns=globals(), include_extras=True)


def _model(form: type[Form]) -> type[BaseModel]:
    if form not in _MODELS:
        types = types_of(form)
        fields: dict[str, Any] = {name: (types[name], _field(stated)) for name, stated in form.model_fields.items()}
        _MODELS[form] = create_model(form.__name__, __config__=_CONFIG, **fields)
    return _MODELS[form]


def _field(stated: Stated) -> Any:
    told: dict[str, Any] = dict(stated.allowed)
    if stated.default_factory is not None:
        told["default_factory"] = stated.default_factory
    elif not stated.is_required():
        told["default"] = stated.default
    if stated.alias:
        told["alias"] = stated.alias
    return Field(**told)
