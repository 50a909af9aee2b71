"""Forms are what pydantic's frozen models were to us: stated by annotations, by name, never changed."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from labgloss.errors import SettingsError
from labgloss.form import Field, Form
from labgloss.knowledge.schema import AgeRange, GroupRow, IntervalRow
from labgloss.settings import Listening

ROOT = Path(__file__).parents[2]


class Named(Form):
    kind: ClassVar[str] = "named"
    name: str
    note: str = ""


class Counted(Form):
    count: int = 0
    limits: dict[str, int] = Field(default_factory=dict)


class Both(Named, Counted):
    note: str = "both"
    begin: str = Field(default="", alias="from")


def test_fields_stand_in_the_order_of_the_bases_and_the_last_word_counts() -> None:
    assert list(Both.model_fields) == ["count", "limits", "name", "note", "begin"]
    assert [name for name, stated in Both.model_fields.items() if stated.is_required()] == ["name"]
    assert Both.model_fields["begin"].alias == "from"
    assert dict(Both(name="a")) == {"count": 0, "limits": {}, "name": "a", "note": "both", "begin": ""}
    assert repr(Named(name="a")) == "Named(name='a', note='')"
    assert Named(name="a").kind == "named"


def test_forms_share_nothing_that_can_be_changed() -> None:
    assert Counted().limits is not Counted().limits


@pytest.mark.parametrize("given", [{}, {"name": "a", "other": 1}])
def test_a_name_that_is_missing_or_unknown_is_an_error(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Named(**given)


def test_nothing_of_a_form_can_be_changed() -> None:
    one = Named(name="a")
    with pytest.raises(AttributeError):
        one.name = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del one.name
    with pytest.raises(AttributeError):
        one.other = 1  # type: ignore[attr-defined]
    assert one.model_copy(update={"name": "b"}) == Named(name="b")
    with pytest.raises(TypeError):
        one.model_copy(update={"other": 1})


def test_equal_forms_are_one_key() -> None:
    class Other(Named):
        pass

    assert {Named(name="a"): 1}[Named(name="a")] == 1
    assert Named(name="a") != Named(name="b")
    assert Named(name="a") != Other(name="a")


def test_a_form_can_be_copied_and_pickled() -> None:
    one = Both(name="a", limits={"x": 1})
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)


# ------------------------------------------------------------------------------------------- of the knowledge

INTERVAL: dict[str, Any] = {"id": "i", "limits": {"mg/dL": "1.7 <= x <= 2.2"}, "source": ["s"], "status": "seen"}


def test_a_table_of_a_file_is_formed_with_the_forms_within_it() -> None:
    row = IntervalRow.model_validate({**INTERVAL, "age": {"from": "18 y"}})
    assert isinstance(row.age, AgeRange)
    assert (str(row.age.begin), row.age.end) == (str(AgeRange.model_validate({"from": "18 y"}).begin), None)
    assert row.source == ("s",)


@pytest.mark.parametrize(
    ("changed", "place", "kind"),
    [
        ({"source": []}, ("source",), "too_short"),
        ({"status": "guessed"}, ("status",), "literal_error"),
        ({"limits": {"mg/dL": "about 2"}}, ("limits", "mg/dL"), "value_error"),
        ({"age": {"begin": "18 y"}}, ("age", "begin"), "extra_forbidden"),
        ({"age": {"from": 18}}, ("age", "from"), "value_error"),
        ({"ages": {}}, ("ages",), "extra_forbidden"),
        ({"id": 1}, ("id",), "string_type"),
    ],
)
def test_a_fault_is_named_by_its_place(changed: dict[str, Any], place: tuple[str, ...], kind: str) -> None:
    with pytest.raises(ValidationError) as raised:
        IntervalRow.model_validate({**INTERVAL, **changed})
    assert [(error["loc"], error["type"]) for error in raised.value.errors()] == [(place, kind)]


def test_what_is_needed_is_needed() -> None:
    with pytest.raises(ValidationError, match="members"):
        GroupRow.model_validate({"id": "g", "title": "t", "source": ["s"], "status": "seen"})


# ------------------------------------------------------------------------------------------- settings


class Spelled(Listening):
    ratio: float = Field(default=0.5, ge=0, le=1, description="a number from 0 to 1")
    most: int = Field(default=2, ge=1, check=lambda value, before: value >= before["port"], description="enough")
    needed: Path | None = Field(description="a path")
    word: str | None = Field(default=None, min_length=2, max_length=3, pattern="^[a-z]+$", description="a word")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("port", "0", 0), ("port", 65535, 65535), ("port", " 80 ", 80),
        ("ratio", "1", 1.0), ("ratio", 0, 0.0), ("ratio", "1e-3", 0.001),
        ("plaintext", "TRUE", True), ("plaintext", "off", False), ("plaintext", True, True),
        ("needed", "a/b", Path("a/b")), ("needed", Path("c"), Path("c")), ("needed", None, None),
        ("word", "abc", "abc"), ("word", None, None), ("log_level", "debug", "debug"),
    ],
)  # fmt: skip
def test_a_setting_may_be_spelled_in_text(name: str, given: object, value: object) -> None:
    assert getattr(Spelled(**{"needed": None, name: given}), name) == value


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("port", "-1"), ("port", "65536"), ("port", "1.5"), ("port", ""), ("port", "8\u0660"), ("port", True),
        ("port", None), ("port", "9" * 5_000),
        ("ratio", "nan"), ("ratio", "inf"), ("ratio", "1.01"), ("ratio", "-0.1"), ("ratio", "half"), ("ratio", False),
        ("plaintext", "maybe"), ("plaintext", 2), ("plaintext", ""), ("plaintext", None),
        ("needed", 1), ("word", "a"), ("word", "abcd"), ("word", "ab1"), ("word", "ab\n"), ("word", 12),
        ("host", "a b"), ("host", "localhost\n"), ("host", b"localhost"),
        ("log_level", "loud"), ("log_level", None), ("port", "3"), ("other", "1"),
    ],
)  # fmt: skip
def test_what_a_setting_does_not_allow_is_refused(name: str, given: object) -> None:
    others = {"most": "2"} if (name, given) == ("port", "3") else {}
    with pytest.raises(SettingsError) as raised:
        Spelled(**{"needed": None, **others, name: given})
    (fault,) = raised.value.faults
    assert fault.startswith("most: needs" if others else f"{name}: ")


def test_a_setting_that_is_needed_is_said_when_it_is_missing() -> None:
    with pytest.raises(SettingsError, match="needed: needs a path"):
        Spelled()


# ------------------------------------------------------------------------------------------- what a start imports


def test_a_start_that_finds_the_release_parsed_needs_no_pydantic() -> None:
    program = "import sys, labgloss.cli.commands.serve; sys.exit('pydantic' in sys.modules)"
    paths = f"{ROOT / 'service'}:{ROOT / 'clients' / 'python'}"
    assert subprocess.run((sys.executable, "-c", program), env={"PYTHONPATH": paths}, timeout=60).returncode == 0
