"""The form of the access file, and every fault of one by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from labgloss.access.file import METHODS, MOST_NAME_CHARACTERS, Identity
from labgloss.access.tokens import ALGORITHMS
from labgloss.errors import SettingsError

_NAMES = frozenset(METHODS).union(*METHODS.values())


def _without_case(name: object) -> object:
    return name.lower() if isinstance(name, str) else name


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _CallerForm(_Form):
    uri: str | None = Field(
        None,
        pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$",
        max_length=MOST_NAME_CHARACTERS,
        description='a URI as the certificate holds it, such as "spiffe://hospital.example/ehr"',
    )
    dns: Annotated[str | None, BeforeValidator(_without_case)] = Field(
        None,
        pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?$",
        max_length=MOST_NAME_CHARACTERS,
        description="a DNS name as the certificate holds it, without a wildcard",
    )
    sub: str | None = Field(
        None,
        min_length=1,
        max_length=MOST_NAME_CHARACTERS,
        description="the subject of a token, as its issuer writes it, up to 200 characters",
    )
    methods: list[Literal[tuple(sorted(_NAMES))]] = Field(  # type: ignore[valid-type]
        min_length=1, description=f"one or more of {', '.join(sorted(_NAMES))}"
    )

    on_behalf: bool = Field(False, description="true or false: whether it calls for others, and is believed for whom")

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if sum(name is not None for name in (self.uri, self.dns, self.sub)) != 1:
            raise ValueError("exactly one of uri, dns and sub")
        return self

    @property
    def identity(self) -> Identity:
        if self.uri is not None:
            return "uri", self.uri
        return ("dns", self.dns) if self.dns is not None else ("sub", self.sub or "")

    @property
    def rights(self) -> frozenset[str]:
        return frozenset().union(*(METHODS.get(name, frozenset({name})) for name in self.methods))


class TokenForm(_Form):
    """[token]: which tokens are taken."""

    issuer: str = Field(min_length=1, description="a text: iss of a token is exactly this")
    audience: str = Field(min_length=1, description="a text: aud of a token is or holds exactly this")
    algorithms: list[Literal[ALGORITHMS]] = Field(  # type: ignore[valid-type]
        min_length=1, description=f"one or more of {', '.join(ALGORITHMS)}"
    )
    keys: str = Field(min_length=1, description="a file beside this one: a JWK set, or one public key in PEM")
    leeway_seconds: int = Field(30, ge=0, le=300, description="a whole number of seconds from 0 to 300")


class EhrForm(_Form):
    """[[ehr]]: an EHR that calls hooks."""

    issuer: str = Field(min_length=1, description="a text: iss of a token is exactly this")
    algorithms: list[Literal[ALGORITHMS]] = Field(  # type: ignore[valid-type]
        min_length=1, description=f"one or more of {', '.join(ALGORITHMS)}"
    )
    keys: str = Field(min_length=1, description="a file beside this one: a JWK set, or one public key in PEM")
    leeway_seconds: int = Field(30, ge=0, le=300, description="a whole number of seconds from 0 to 300")


class AccessForm(_Form):
    """An access file."""

    open_health: bool = Field(True, description="true or false")
    caller: list[_CallerForm] = Field([], description="one [[caller]] or more")
    token: TokenForm | None = Field(None, description="one table [token]")
    ehr: list[EhrForm] = Field([], description="one [[ehr]] or more")


def formed(file: Path, table: Mapping[str, Any]) -> AccessForm:
    """The form of a file that holds this. Raises SettingsError with every fault of it."""
    try:
        return AccessForm.model_validate(table)
    except ValidationError as error:
        raise SettingsError(tuple(f"{file}: {fault}" for fault in _faults(error))) from None


def _faults(error: ValidationError) -> Iterator[str]:
    """Each fault by its place, with what is allowed; never with what was written."""
    for problem in error.errors(include_url=False, include_input=False):
        place, allowed = _place(problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{place}: is no key of an access file; deploy/access.example.toml shows them all"
        elif problem["type"] == "value_error":
            yield f"{place}: needs {problem['ctx']['error']}"
        else:
            yield f"{place}: needs {allowed}"


def _place(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """The path of a fault as the file's author would write it, and what is allowed there."""
    place, allowed = "", "another value"
    form: type[_Form] = AccessForm
    forms: Mapping[str, type[_Form]] = {"caller": _CallerForm, "token": TokenForm, "ehr": EhrForm}
    for part in loc:
        if isinstance(part, int):
            place += f"[{part}]"
            continue
        place += f".{part}" if place else part
        if part in form.model_fields:
            allowed = form.model_fields[part].description or allowed
            form = forms.get(part, form) if form is AccessForm else form
    return place, allowed
