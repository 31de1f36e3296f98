"""The targets of a project: a folder each, whatever the caption and the name."""

import random
from pathlib import Path

import pytest

from seedwitness.config.targets import (
    FOLDER,
    NAME,
    TargetSettings,
    image_path,
    list_targets,
    load_target,
    write_target,
)
from seedwitness.errors import ConfigError

PIECES = ["${", "$", "{", "}", "\\", "'", '"', "\n", "\r", " ", "  ", "\t", ": ", " #", "- ", "&a"]
PIECES += ["a", "é", "漢", "🦉", "\x85", "\u2028", "\u2029", "\x00", "\x07", "\x7f", "\ufeff"]
PIECES += ["null", "~", "1e3", "${oc.env:HOME}", "\\${x}", "!!python/name:os.system", "---", "*a"]
WORDS = ["on", "yes", "null", "~", "", " ", "1", "1.5", "1e3", "0o17", "2024-01-01", "=", "<<"]
WORDS += ["???", "...", "---\na: b"]
ODD_NAMES = ["0o17", "08_", "yes", "null", "on", "1e3", "0x1f", "1_000", "2024-01-01", "nan", "y"]


def settings(number: int, caption: str | None = None) -> TargetSettings:
    return TargetSettings(image="owl.png", pixels_sha256=f"{number:064x}", caption=caption)


def write(root: Path, name: str, text: str) -> Path:
    path = root / FOLDER / name / NAME
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_any_caption_survives(tmp_path: Path) -> None:
    rng = random.Random(1)
    captions = ["".join(rng.choices(PIECES, k=rng.randint(1, 12))) for _ in range(200)]
    captions += ["".join(map(chr, rng.choices(range(0x3000), k=20))) for _ in range(50)]
    captions += [*WORDS, *PIECES, "x" * 10_000, "many words " * 1_000]
    assert any("\x85" in caption for caption in captions[:200])
    for caption in captions:
        write_target("owl", settings(1, caption), tmp_path)
        assert load_target("owl", tmp_path).caption == caption
    write_target("owl", settings(1), tmp_path)
    assert load_target("owl", tmp_path).caption is None


def test_a_caption_is_readable_in_the_file(tmp_path: Path) -> None:
    write_target("owl", settings(1, "eine Eule, été, 梟"), tmp_path)
    text = (tmp_path / FOLDER / "owl" / NAME).read_text(encoding="utf-8")
    assert "caption: eine Eule, été, 梟\n" in text


def test_words_that_yaml_takes_for_other_values_are_names(tmp_path: Path) -> None:
    for number, name in enumerate(ODD_NAMES):
        write_target(name, settings(number, name), tmp_path)
    targets = list_targets(tmp_path)
    assert list(targets) == sorted(ODD_NAMES)
    for name in ODD_NAMES:
        assert targets[name] == load_target(name, tmp_path)
        assert targets[name].caption == name


def test_the_image_lies_beside_the_settings() -> None:
    assert image_path("owl", settings(1)) == Path("data/targets/owl/owl.png")


def test_a_folder_without_settings_is_no_target(tmp_path: Path) -> None:
    write_target("owl", settings(1), tmp_path)
    (tmp_path / FOLDER / "interrupted").mkdir()
    (tmp_path / FOLDER / "interrupted" / "owl.png").write_bytes(b"copied")
    assert list(list_targets(tmp_path)) == ["owl"]
    assert list_targets(tmp_path / "nowhere") == {}


def test_an_unknown_target_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    write_target("owl", settings(1), tmp_path)
    write_target("heron", settings(2), tmp_path)
    with pytest.raises(ConfigError, match=r"no target `owk`. Did you mean `owl`\? .*heron, owl"):
        load_target("owk", tmp_path)
    with pytest.raises(ConfigError, match=r"no target `\.\./targets/owl`"):
        load_target("../targets/owl", tmp_path)


def test_two_targets_of_the_same_pixels_are_refused(tmp_path: Path) -> None:
    write_target("owl", settings(1), tmp_path)
    write_target("owl-2", settings(1), tmp_path)
    with pytest.raises(ConfigError, match=r"owl and owl-2 are the same image.*remove owl-2"):
        list_targets(tmp_path)


def test_a_folder_whose_name_cannot_name_a_target_is_named(tmp_path: Path) -> None:
    write_target("My Owl", settings(1), tmp_path)
    with pytest.raises(ConfigError, match=r"data/targets/My Owl: 'My Owl' is not valid"):
        list_targets(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image: [", r"target\.yaml cannot be read as YAML"),
        ("7", r"target\.yaml: .*valid dictionary"),
        ("image: a.png\n", r"target\.yaml: `pixels_sha256`: Field required"),
        ("image: a.png\npixels_sha256: abc\n", r"target\.yaml: `pixels_sha256`: .*pattern"),
        (f"image: ''\npixels_sha256: '{0:064}'\n", r"target\.yaml: `image`: .*at least 1"),
        (
            f"image: a.png\npixels_sha256: '{0:064}'\ncaptoin: x\n",
            r"`captoin`: unknown key\. Did you mean `caption`\?",
        ),
        (
            f'image: a.png\npixels_sha256: "{0:064}"\ncaption: "\\uDCFF"\n',
            r"target\.yaml: `caption`: it is not valid Unicode text",
        ),
    ],
)
def test_a_file_that_is_not_valid_is_named(text: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, "owl", text)
    for read in (lambda: list_targets(tmp_path), lambda: load_target("owl", tmp_path)):
        with pytest.raises(ConfigError, match=message):
            read()


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    write(tmp_path, "owl", "").write_bytes(b"image: \xff\xfe")
    with pytest.raises(ConfigError, match=r"target\.yaml cannot be read as YAML"):
        load_target("owl", tmp_path)
