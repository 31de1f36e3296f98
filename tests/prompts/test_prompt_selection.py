"""The prompts of a search: captions of matches first, but not alone; each text once; no torch."""

import subprocess
import sys

import pandas as pd
import pytest

from seedwitness.prompts.prompt_selection import select_prompts
from seedwitness.records.tables import MATCHES, PROMPTS, make_typed_frame


def prompts(*rows: tuple[str, str]) -> pd.DataFrame:
    """Make PROMPTS of (text, source) pairs, in their order."""
    return make_typed_frame(
        [
            {
                "rank": rank,
                "text": text,
                "source": source,
                "method": source,
                "score": 0.25,
                "tokens": len(text),
                "bits": len(text) * 10.0,
            }
            for rank, (text, source) in enumerate(rows, start=1)
        ],
        PROMPTS,
    )


def matches(*captions: str, modality: str = "image", first: int = 1) -> pd.DataFrame:
    rows = []
    for rank, caption in enumerate(captions, start=first):
        row = {name: "" if kind == "string" else 0 for name, kind in MATCHES.items()}
        row |= {"rank": rank, "modality": modality, "caption": caption}
        row |= {"similarity": 1 - rank / 100, "caption_score": rank / 10}
        row |= {"caption_tokens": rank + 5, "caption_bits": rank * 1.5}
        rows.append(row)
    return make_typed_frame(rows, MATCHES)


OTHERS = prompts(("claimed", "metadata"), ("stated", "user"), ("found", "recovered"))


def test_captions_come_first_and_leave_half_to_the_others() -> None:
    table = select_prompts(OTHERS, matches("a", "b", "c", "d"), 4)
    assert table["text"].tolist() == ["a", "b", "claimed", "stated"]
    assert table["source"].tolist() == ["corpus", "corpus", "metadata", "user"]
    assert table["method"].tolist() == ["lookup", "lookup", "metadata", "user"]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert list(table.columns) == list(PROMPTS)
    odd = select_prompts(OTHERS, matches("a", "b", "c", "d"), 5)
    assert odd["text"].tolist() == ["a", "b", "c", "claimed", "stated"]


def test_a_caption_keeps_its_score_tokens_and_bits() -> None:
    table = select_prompts(OTHERS, matches("a", "b"), 9)
    assert table["score"].tolist() == pytest.approx([0.1, 0.2, 0.25, 0.25, 0.25])
    assert table["tokens"].tolist()[:2] == [6, 7]
    assert table["bits"].tolist()[:2] == [1.5, 3.0]


def test_captions_fill_the_remaining_places() -> None:
    table = select_prompts(OTHERS, matches("a", "b", "c", "d", "e"), 6)
    assert table["text"].tolist() == ["a", "b", "c", "claimed", "stated", "found"]
    table = select_prompts(prompts(("claimed", "metadata")), matches("a", "b", "c", "d"), 4)
    assert table["text"].tolist() == ["a", "b", "claimed", "c"]
    assert select_prompts(OTHERS, matches("a"), 99)["text"].tolist() == [
        "a",
        "claimed",
        "stated",
        "found",
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 8])
def test_each_text_appears_once_with_its_first_source(limit: int) -> None:
    recovered = prompts(("a", "metadata"), ("x", "metadata"), ("x", "user"), ("c", "recovered"))
    table = select_prompts(recovered, matches("a", "a", "b", " ", "c"), limit)
    assert table["text"].is_unique
    assert len(table) == min(limit, 4)
    source = dict(zip(table["text"], table["source"], strict=True))
    assert source["a"] == "corpus"
    assert source.get("x", "metadata") == "metadata"
    assert " " not in source


def test_only_captions_of_image_matches_are_used_in_rank_order() -> None:
    table = pd.concat([matches("t", modality="text", first=9), matches("b", first=2), matches("a")])
    assert select_prompts(OTHERS.iloc[::-1], table, 5)["text"].tolist() == [
        "a",
        "b",
        "claimed",
        "stated",
        "found",
    ]


def test_without_candidates_the_table_is_empty() -> None:
    assert len(select_prompts(prompts(), matches(), 4)) == 0
    assert select_prompts(prompts(), matches("a"), 4)["text"].tolist() == ["a"]
    assert len(select_prompts(OTHERS, matches(), 2)) == 2


def test_no_text_is_changed() -> None:
    odd = ['<b onclick="x()">\n&amp;</b>', "'\"\\" * 3334, "日本 ☃"]
    table = select_prompts(prompts(("\n" + odd[1], "user")), matches(*odd), 8)
    assert table["text"].tolist() == [*odd, "\n" + odd[1]]


def test_prompt_selection_imports_no_torch() -> None:
    script = (
        "import sys, seedwitness.prompts.prompt_selection\n"
        "sys.exit(bool({'torch', 'open_clip', 'faiss'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
