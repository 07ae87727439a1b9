"""Which model parameters are secrets: the name decides, and the value goes neither into the table nor into answers."""

import pytest

from adapters.easymaker.kinds import secret_parameters
from adapters.easymaker.kinds.secret_parameters import HIDDEN, is_secret

SECRET = """
token hf_token HF_TOKEN hfToken accessToken access-token TOKEN token_value hftoken authtoken my.token token2
password dbPassword DB_PASSWORD passwd passphrase secret client_secret clientSecret secrets
api_key apiKey API-KEY apikey X-API-Key access_key secretAccessKey AWS_SECRET_ACCESS_KEY private_key auth_key
credential credentials google_application_credentials authorization bearer
"""
PLAIN = """
model_id max_tokens tokenizer max_new_tokens tokenizer_mode pad_token eos_token bos_token key keyword primary_key
monkey epochs dtype revision author authors authentic secretary tokenization key_size
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_names_of_settings_that_only_look_alike(name: str) -> None:
    """A setting that is taken for a secret would not reach the model server as an argument."""
    assert not is_secret(name)


def test_stored_list_keeps_the_name_and_loses_the_value() -> None:
    given = [
        {"parameterName": "model_id", "parameterValue": "bert"},
        {"parameterName": "hf_token", "parameterValue": "s3cret"},
    ]
    stored, secrets = secret_parameters.split(given)
    assert "s3cret" not in str(stored)
    assert secrets == {"hf_token": "s3cret"}
    assert secret_parameters.shown(stored) == [
        {"parameterName": "model_id", "parameterValue": "bert"},
        {"parameterName": "hf_token", "parameterValue": HIDDEN},
    ]
