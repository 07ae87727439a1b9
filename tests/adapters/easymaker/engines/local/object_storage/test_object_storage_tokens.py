"""Tokens are all that stands between one tenant's objects and another's."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.local.object_storage.tokens import Claims, TokenRejected, mint, tenant_of, verify

KEY = b"k" * 32
NOW = 1_000_000.0
TOKEN = mint(KEY, "t" * 32, "user@example.com", NOW + 60, "read")


def test_what_was_minted_is_verified() -> None:
    assert verify(KEY, TOKEN, NOW) == Claims("t" * 32, "user@example.com", NOW + 60, "read")


@pytest.mark.parametrize("now", [NOW + 60, NOW + 61, float("nan")])
def test_it_ends_on_time(now: float) -> None:
    with pytest.raises(TokenRejected, match="expired"):
        verify(KEY, TOKEN, now)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(TokenRejected, match="signature"):
        verify(b"x" * 32, TOKEN, NOW)


def test_claims_cannot_be_exchanged_under_the_signature() -> None:
    version, _, mac = TOKEN.split(".")
    claims = {"tenant": "other", "principal": "p", "expires": NOW + 9e9, "scope": "write"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    for forged in (f"{version}.{payload}.{mac}", f"{version}.{payload}.", f"none.{payload}.{mac}"):
        with pytest.raises(TokenRejected):
            verify(KEY, forged, NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "v1..", "v1.a.b.c", "v1.é.é", "v1.\ud800.x", "v1." + "a" * 5000 + ".b"]
)
def test_garbage_is_rejected(token: str) -> None:
    with pytest.raises(TokenRejected) as caught:
        verify(KEY, token, NOW)
    assert not token or token not in str(caught.value)


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_no_character_can_be_changed(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    try:
        claims = verify(KEY, changed, NOW)
    except TokenRejected:
        return
    # The last character of a base64 text has bits that mean nothing.
    assert claims == verify(KEY, TOKEN, NOW)


@pytest.mark.parametrize(
    ("key", "tenant", "principal", "scope"),
    [
        (b"short", "t", "p", "read"),
        (KEY, "", "p", "read"),
        (KEY, "t/../u", "p", "read"),
        (KEY, "t" * 65, "p", "read"),
        (KEY, "t", "two words", "read"),
        (KEY, "t", "p\n", "read"),
        (KEY, "t", "p", "admin"),
    ],
)
def test_what_may_not_be_minted(key: bytes, tenant: str, principal: str, scope: str) -> None:
    with pytest.raises(ValueError, match=r"token key|tenant|principal|scope"):
        mint(key, tenant, principal, NOW, scope)  # type: ignore[arg-type]


def test_each_appkey_has_a_tenant_of_its_own() -> None:
    assert len({tenant_of(appkey) for appkey in ("local", "other", "Local", "")}) == 4
    assert len(tenant_of("local")) == 32
    assert tenant_of("local").isalnum()
