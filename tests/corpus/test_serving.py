"""The read API answers as clip-retrieval's server does, and its own client works against it."""

import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from seedwitness.corpus import Embedder
from seedwitness.corpus.embeddings import embed_pictures, embed_texts
from seedwitness.corpus.index import CorpusIndex
from seedwitness.corpus.lookup import find_nearest
from seedwitness.corpus.remote import ask_server, list_indices, make_request
from seedwitness.corpus.serving import LookupService, make_server
from seedwitness.imaging.decoding import decode_image

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venv/clip-client/bin/python"
SCRIPT = ROOT / "tests/helpers/ask_with_clip_client.py"


@pytest.fixture(scope="module")
def server(index: CorpusIndex, embedder: Embedder) -> Iterator[str]:
    made = make_server(LookupService("art", index, embedder), "127.0.0.1", 0)
    thread = Thread(target=made.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_address[1]}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def post(server: str, path: str, body: object) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(server + path, data)) as response:
            assert "none" in response.headers["X-Seedwitness-Filters"]
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_our_own_client_gets_the_rows_of_the_index(
    server: str, index: CorpusIndex, embedder: Embedder, folder: Path
) -> None:
    assert list_indices(server) == ["art"]
    picture = folder / "3.png"
    request = make_request(image=picture.read_bytes(), modality="image", index_name="art", rows=5)
    answer = ask_server(server, request)
    vector = embed_pictures([decode_image(picture)], embedder.embed_images)[0]
    expected = find_nearest(index.image_index, vector, 5)
    assert [int(match.id) for match in answer.matches] == [row for row, _ in expected]
    assert answer.matches[0].similarity == pytest.approx(1, abs=1e-5)
    assert answer.matches[0].caption == index.rows["caption"][3]
    request = make_request(text="an owl", modality="text", index_name="art", rows=5)
    vector = embed_texts(["an owl"], embedder.embed_texts)[0]
    expected = find_nearest(index.text_index, vector, 5)
    assert [int(match.id) for match in ask_server(server, request).matches] == [
        row for row, _ in expected
    ]


def test_copies_are_not_dropped_whatever_is_asked(server: str, folder: Path) -> None:
    image = base64.b64encode((folder / "0.png").read_bytes()).decode()
    request = {"image": image, "deduplicate": True, "use_safety_model": True, "num_images": 3}
    status, rows = post(server, "/knn-service", request)
    assert status == 200
    assert [row["similarity"] > 0.9999 for row in rows] == [True] * 3


def test_rows_beyond_the_images_come_without_metadata(server: str) -> None:
    _, rows = post(server, "/knn-service", {"text": "owl", "num_images": 2, "num_result_ids": 6})
    assert [set(row) for row in rows] == [{"id", "similarity", "caption", "url", "image_path"}] * (
        2
    ) + [{"id", "similarity"}] * 4


def test_metadata_is_given_by_number(server: str, index: CorpusIndex) -> None:
    status, rows = post(server, "/metadata", {"ids": [4, 0], "indice_name": "art"})
    assert status == 200
    assert [row["id"] for row in rows] == [4, 0]
    assert rows[0]["metadata"]["caption"] == index.rows["caption"][4]
    assert post(server, "/metadata", {"ids": [], "indice_name": "art"}) == (200, [])


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/knn-service", b"{nonsense", 400, "not JSON"),
        ("/knn-service", b"[" * 100_000, 400, "not JSON"),
        ("/knn-service", [1], 400, "no JSON object"),
        ("/knn-service", {}, 400, "is needed"),
        ("/knn-service", {"text": "a", "modality": "sound"}, 400, "'sound'"),
        ("/knn-service", {"text": "a", "indice_name": "laion"}, 404, "there is 'art'"),
        ("/knn-service", {"text": "a", "num_images": 10**9}, 400, "from 1 to 10000"),
        ("/knn-service", {"text": "a", "num_images": "3"}, 400, "whole number"),
        ("/knn-service", {"image": "%%"}, 400, "not base64"),
        ("/knn-service", {"image": "aGVsbG8="}, 400, "cannot be read as a picture"),
        ("/knn-service", {"image_url": "http://127.0.0.1/"}, 400, "fetches no pictures"),
        ("/knn-service", {"embedding_input": [1, 2]}, 400, "128 finite numbers"),
        ("/knn-service", {"embedding_input": ["a"]}, 400, "no list of numbers"),
        ("/metadata", {"ids": [10**9]}, 400, "from 0 to 10"),
        ("/metadata", {}, 400, "`ids` must be"),
        ("/elsewhere", {}, 404, "no /elsewhere"),
    ],
)
def test_what_cannot_be_answered_is_said(
    server: str, path: str, body: object, status: int, message: str
) -> None:
    found, content = post(server, path, body)
    assert found == status
    assert message in content["message"]


def test_requests_may_come_at_the_same_time(server: str) -> None:
    answers: list[Any] = []

    def ask() -> None:
        answers.append(post(server, "/knn-service", {"text": "an owl", "modality": "text"})[1])

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.skipif(
    not CLIENT.exists(),
    reason="the client of clip-retrieval has an environment of its own, by `make clip-client`",
)
def test_the_client_of_clip_retrieval_works_here(
    server: str, index: CorpusIndex, embedder: Embedder, folder: Path
) -> None:
    vector = index.text_index.reconstruct(4)
    command = [str(CLIENT), str(SCRIPT), f"{server}/knn-service", "art", str(folder / "0.png")]
    done = subprocess.run(
        [*command, json.dumps(vector.tolist())], capture_output=True, text=True, check=True
    )
    answers = json.loads(done.stdout)
    owl = embed_texts(["an owl"], embedder.embed_texts)[0]
    assert [row["id"] for row in answers["text"]] == [
        row for row, _ in find_nearest(index.image_index, owl, 40)
    ]
    assert {row["id"] for row in answers["image"][:3]} == {
        0,
        *index.rows.index[index.rows["file"].str.startswith("x")],
    }
    assert len(answers["captions"]) == 3
    assert answers["embedding"][0]["id"] == 4
    np.testing.assert_allclose(answers["embedding"][0]["similarity"], 1, atol=1e-5)
    assert answers["embedding"][0]["caption"] == index.rows["caption"][4]
