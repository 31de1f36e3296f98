"""A picture becomes a target under a safe name, with unchanged bytes."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedwitness.config.inputs import NAME_PATTERN
from seedwitness.errors import ConfigError, PictureError
from seedwitness.targets.target_folder import copy_target, make_safe_name


@pytest.fixture
def owl(art: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "owl.png"
    art.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "targets"


def test_the_bytes_are_unchanged(owl: Path, folder: Path) -> None:
    added = copy_target(owl, folder=folder)
    assert (added.name, added.path, added.is_new) == ("owl", folder / "owl.png", True)
    assert added.path.read_bytes() == owl.read_bytes()
    assert added.decoded.record.name == "owl"
    assert [path.name for path in folder.iterdir()] == ["owl.png"]
    assert copy_target(owl, "night-owl_2", folder.parent).path == folder.parent / "night-owl_2.png"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Owl (final)", "my-owl-final"),
        ("Nächtliche Eule für Łódź, Øst & Straße", "nachtliche-eule-fur-lodz-ost-strasse"),
        ("сова owl 梟", "owl"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", ""),
        ("сова", ""),
        ("🦉", ""),
        ("--name", "name"),
        ("a--b- -c-", "a-b-c"),
        ("v1.5_b", "v1-5_b"),
        ("ﬁn ²", "fin-2"),
        ("x" * 70, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("a\0b\nc", "a-b-c"),
        ("C:\\owls\\Eule", "c-owls-eule"),
    ],
)
def test_names_are_made_safe(text: str, name: str) -> None:
    assert make_safe_name(text) == name


def test_the_name_of_any_text_is_safe_and_stable() -> None:
    rng = np.random.default_rng(3)
    alphabet = "aZ09 -_./\\:é'ßŁж梟🦉\u0301\u200b\x00"
    for _ in range(2000):
        text = "".join(rng.choice(list(alphabet), int(rng.integers(0, 90))))
        for form in (text, unicodedata.normalize("NFD", text)):
            name = make_safe_name(form)
            assert name == "" or NAME_PATTERN.fullmatch(name), form
            assert make_safe_name(name) == name


@pytest.mark.parametrize(
    "name", ["../x", "x/y", "/etc/x", "", "X", "a b", "-x", "a--b", "a.b", "ж"]
)
def test_a_given_name_must_be_safe(name: str, owl: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"--name: .* is not valid as the name of a target"):
        copy_target(owl, name, folder)
    assert not folder.exists()


def test_a_refused_name_is_answered_with_a_valid_one(owl: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match="Use `my-owl`, for example"):
        copy_target(owl, "../My Owl", folder)


def test_names_of_other_scripts_and_spaces(owl: Path, folder: Path) -> None:
    spaced = owl.rename(owl.with_name("Ночная  Eule 2.PNG"))
    assert copy_target(spaced, folder=folder).path == folder / "eule-2.png"
    other = owl.with_name("сова.png")
    Image.open(spaced).rotate(180).save(other)
    added = copy_target(other, folder=folder)
    assert added.name == f"target-{added.decoded.record.file_sha256[:8]}"
    assert NAME_PATTERN.fullmatch(added.name)


def test_the_suffix_is_that_of_the_format(art: Image.Image, tmp_path: Path, folder: Path) -> None:
    art.save(tmp_path / "a.png", "JPEG")
    art.save(tmp_path / "b.exe", "WEBP")
    art.rotate(180).save(tmp_path / "c", "TIFF")
    names = [
        copy_target(tmp_path / name, folder=folder).path.name for name in ("a.png", "b.exe", "c")
    ]
    assert names == ["a.jpg", "b.webp", "c.tiff"]


def test_the_same_file_again_is_no_error(owl: Path, folder: Path) -> None:
    first, again = copy_target(owl, folder=folder), copy_target(owl, folder=folder)
    assert (again.name, again.path, again.is_new) == (first.name, first.path, False)
    assert copy_target(first.path, folder=folder).is_new is False


def test_a_name_in_use_is_reported(owl: Path, folder: Path) -> None:
    copy_target(owl, folder=folder)
    Image.open(owl).rotate(180).save(owl.with_name("other.webp"), lossless=True)
    with pytest.raises(ConfigError, match=r"target owl exists already, .*owl\.png, .*other\.webp"):
        copy_target(owl.with_name("other.webp"), "owl", folder)
    with pytest.raises(ConfigError, match=r"target listed exists already, .*elsewhere"):
        copy_target(owl, "listed", folder, {"listed": Path("elsewhere.png")})
    assert [path.name for path in folder.iterdir()] == ["owl.png"]


def test_the_same_pixels_under_another_name_are_refused(owl: Path, folder: Path) -> None:
    copy_target(owl, folder=folder)
    Image.open(owl).save(owl.with_name("copy.webp"), lossless=True)
    with pytest.raises(PictureError, match=r"copy\.webp has the same pixels as the target owl"):
        copy_target(owl.with_name("copy.webp"), folder=folder)
    with pytest.raises(PictureError, match="has the same pixels as the target owl"):
        copy_target(owl, "second", folder)
    with pytest.raises(PictureError, match=r"the target listed, .*copy\.webp"):
        copy_target(owl, "second", folder.parent, {"listed": owl.with_name("copy.webp")})
    with pytest.raises(PictureError, match="as the target mine"):
        copy_target(owl, "second", folder.parent, {"mine": owl})


def test_a_file_that_cannot_be_decoded_is_not_added(owl: Path, folder: Path) -> None:
    owl.write_bytes(owl.read_bytes()[:80])
    with pytest.raises(PictureError, match=r"owl\.png cannot be read.*Add an intact picture"):
        copy_target(owl, folder=folder)
    with pytest.raises(PictureError, match="There is no picture"):
        copy_target(owl.with_name("none.png"), folder=folder)
    with pytest.raises(PictureError, match="There is no picture"):
        copy_target(owl.parent, folder=folder)
    assert not folder.exists()


def test_a_broken_target_in_the_folder_is_named(owl: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "old.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture, and none of our business")
    with pytest.raises(PictureError, match=r"old\.png is empty"):
        copy_target(owl, folder=folder)
