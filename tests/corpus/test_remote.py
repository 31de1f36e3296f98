"""Servers of others: what is asked, what is answered, and what is said when nothing is."""

import ipaddress
import json
import time
import urllib.request
from pathlib import Path

import pytest

from seedwitness.corpus.fetching import FetchLimits, fetch_bytes, fetch_picture, is_public
from seedwitness.corpus.remote import (
    RemoteLimits,
    ask_server,
    check_address,
    list_indices,
    make_request,
)
from seedwitness.errors import ConfigError, PictureError
from seedwitness.records.corpus import RemoteAnswer

FAST = RemoteLimits(timeout=2, tries=3, first_wait=0.01, max_bytes=2**22)
ONCE = RemoteLimits(timeout=1, tries=1, max_bytes=2**22)
LOCAL = FetchLimits(timeout=2, allow_private=True)
REQUEST = make_request(text="a fox", modality="image", index_name="laion", rows=40)


def count(server: str, way: str) -> int:
    with urllib.request.urlopen(f"{server}/counts") as response:
        return int(json.loads(response.read()).get(way, 0))


def test_filters_and_deduplication_are_off_and_the_request_is_on_record(server: str) -> None:
    request = make_request(image=b"picture", modality="image", index_name="laion", rows=40)
    answer = ask_server(f"{server}/echo", request, FAST)
    assert answer.failure == ""
    received = json.loads(answer.matches[0].caption)
    assert received == request
    assert received["deduplicate"] is False
    assert received["use_safety_model"] is False
    assert received["use_violence_detector"] is False
    assert received["aesthetic_score"] is None
    assert received["aesthetic_weight"] == 0
    assert {**answer.request, "image": None} == {**request, "image": None}
    assert "SHA-256" in answer.request["image"]
    assert answer.server == f"{server}/echo"


@pytest.mark.parametrize("path", ["", "/", "/knn-service"])
def test_the_address_may_be_that_of_the_service(server: str, path: str) -> None:
    answer = ask_server(f"{server}/good{path}", REQUEST, FAST)
    assert [(match.id, match.similarity) for match in answer.matches] == [("7", 0.5), ("8", 0.4)]
    assert answer.matches[0].url == "https://e.org/7.jpg"


@pytest.mark.parametrize(
    ("way", "failure", "detail"),
    [
        ("502", "http-502", "502 Bad Gateway"),
        ("html", "not-json", "begins with '<!doctype html>"),
        ("nothing", "empty", "the answer is empty"),
        ("hang", "timeout", "after 1 s"),
        ("drip", "timeout", "after 1 s"),
        ("drip-headers", "timeout", "after 1 s"),
        ("message", "not-as-expected", "no such index"),
        ("deep", "not-json", "not JSON"),
        ("endless", "too-large", "more than 4,194,304 bytes"),
        ("hang-up", "no-connection", "the connection failed"),
        ("elsewhere", "http-404", "404"),
    ],
)
def test_a_server_that_does_not_answer_is_said_to_have_not(
    server: str, way: str, failure: str, detail: str
) -> None:
    started = time.monotonic()
    answer = ask_server(f"{server}/{way}", REQUEST, ONCE)
    assert time.monotonic() - started < 4
    assert answer.failure == failure
    assert detail in answer.detail
    assert answer.matches == []
    assert answer.tries == 1


def test_nothing_listens() -> None:
    answer = ask_server("http://127.0.0.1:9", REQUEST, FAST)
    assert (answer.failure, answer.tries) == ("no-connection", 3)


def test_rows_that_cannot_be_used_are_counted(server: str) -> None:
    answer = ask_server(f"{server}/odd", REQUEST, FAST)
    assert answer.dropped == {"no-similarity": 3}
    assert len(answer.matches) == 1
    many = ask_server(f"{server}/rows", REQUEST, RemoteLimits(timeout=10))
    assert (len(many.matches), many.dropped) == (10_000, {"more-than-asked": 20_000})


def test_it_is_asked_again_after_pauses_that_grow(server: str) -> None:
    pauses: list[float] = []
    limits = RemoteLimits(timeout=2, tries=3, first_wait=1)
    answer = ask_server(f"{server}/flaky", REQUEST, limits, sleep=pauses.append)
    assert (answer.failure, answer.tries, pauses) == ("", 3, [1, 2])
    pauses.clear()
    answer = ask_server(f"{server}/busy", REQUEST, limits, sleep=pauses.append)
    assert (answer.failure, answer.tries, pauses) == ("http-429", 3, [7, 7])
    pauses.clear()
    assert ask_server(f"{server}/html", REQUEST, limits, sleep=pauses.append).tries == 1
    assert pauses == []


