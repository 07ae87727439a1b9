"""parse() decides what a user may write into a URI field, so it faces whatever a user can type."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kserve_runtimes.storage.errors import InvalidStorageUri
from kserve_runtimes.storage.uri import MAX_LENGTH, NasUri, ObsUri, OtherUri, parse

OBS = "obs://host.example/v1/AUTH_tenant/data/"
NAS = "nas://nas-1:/"

ESCAPES = [
    "..",
    "../x",
    "a/..",
    "a/../b",
    "a/../../b",
    "../../../../etc/passwd",
    "./a",
    "a/./b",
    ".",
    "%2e%2e",
    "%2E%2E/x",
    "a/%2e%2e/b",
    "a/.%2e/b",
    "a/%2e./b",
    "%252e%252e/x",
    "%25252e%25252e/x",
    "a/%252e./b",
    "%2e",
    "a%2f..%2fb",
    "a%2Fb",
    "a%252fb",
    "..%5cx",
    "a%5cb",
    "a\\b",
    "..\\x",
    "a%00b",
    "a%0ab",
    "a%0d%0aX-Header: 1",
    "a%1fb",
    "a%7fb",
    "a%2500b",
    "a%250ab",
    "a%23b",
    "a%3fb",
    "a#b",
    "a?b",
    "#",
    "?",
    "?versions",
]
# For other file systems a doubled slash means nothing special.
SLASHES = ["a//b", "a///b", "//etc/passwd", "/etc/passwd", "a/b//"]
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E, 0x2066, 0x200F, 0xD800)]
OBS_SHAPES = [
    "",
    " ",
    "obs",
    "obs:",
    "obs:/",
    "obs://",
    "obs:///",
    "obs:///v1/AUTH_t/c",
    "obs://h",
    "obs://h/",
    "obs://h/v1",
    "obs://h/v1/AUTH_t",
    "obs://h/v1/AUTH_t/",
    "obs://h/v1/AUTH_/c",
    "obs://h/v1/t/c",
    "obs://h/v1/auth_t/c",
    "obs://h/v2/AUTH_t/c",
    "obs://h//AUTH_t/c",
    "obs://h/v1//c",
    "obs://h/AUTH_t/c/p",
    "obs://h/v1/AUTH_t/../c",
    "obs://h/v1/AUTH_t/..",
    "obs://h/v1/AUTH_t/.",
    "obs://h/v1/AUTH_t/%2e%2e",
    "obs://h/v1/AUTH_t/c%2fd",
    "obs://h/v1/AUTH_a b/c",
    "obs://h/v1/AUTH_a%20b/c",
    f"obs://h/v1/AUTH_{'t' * 65}/c",
    "obs://user@h/v1/AUTH_t/c",
    "obs://user:secret@h/v1/AUTH_t/c",
    "obs://h:/v1/AUTH_t/c",
    "obs://h:0/v1/AUTH_t/c",
    "obs://h:65536/v1/AUTH_t/c",
    "obs://h:-1/v1/AUTH_t/c",
    "obs://h:80:80/v1/AUTH_t/c",
    "obs://h:8 0/v1/AUTH_t/c",
    "obs://h:٤٤٣/v1/AUTH_t/c",
    "obs://h h/v1/AUTH_t/c",
    "obs://-h/v1/AUTH_t/c",
    "obs://h-/v1/AUTH_t/c",
    "obs://.h/v1/AUTH_t/c",
    "obs://h..h/v1/AUTH_t/c",
    "obs://h%2eexample/v1/AUTH_t/c",
    "obs://ｈost/v1/AUTH_t/c",
    "obs://hоst/v1/AUTH_t/c",
    "obs://[::1/v1/AUTH_t/c",
    "obs://::1/v1/AUTH_t/c",
    "obs://[]/v1/AUTH_t/c",
    "obs://[v1.x]/v1/AUTH_t/c",
    "obs://[::1%25eth0]/v1/AUTH_t/c",
    "obs://[::1]x/v1/AUTH_t/c",
    "obs://127.1/v1/AUTH_t/c",
    "obs://2130706433/v1/AUTH_t/c",
    "obs://0x7f000001/v1/AUTH_t/c",
    "obs://0x7f.1/v1/AUTH_t/c",
    "obs://0177.0.0.1/v1/AUTH_t/c",
    "obs://127.0.0.0x1/v1/AUTH_t/c",
    "obs://1.2.3.4.5/v1/AUTH_t/c",
    "obs://256.1.1.1/v1/AUTH_t/c",
    f"obs://{'h' * 64}/v1/AUTH_t/c",
    "obs://h/v1/AUTH_t/c/%ff",
    "obs://h/v1/AUTH_t/c/%c3%28",
    "obs://h/v1/AUTH_t/c/%ed%a0%80",
    "obs://h/v1/AUTH_t/c/%e2%80%a8",
    "obs://h/v1/AUTH_t/c/%c2%85",
    "\tobs://h/v1/AUTH_t/c",
    " obs://h/v1/AUTH_t/c",
    "obs ://h/v1/AUTH_t/c",
    "://h/v1/AUTH_t/c",
    "1obs://h/v1/AUTH_t/c",
    "o_b_s://h/v1/AUTH_t/c",
    "https:/h",
    "/etc/passwd",
    "etc/passwd",
    "C:\\x",
    "file:/etc/passwd",
    "file://",
    "file:///",
    "file:///../etc",
    "file:///a/%2e%2e/etc",
    "simplecache::file:///etc/passwd",
    "zip://x::file:///etc/passwd",
    "s3://bucket/a::file:///etc",
    "data:text/plain,x",
]
NAS_SHAPES = [
    "nas:",
    "nas://",
    "nas:///",
    "nas:///a",
    "nas://:/a",
    "nas://id",
    "nas://id/a",
    "nas://id:",
    "nas://id:a",
    "nas://../:/a",
    "nas://..:/a",
    "nas://.:/a",
    "nas://a/b:/c",
    "nas://%2e%2e:/a",
    "nas://-id:/a",
    "nas://i d:/a",
    "nas://id\u200f:/a",
    "nas://아이디:/a",
    f"nas://{'i' * 65}:/a",
    "nas://id:/a::b",
    "nas://id://a",
]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("prefix", [OBS, NAS, "s3://bucket/", "file:///tmp/"])
def test_no_scheme_lets_a_path_escape(prefix: str, path: str) -> None:
    with pytest.raises(InvalidStorageUri) as caught:
        parse(prefix + path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", SLASHES)
@pytest.mark.parametrize("prefix", [OBS, NAS])
def test_a_name_has_no_empty_segments(prefix: str, path: str) -> None:
    with pytest.raises(InvalidStorageUri):
        parse(prefix + path)


@pytest.mark.parametrize("character", CONTROLS, ids=lambda character: f"U+{ord(character):04X}")
@pytest.mark.parametrize("template", [OBS + "a{}b", NAS + "a{}b", "obs://h{}/v1/AUTH_t/c", "obs://h/v1/AUTH_t/c{}"])
def test_control_characters_are_refused_everywhere(template: str, character: str) -> None:
    with pytest.raises(InvalidStorageUri) as caught:
        parse(template.format(character))
    assert character not in str(caught.value)


@pytest.mark.parametrize("uri", OBS_SHAPES)
def test_malformed_obs_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidStorageUri):
        parse(uri)


@pytest.mark.parametrize("uri", NAS_SHAPES)
def test_malformed_nas_uris_are_refused(uri: str) -> None:
    with pytest.raises(InvalidStorageUri):
        parse(uri)


def test_the_limit_is_255_characters() -> None:
    assert parse(OBS.ljust(MAX_LENGTH, "a"))
    with pytest.raises(InvalidStorageUri, match="255"):
        parse(OBS.ljust(MAX_LENGTH + 1, "a"))


@pytest.mark.parametrize("value", [None, 1, b"obs://h/v1/AUTH_t/c", ["obs://h/v1/AUTH_t/c"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidStorageUri):
        parse(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (OBS + "a b/c", "a b/c"),
        (OBS + "모델/😀.bin", "모델/😀.bin"),
        (OBS + "a%20b", "a b"),
        (OBS + "%EB%AA%A8", "모"),
        (OBS + "100%", "100%"),
        (OBS + "100%zz", "100%zz"),
        (OBS + "...", "..."),
        (OBS + "a..b/c.", "a..b/c."),
        (OBS + "a:b@c,d=e&f+g", "a:b@c,d=e&f+g"),
    ],
)
def test_usual_and_unusual_paths_are_understood(uri: str, path: str) -> None:
    parsed = parse(uri)
    assert isinstance(parsed, ObsUri)
    assert parsed.path == path


def test_the_parts_of_an_obs_uri() -> None:
    uri = parse("OBS://KR1-API.Example.com:8443/v1/AUTH_0a-b_C/my data/models/")
    assert uri == ObsUri("kr1-api.example.com", 8443, "0a-b_C", "my data", "models", is_directory=True)
    assert str(uri) == "obs://kr1-api.example.com:8443/v1/AUTH_0a-b_C/my data/models"
    assert parse("obs://[0:0::1]/v1/AUTH_t/c") == ObsUri("[::1]", 443, "t", "c", "", is_directory=True)


def test_the_parts_of_a_nas_uri() -> None:
    assert parse("nas://nas-1:/data/train") == NasUri("nas-1", "data/train")
    assert parse("nas://nas-1:/") == NasUri("nas-1", "", is_directory=True)
    assert str(parse("nas://nas-1:/data/")) == "nas://nas-1:/data"


def test_other_schemes_are_left_to_the_operator() -> None:
    assert parse("s3://bucket/key") == OtherUri("s3", "bucket/key")
    assert parse("hf://google/bert@main/x") == OtherUri("hf", "google/bert@main/x")


ANY_PATH = st.text(alphabet=st.characters() | st.sampled_from("./%2eEfF\\#?:@"), max_size=60)


@given(ANY_PATH)
def test_whatever_parses_stays_in_its_container(path: str) -> None:
    try:
        parsed = parse(OBS + path)
    except InvalidStorageUri:
        return
    assert isinstance(parsed, ObsUri)
    assert (parsed.host, parsed.tenant, parsed.container) == ("host.example", "tenant", "data")
    assert not {"", ".", ".."} & set(parsed.path.split("/")) or parsed.path == ""
    assert not any(character in parsed.path for character in "\\#?\n\0")


@given(st.text(alphabet=st.characters() | st.sampled_from("./:@%[]"), max_size=40))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    for uri in (text, f"obs://{text}", f"obs://{text}/v1/AUTH_t/c", f"nas://{text}"):
        try:
            parse(uri)
        except InvalidStorageUri as error:
            assert str(error).isprintable() or " " in str(error)


@given(st.text(alphabet=string.ascii_letters + string.digits + " 한😀&=+,", min_size=1, max_size=20))
def test_an_escaped_name_means_the_same_as_the_plain_one(name: str) -> None:
    assert parse(OBS + "x" + quote(name)) == parse(OBS + "x" + name)
