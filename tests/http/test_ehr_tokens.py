"""Tokens of EHRs: signed by a listed one, for the endpoint that is called, short-lived, each used once."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labgloss.access.file import read_access
from labgloss.access.tokens import Used
from labgloss.errors import SettingsError, UnauthenticatedError
from labgloss.http.settings import HttpSettings
from tests.http.served import App, asked, process
from tests.http.test_cds_hooks import call, feedback
from tests.http.test_panels import MAGNESIUM, problem
from tests.server.authority import AUDIENCE, ISSUER, TokenIssuer, forged, private_pem, site

URL, EHR = "https://labgloss.example", "https://ehr.example/"
VIEW = "/cds-services/labgloss-patient-view"
ACCESS = f"""
[[caller]]
sub = "portal"
methods = ["InterpretPanel", "InterpretBundle"]
[token]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
algorithms = ["ES256"]
keys = "keys.jwks"
[[ehr]]
issuer = "{EHR}"
algorithms = ["ES384", "RS384"]
keys = "ehr.jwks"
"""


class Ehr:
    """Signs tokens as CDS Hooks asks, right ones unless told otherwise."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.rsa = rsa.generate_private_key(65537, 2048)

    @property
    def jwks(self) -> str:
        elliptic = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        big = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa.public_key()))
        return json.dumps({"keys": [{**elliptic, "kid": "e1"}, {**big, "kid": "e2"}]})

    def token(
        self, path: str = VIEW, *, key: Any = None, algorithm: str = "ES384", kid: str | None = "e1", **change: Any
    ) -> str:
        now = int(time.time())
        right = {"iss": EHR, "aud": URL + path, "exp": now + 300, "iat": now, "jti": str(uuid.uuid4())}
        claims = {name: value for name, value in {**right, **change}.items() if value is not None}
        return jwt.encode(claims, key or self.key, algorithm, headers={} if kid is None else {"kid": kid})


@pytest.fixture(scope="module")
def ehr() -> Ehr:
    return Ehr()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ehr: Ehr) -> Path:
    made = tmp_path_factory.mktemp("site")
    site(made, ACCESS)
    (made / "ehr.jwks").write_text(ehr.jwks)
    return made


Post = Callable[..., list[httpx.Response]]


@pytest.fixture
def post(target: str, folder: Path) -> Post:
    """Asks one application for each token in turn; the log of it all is checked for tokens."""

    def posting(*tokens: str, path: str = VIEW, body: Any = None) -> list[httpx.Response]:
        async def asking(served: App) -> list[httpx.Response]:
            responses = []
            for token in tokens:
                headers = {"authorization": f"Bearer {token}"} if token else {}
                responses.append(await served.http.post(path, json=call() if body is None else body, headers=headers))
            logged = served.stream.getvalue().decode()
            assert not [token for token in tokens if token and token[-20:] in logged]
            posting.log = served.log  # type: ignore[attr-defined]
            return responses

        found: list[httpx.Response] = asked(target, asking, access=folder / "access.toml", public_url=URL)
        return found

    return posting


def test_a_listed_ehr_is_let_in_and_named(post: Post, ehr: Ehr) -> None:
    both = [ehr.token(), ehr.token(key=ehr.rsa, algorithm="RS384", kid="e2"), ehr.token(aud=["x", URL + VIEW])]
    assert [200, 200, 200] == [response.status_code for response in post(*both)]
    assert {f"iss:{EHR}"} == {line["caller"] for line in post.log}  # type: ignore[attr-defined]
    path = f"{VIEW}/feedback"
    assert 200 == post(ehr.token(path), path=path, body=feedback())[0].status_code


WRONG: dict[str, tuple[Callable[[Ehr], str], str]] = {
    "none": (lambda _: "", "NO_CREDENTIALS"),
    "no token": (lambda _: "a.b.c", "TOKEN_MALFORMED"),
    "another issuer": (lambda ehr: ehr.token(iss="https://other.example/"), "TOKEN_KEY"),
    "another endpoint": (lambda ehr: ehr.token("/cds-services/labgloss-order-sign"), "TOKEN_AUDIENCE"),
    "for the host that was asked": (lambda ehr: ehr.token(aud=f"http://labgloss.example{VIEW}"), "TOKEN_AUDIENCE"),
    "expired": (lambda ehr: ehr.token(exp=int(time.time()) - 60), "TOKEN_EXPIRED"),
    "made in the future": (lambda ehr: ehr.token(iat=int(time.time()) + 900), "TOKEN_NOT_YET_VALID"),
    "too long valid": (lambda ehr: ehr.token(exp=int(time.time()) + 3_600), "TOKEN_LIFETIME"),
    "an exp that no float holds": (lambda ehr: ehr.token(exp=10**400), "TOKEN_MALFORMED"),
    "without jti": (lambda ehr: ehr.token(jti=None), "TOKEN_CLAIM"),
    "with an empty jti": (lambda ehr: ehr.token(jti=""), "TOKEN_CLAIM"),
    "without iat": (lambda ehr: ehr.token(iat=None), "TOKEN_CLAIM"),
    "without exp": (lambda ehr: ehr.token(exp=None), "TOKEN_CLAIM"),
    "another key": (lambda ehr: ehr.token(key=ec.generate_private_key(ec.SECP384R1())), "TOKEN_SIGNATURE"),
    "an unknown kid": (lambda ehr: ehr.token(kid="e9"), "TOKEN_KEY"),
    "no kid": (lambda ehr: ehr.token(kid=None), "TOKEN_KEY"),
    "a shared secret": (lambda ehr: ehr.token(key="x" * 64, algorithm="HS384"), "TOKEN_ALGORITHM"),
    "no signature": (
        lambda _: forged({"alg": "none", "typ": "JWT", "kid": "e1"}, {"iss": EHR, "aud": URL + VIEW}),
        "TOKEN_ALGORITHM",
    ),
    "too long": (lambda ehr: ehr.token(tenant="x" * 4_000), "TOKEN_MALFORMED"),
}