def test_answers_are_cached_by_the_whole_request_and_failures_are_not(
    server: str, tmp_path: Path
) -> None:
    before = count(server, "good")
    first = ask_server(f"{server}/good", REQUEST, FAST, cache=tmp_path)
    second = ask_server(f"{server}/good", REQUEST, FAST, cache=tmp_path)
    assert first == second
    assert count(server, "good") == before + 1
    ask_server(f"{server}/good", {**REQUEST, "text": "another"}, FAST, cache=tmp_path)
    assert count(server, "good") == before + 2
    ask_server(f"{server}/html", REQUEST, FAST, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    kept = RemoteAnswer.model_validate_json(next(tmp_path.iterdir()).read_bytes())
    assert kept.matches


def test_indexes_are_listed(server: str) -> None:
    assert list_indices(f"{server}/names", FAST) == ["laion", "coyo"]
    with pytest.raises(ConfigError, match=r"does not list its indexes: not-json.*--index"):
        list_indices(f"{server}/html", FAST)


@pytest.mark.parametrize("address", ["laion", "file:///etc/passwd", "ftp://e.org", "http://"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="no address of a server"):
        check_address(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        *((address, False) for address in ("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.20.0.1")),
        *((address, False) for address in ("169.254.169.254", "0.0.0.0", "100.64.0.1")),
        *((address, False) for address in ("224.0.0.1", "240.0.0.1", "::1", "::", "fe80::1")),
        *((address, False) for address in ("fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1")),
        *((address, False) for address in ("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1")),
    ],
)
def test_private_addresses_are_recognised(address: str, expected: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is expected


def test_pictures_are_never_fetched_from_private_addresses(server: str) -> None:
    port = server.rpartition(":")[2]
    before = count(server, "good")
    for host in ("127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]"):
        with pytest.raises(PictureError, match=r"no public address.*--allow-private"):
            fetch_bytes(f"http://{host}:{port}/good")
    assert count(server, "good") == before


def test_pictures_are_fetched_where_it_is_allowed(server: str) -> None:
    assert fetch_picture(f"{server}/picture", LOCAL).size[0] > 100
    assert fetch_picture(f"{server}/to//picture", LOCAL).size[0] > 100


def test_redirects_are_checked_as_the_address_is(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PictureError, match="more than 3 redirects"):
        fetch_bytes(f"{server}/loop", LOCAL)
    with pytest.raises(PictureError, match="no address of http"):
        fetch_bytes(f"{server}/to/file:///etc/passwd", LOCAL)
    # The first address counts as public, as a server of a stranger would; where it leads to is not.
    host, port = server.removeprefix("http://").split(":")
    known = ipaddress.ip_address(host)
    monkeypatch.setattr("seedwitness.corpus.fetching.is_public", lambda address: address == known)
    assert fetch_bytes(f"{server}/good")
    with pytest.raises(PictureError, match=r"127\.0\.0\.2, which is no public address"):
        fetch_bytes(f"{server}/to/http://127.0.0.2:{port}/good")


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("endless", "more than 1,048,576 bytes"),
        ("drip", "no answer within 2 s"),
        ("drip-headers", "no answer within 2 s"),
        ("hang", "no answer within 2 s"),
        ("502", "answered 502"),
        ("hang-up", "was not fetched"),
        ("cut", "ended before the picture"),
    ],
)
def test_a_picture_that_does_not_come_is_said_to_have_not(
    server: str, way: str, message: str
) -> None:
    started = time.monotonic()
    with pytest.raises(PictureError, match=message):
        fetch_bytes(f"{server}/{way}", FetchLimits(timeout=2, allow_private=True, max_bytes=2**20))
    assert time.monotonic() - started < 6


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "http://e.org:99999/a", "data:text/plain,a"]
)
def test_what_is_no_url_is_not_fetched(url: str) -> None:
    with pytest.raises(PictureError, match="no address of http"):
        fetch_bytes(url)


def test_what_is_no_picture_is_an_error(server: str) -> None:
    with pytest.raises(PictureError, match="cannot be read as a picture"):
        fetch_picture(f"{server}/html", LOCAL)
