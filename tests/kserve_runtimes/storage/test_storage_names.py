"""Object names are chosen by whoever can write to the container; none may decide where on this machine a file goes."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kserve_runtimes.storage.errors import InvalidStorageUri
from kserve_runtimes.storage.names import Entry, is_safe, plan, relative_path

HOSTILE = [
    "..",
    ".",
    "../x",
    "a/..",
    "a/../x",
    "a/../../x",
    "../../../../../etc/passwd",
    "/../x",
    "//..//x",
    "./x",
    "a/./b",
    "a\0b",
    "a\nb",
    "a\rb",
    "a\x1b[31mb",
    "a\x7fb",
    "a\x85b",
    "\ud800",
    "",
    "/",
    "///",
    "n" * 256,
    "한" * 86,
    "a/" * 65 + "b",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_are_no_paths_are_refused(name: str) -> None:
    assert not is_safe(name)
    with pytest.raises(InvalidStorageUri) as caught:
        plan([Entry("good", 1), Entry(name, 1)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a", "a"),
        ("a/b c/한국어/😀", "a/b c/한국어/😀"),
        ("/etc/passwd", "etc/passwd"),
        ("a//b", "a/b"),
        ("...", "..."),
        ("~/x", "~/x"),
        ("a\\b", "a\\b"),
        ("C:/x", "C:/x"),
        ("$HOME/`id`;x|y", "$HOME/`id`;x|y"),
        ("-rf", "-rf"),
        ("n" * 255, "n" * 255),
    ],
)
def test_other_names_become_paths_below_the_destination(name: str, path: str) -> None:
    assert relative_path(name) == PurePosixPath(path)


def test_an_object_that_is_also_a_directory_is_refused() -> None:
    with pytest.raises(InvalidStorageUri, match="also the directory"):
        plan([Entry("a", 1), Entry("a/b", 1)])


def test_an_empty_object_that_is_also_a_directory_is_its_marker() -> None:
    assert [target.path for target in plan([Entry("a", 0), Entry("a/b", 1)])] == [PurePosixPath("a/b")]


def test_markers_are_no_files() -> None:
    entries = [Entry("d/", 0), Entry("e", 0, is_marker=True), Entry("f", 0)]
    assert [target.path for target in plan(entries)] == [PurePosixPath("f")]


def test_a_directory_with_content_is_refused() -> None:
    with pytest.raises(InvalidStorageUri, match="the name of a directory"):
        plan([Entry("d/", 5)])


def test_two_names_of_one_file_are_refused() -> None:
    with pytest.raises(InvalidStorageUri, match="same file"):
        plan([Entry("a/b", 1), Entry("a//b", 1)])


@given(st.lists(st.text(alphabet=st.characters() | st.sampled_from("./\\"), max_size=12), max_size=6))
def test_a_plan_never_leaves_the_destination(names: list[str]) -> None:
    try:
        targets = plan([Entry(name, 1) for name in names])
    except InvalidStorageUri:
        return
    root = Path("/destination")
    paths = [Path(str(root / target.path)) for target in targets]
    assert all(path.is_relative_to(root) and ".." not in path.parts and path != root for path in paths)
    assert len(set(paths)) == len(paths)