@pytest.mark.parametrize(("make", "cause"), WRONG.values(), ids=WRONG.keys())
def test_any_other_token_is_refused_with_its_cause(
    make: Callable[[Ehr], str], cause: str, post: Post, ehr: Ehr
) -> None:
    (response,) = post(make(ehr))
    assert response.status_code == 401
    found = problem(response, 401, "UNAUTHENTICATED")["cause"]
    # Of one that is too long not even the issuer is read.
    assert found == ("TOKEN_TOO_LONG" if make is WRONG["too long"][0] else cause)
    assert ["refused"] == [line["event"] for line in post.log]  # type: ignore[attr-defined]


def test_a_token_is_taken_once(post: Post, ehr: Ehr) -> None:
    token, other = ehr.token(), ehr.token()
    responses = post(token, token, other)
    assert [200, 401, 200] == [response.status_code for response in responses]
    assert "TOKEN_REPLAYED" == responses[1].json()["cause"]


def test_what_was_used_is_remembered_until_it_expires_and_never_forgotten_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labgloss.access.tokens._MOST_USED", 2)
    now = [100.0]
    used = Used(lambda: now[0])
    used.take("a", "1", 110)
    used.take("a", "2", 120)
    for ident in ("1", "2", "3"):
        with pytest.raises(UnauthenticatedError):
            used.take("a", ident, 120)
    now[0] = 111
    used.take("b", "1", 130)


def test_an_ehr_may_call_hooks_and_nothing_else_and_others_call_hooks_as_they_are_listed(
    post: Post, ehr: Ehr, folder: Path
) -> None:
    (response,) = post(ehr.token("/v1/panels:interpret"), path="/v1/panels:interpret", body=MAGNESIUM)
    assert "TOKEN_KEY" == problem(response, 401, "UNAUTHENTICATED")["cause"]
    portal = TokenIssuer()
    (folder / "keys.jwks").write_text(portal.jwks)
    assert [200] == [response.status_code for response in post(portal.token())]
    assert 403 == post(portal.token(sub="stranger"))[0].status_code


def test_what_the_access_file_says_of_ehrs_is_checked(folder: Path, tmp_path: Path, ehr: Ehr, target: str) -> None:
    def faults(ehrs: str) -> list[str]:
        (tmp_path / "keys.jwks").write_text(TokenIssuer().jwks)
        (tmp_path / "ehr.jwks").write_text(ehr.jwks)
        (tmp_path / "access.toml").write_text(ehrs)
        with pytest.raises(SettingsError) as raised:
            read_access(HttpSettings(access=tmp_path / "access.toml"))
        return [fault.removeprefix(f"{tmp_path}/") for fault in raised.value.faults]

    one = f'[[ehr]]\nissuer = "{EHR}"\nalgorithms = ["ES384", "RS384"]\nkeys = "ehr.jwks"\n'
    assert ["access.toml: ehr[1]: is listed twice; let the file of its keys hold all that it signs with"] == faults(
        one * 2
    )
    assert "access.toml: ehr[0].algorithms[0]: needs one or more of RS256, " in faults(one.replace("ES384", "HS384"))[0]
    assert ["gone.jwks: cannot be read: No such file or directory"] == faults(one.replace("ehr.jwks", "gone.jwks"))
    assert "cannot be used with any of the algorithms" in faults(one.replace('"ES384", ', ""))[0]
    (tmp_path / "private.pem").write_bytes(private_pem(ehr.key))
    assert "private.pem: holds a private key" in faults(one.replace("ehr.jwks", "private.pem"))[0]
    shared = ACCESS.replace(EHR, ISSUER)
    assert "ehr[0].issuer: is that of [token] too" in faults(shared)[0]
    assert ["access.toml: caller: needs one [[caller]] or more"] == faults("")
    with process(target, access=folder / "access.toml") as served:
        assert "public_url: is needed where the access file lists an [[ehr]]" in served.rest()[1]
