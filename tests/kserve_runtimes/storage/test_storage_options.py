"""The environment variables that configure storage in a job, a component or a runtime."""

from pathlib import Path

from kserve_runtimes.storage import Identity, StorageOptions


def test_nothing_set_means_nothing_allowed() -> None:
    options = StorageOptions.from_env({})
    assert options == StorageOptions()
    assert options.allowed_schemes == ("obs", "nas")
    assert options.obs_identity is None


def test_everything_set() -> None:
    options = StorageOptions.from_env(
        {
            "EASYMAKER_OBS_TOKEN_FILE": "/run/token",
            "EASYMAKER_OBS_CA_FILE": "/run/ca.pem",
            "EASYMAKER_NAS_ROOT": "/nas",
            "EASYMAKER_OBS_HOSTS": "127.0.0.1:10444, kr1.example.com",
            "EASYMAKER_STORAGE_SCHEMES": "obs,s3",
            "EASYMAKER_OBS_IDENTITY_URL": "https://identity.example/v2.0",
            "EASYMAKER_OBS_TENANT_ID": "t",
            "EASYMAKER_OBS_USERNAME": "u",
            "EASYMAKER_OBS_PASSWORD_FILE": "/run/password",
            "REQUESTS_CA_BUNDLE": "/other.pem",
        }
    )
    assert options.obs_token_file == Path("/run/token")
    assert options.ca_bundle == Path("/run/ca.pem")
    assert options.nas_root == Path("/nas")
    assert options.allowed_hosts == ("127.0.0.1:10444", "kr1.example.com")
    assert options.allowed_schemes == ("obs", "s3")
    assert options.obs_identity == Identity("https://identity.example/v2.0", "t", "u", Path("/run/password"))


def test_the_ca_bundle_of_other_programs_is_the_fallback() -> None:
    assert StorageOptions.from_env({"SSL_CERT_FILE": "/a", "REQUESTS_CA_BUNDLE": "/b"}).ca_bundle == Path("/b")
    assert StorageOptions.from_env({"SSL_CERT_FILE": "/a"}).ca_bundle == Path("/a")


def test_half_an_identity_is_none() -> None:
    assert StorageOptions.from_env({"EASYMAKER_OBS_USERNAME": "u"}).obs_identity is None
