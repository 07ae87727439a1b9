"""Every parameter name gets a key that Kubernetes takes, and no two names the same one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.engines.cluster.secret_keys import secret_key

# As the API server checks them: IsConfigMapKey.
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def test_an_ordinary_name_is_its_own_key() -> None:
    """So that `kubectl describe secret` can be read."""
    assert [secret_key(name) for name in ("hf_token", "API-KEY", "a.b")] == ["hf_token", "API-KEY", "a.b"]


@given(st.lists(st.text(min_size=1, max_size=300), unique=True, min_size=1, max_size=20))
def test_keys_are_valid_and_never_shared(names: list[str]) -> None:
    keys = [secret_key(name) for name in names]
    assert len(set(keys)) == len(names)
    for key in keys:
        assert KEY.fullmatch(key) and key not in (".", "..") and not key.startswith("..")


def test_a_name_that_looks_encoded_does_not_meet_an_encoded_one() -> None:
    """em.… is the encoder's own; a name that begins like it is encoded too."""
    encoded = secret_key("a b")
    assert encoded.startswith("em.")
    assert secret_key(encoded) != encoded
    long = secret_key("x y" * 200)
    assert secret_key(long) != long
