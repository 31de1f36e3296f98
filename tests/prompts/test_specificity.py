"""Less specific and reworded prompts: rules of text, shown by prompts of several kinds."""

import subprocess
import sys
from pathlib import Path

import pytest

from seedwitness.config.prompt_settings import PromptClassSettings
from seedwitness.errors import ConfigError
from seedwitness.prompts.classes import (
    PictureTexts,
    choose_wild_prompts,
    list_class_prompts,
    load_wild_prompts,
)
from seedwitness.prompts.specificity import LEVELS, drop_names, reduce_prompt, reword_prompt

CLASSES = PromptClassSettings(
    classes=["verbatim", "reworded", "generic", "in the wild", "recovered"], wild_count=2
)
WILD = ["a misty owl, trending on artstation", "a cat", "dog at night", "an owl at night"]


@pytest.mark.parametrize(
    ("text", "names", "style", "subject"),
    [
        (
            "screen print of an owl by Ilo Vanterpool, dreamy mood, tidewater palette",
            "screen print of an owl, dreamy mood, tidewater palette",
            "an owl",
            "an owl",
        ),
        (
            "Oskar Nemet, festive cactus, candy tones, fresco, trending on artstation",
            "festive cactus, candy tones, fresco, trending on artstation",
            "festive cactus",
            "festive cactus",
        ),
        (
            "lighthouse, moonlit, in the style of Petra Lumen, graphite colours",
            "lighthouse, moonlit, graphite colours",
            "lighthouse, moonlit",
            "lighthouse",
        ),
        (
            "an owl in tidewater tones, dreamy lighting, gouache on paper, by Ilo Vanterpool",
            "an owl in tidewater tones, dreamy lighting, gouache on paper",
            "an owl",
            "an owl",
        ),
        (
            "A photograph of a boy with a kite in Hyde Park, 35mm film",
            "A photograph of a boy with a kite, 35mm film",
            "a boy with a kite",
            "a boy",
        ),
        ("portrait of Vincent van Gogh", "portrait", "portrait", "portrait"),
        ("an owl", "an owl", "an owl", "an owl"),
        ("Ann Graham Lotz", "Ann Graham Lotz", "Ann Graham Lotz", "Ann Graham Lotz"),
        ("", "", "", ""),
    ],
)
def test_a_prompt_becomes_less_specific_level_by_level(
    text: str, names: str, style: str, subject: str
) -> None:
    assert [reduce_prompt(text, level) for level in LEVELS] == [text, names, style, subject, ""]


def test_a_single_capital_begins_a_sentence_and_names_no_one() -> None:
    assert drop_names("Owls at night") == "Owls at night"
    assert drop_names("owls in Paris at night") == "owls at night"
    assert drop_names("owls, Paris") == "owls"


def test_rewording_keeps_the_phrases() -> None:
    assert reword_prompt("an owl, at night, fresco") == "fresco, at night, an owl"
    assert reword_prompt("an owl") == "a picture that shows an owl"
    assert reword_prompt(" , ") == ""


def test_each_class_has_its_prompts() -> None:
    text = "screen print of an owl by Ilo Vanterpool, dreamy mood"
    pictures = [PictureTexts(text, "dreamy owl"), PictureTexts("a cat, at night", "cat")]
    rungs = list_class_prompts(pictures, CLASSES, WILD)
    assert rungs["class: verbatim"] == [[text], ["a cat, at night"]]
    assert rungs["class: reworded"][1] == ["at night, a cat"]
    assert rungs["class: generic"] == [["an owl"], ["a cat"]]
    assert rungs["class: recovered"] == [["dreamy owl"], ["cat"]]
    assert [len(own) for own in rungs["class: in the wild"]] == [2, 2]
    assert rungs["class: in the wild"][1][0] == "a cat"
    assert list(rungs)[5:] == [f"words: {level}" for level in LEVELS]
    assert rungs["words: empty"] == [[""], [""]]


def test_a_class_that_a_picture_lacks_is_left_out() -> None:
    pictures = [PictureTexts(None, "dreamy owl"), PictureTexts("a cat", "cat")]
    rungs = list_class_prompts(pictures, CLASSES, [])
    assert [rung for rung in rungs if rung.startswith("class")] == ["class: recovered"]
    assert rungs["words: full"] == [["dreamy owl"], ["a cat"]]
    assert list_class_prompts([PictureTexts(None, None)], CLASSES, []) == {}


def test_prompts_in_the_wild_are_chosen_by_common_words() -> None:
    assert choose_wild_prompts(WILD, "an owl at night", 2) == ["an owl at night", "dog at night"]
    assert choose_wild_prompts(WILD[::-1], "an owl at night", 4) == choose_wild_prompts(
        WILD, "an owl at night", 4
    )


def test_a_list_in_the_wild_is_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "wild.txt"
    assert load_wild_prompts(None) == []
    with pytest.raises(ConfigError, match=r"reach\.classes\.wild: there is no file .*wild\.txt"):
        load_wild_prompts(path)
    path.write_text("\ufeffan owl\n\n an owl \n日本\n", encoding="utf-8")
    assert load_wild_prompts(path) == ["an owl", "日本"]
    path.write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        load_wild_prompts(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_wild_prompts(path)


def test_classes_import_no_torch() -> None:
    script = (
        "import sys, seedwitness.prompts.classes\n"
        "sys.exit(bool({'torch', 'open_clip', 'faiss'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
