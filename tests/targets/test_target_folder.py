"""A picture becomes a target under a safe name, with unchanged bytes."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedwitness.config.inputs import NAME_PATTERN
from seedwitness.config.targets import TargetSettings, load_target
from seedwitness.errors import ConfigError, PictureError
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.runtime.hashes import sha256_file
from seedwitness.targets.target_folder import add_picture, make_safe_name


@pytest.fixture
def owl(art: Image.Image, tmp_path: Path) -> Path:
    path = tmp_path / "owl.png"
    art.save(path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The targets of a project without one; the working directory is its root."""
    monkeypatch.chdir(tmp_path)
    return Path("data/targets")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_bytes_are_unchanged(owl: Path, folder: Path) -> None:
    added = add_picture(owl, caption="an owl")
    assert (added.name, added.path, added.is_new) == ("owl", folder / "owl" / "owl.png", True)
    assert added.path.read_bytes() == owl.read_bytes()
    with Image.open(owl) as image:
        assert added.settings == TargetSettings(
            image="owl.png", pixels_sha256=hash_pixels(image), caption="an owl"
        )
    assert load_target("owl") == added.settings
    assert names(folder / "owl") == ["owl.png", "target.yaml"]


def test_a_name_can_be_given(owl: Path, folder: Path) -> None:
    added = add_picture(owl, "night-owl_2")
    assert added.path == folder / "night-owl_2" / "night-owl_2.png"
    assert (added.settings.caption, added.settings.image) == (None, "night-owl_2.png")


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
        add_picture(owl, name)
    assert not folder.exists()


def test_a_refused_name_is_answered_with_a_valid_one(owl: Path) -> None:
    with pytest.raises(ConfigError, match="Use `my-owl`, for example"):
        add_picture(owl, "../My Owl")


def test_names_of_other_scripts_and_spaces(owl: Path, folder: Path) -> None:
    spaced = owl.rename(owl.with_name("Ночная  Eule 2.PNG"))
    assert add_picture(spaced).path == folder / "eule-2" / "eule-2.png"
    other = owl.with_name("сова.png")
    Image.open(spaced).rotate(180).save(other)
    added = add_picture(other)
    assert added.name == f"target-{sha256_file(other)[:8]}"
    assert NAME_PATTERN.fullmatch(added.name)


def test_a_file_name_that_is_no_text_is_made_safe(owl: Path, folder: Path) -> None:
    odd = owl.rename(owl.with_name("eule\udcff.png"))  # bytes that are no UTF-8
    assert add_picture(odd).path == folder / "eule" / "eule.png"


def test_the_suffix_is_that_of_the_format(art: Image.Image, tmp_path: Path) -> None:
    art.save(tmp_path / "a.png", "JPEG")
    art.save(tmp_path / "b.exe", "WEBP")
    art.rotate(180).save(tmp_path / "c", "TIFF")
    files = [add_picture(tmp_path / name).settings.image for name in ("a.png", "b.exe", "c")]
    assert files == ["a.jpg", "b.webp", "c.tiff"]


def test_the_same_file_again_is_no_error(owl: Path) -> None:
    first, again = add_picture(owl, caption="an owl"), add_picture(owl)
    assert again == first._replace(is_new=False)
    assert load_target("owl").caption == "an owl"
    assert add_picture(first.path).is_new is False
    assert add_picture(owl, caption="").settings.caption == ""
    assert load_target("owl").caption == ""


def test_a_name_in_use_is_reported(owl: Path, folder: Path) -> None:
    add_picture(owl)
    Image.open(owl).rotate(180).save(owl.with_name("other.webp"), lossless=True)
    with pytest.raises(ConfigError, match=r"target owl exists already, .*other\.webp is another"):
        add_picture(owl.with_name("other.webp"), "owl")
    assert names(folder) == ["owl"]
    assert names(folder / "owl") == ["owl.png", "target.yaml"]


def test_the_same_pixels_in_another_file_under_the_same_name_are_refused(owl: Path) -> None:
    add_picture(owl)
    Image.open(owl).save(owl.with_name("owl.webp"), lossless=True)
    with pytest.raises(
        ConfigError, match=r"target owl exists already, .*owl\.webp is another file"
    ):
        add_picture(owl.with_name("owl.webp"))


def test_the_same_pixels_under_another_name_are_refused(owl: Path, folder: Path) -> None:
    add_picture(owl)
    Image.open(owl).save(owl.with_name("copy.webp"), lossless=True)
    with pytest.raises(PictureError, match=r"copy\.webp has the same pixels as the target owl"):
        add_picture(owl.with_name("copy.webp"))
    with pytest.raises(PictureError, match="has the same pixels as the target owl"):
        add_picture(owl, "second")
    # Also where the image itself is not there, as in a clone before `dvc pull`.
    (folder / "owl" / "owl.png").unlink()
    with pytest.raises(PictureError, match="has the same pixels as the target owl"):
        add_picture(owl, "second")
    assert names(folder) == ["owl"]


def test_a_file_that_cannot_be_decoded_is_not_added(owl: Path, folder: Path) -> None:
    owl.write_bytes(owl.read_bytes()[:80])
    with pytest.raises(PictureError, match=r"owl\.png cannot be read.*Add an intact picture"):
        add_picture(owl)
    with pytest.raises(PictureError, match="There is no picture"):
        add_picture(owl.with_name("none.png"))
    with pytest.raises(PictureError, match="There is no picture"):
        add_picture(owl.parent)
    assert not folder.exists()


def test_a_target_that_is_not_valid_is_named(owl: Path, folder: Path) -> None:
    (folder / "old").mkdir(parents=True)
    (folder / "notes.txt").write_text("no target, and none of our business")
    (folder / "old" / "target.yaml").write_text("image: old.png\n")
    with pytest.raises(ConfigError, match=r"old/target\.yaml: `pixels_sha256`"):
        add_picture(owl)
    assert names(folder) == ["notes.txt", "old"]
