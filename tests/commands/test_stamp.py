"""`seedwitness stamp`: a plan is stamped by an authority, and every forgery is named."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate
from repositories import commit_all, git, init_git
from time_stamping import Authority, make_authority, openssl, serve
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.errors import RecordError
from seedwitness.records.attempts import PLANS, require_whole_log
from seedwitness.records.time_stamps import PlanStamp, keep_answer, make_request, read_stamps
from seedwitness.runtime.hashes import sha256_file


class Authorities(NamedTuple):
    one: Authority
    other: Authority
    strict: Authority


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    folder = tmp_path_factory.mktemp("authorities")
    return Authorities(
        make_authority(folder / "one", "One, Ltd"),
        make_authority(folder / "other", "Other"),
        make_authority(folder / "strict", "Strict", digests="sha512"),
    )


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a plan; the working directory is there."""
    monkeypatch.chdir(tmp_path)
    init_git(tmp_path)
    path = Path("data/plan/plan.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"search": {"steps": 30}}\n')
    return path


def invoke(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["stamp", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def request_stamp(authority: Authority) -> Path:
    """Stamp the plan by the command; gives the file of the stamp."""
    before = set(PLANS.glob("*.tsr"))
    with serve(authority) as url:
        invoke("request", "--url", url, "--authority", authority.root)
    (path,) = set(PLANS.glob("*.tsr")) - before
    return path


def test_a_plan_is_stamped_and_the_stamp_is_verified_offline(
    plan: Path, authorities: Authorities
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    path = request_stamp(authorities.one)
    key = sha256_file(plan)
    assert path.name == f"{key}.{sha256_file(path)}.tsr"
    assert (PLANS / f"{key}.json").read_bytes() == plan.read_bytes()
    (stamp,) = read_stamps(PLANS, key)
    assert before <= datetime.fromisoformat(stamp.time) <= before + timedelta(minutes=5)
    root = load_pem_x509_certificate(authorities.one.root.read_bytes())
    assert stamp == PlanStamp(
        file=path.name,
        time=stamp.time,
        accuracy_seconds=1.5,
        authority="CN=Stamps,O=One\\, Ltd",
        root="CN=Root,O=One\\, Ltd",
        root_sha256=root.fingerprint(SHA256()).hex(),
    )
    said = invoke("verify", "--authority", authorities.one.root)
    assert f"plan {key[:16]}: stamped at {stamp.time} (± 1.5 s) by CN=Stamps" in said
    assert said == invoke("verify")
    # OpenSSL, which shares no code with the verifier, agrees.
    options = ("-data", str(plan), "-in", str(path), "-CAfile", str(authorities.one.root))
    openssl(Path(), "ts", "-verify", *options)


def test_the_authority_gets_the_hash_and_not_the_plan(plan: Path) -> None:
    request = make_request(plan)
    assert request.message_imprint.message.hex() == sha256_file(plan)
    assert b"steps" not in request.as_bytes()
    assert request.nonce != make_request(plan).nonce


def test_two_authorities_may_stamp_a_plan_and_another_plan_has_no_stamp(
    plan: Path, authorities: Authorities
) -> None:
    for authority in authorities[:2]:
        request_stamp(authority)
    stamps = read_stamps(PLANS, sha256_file(plan))
    assert {stamp.root for stamp in stamps} == {"CN=Root,O=One\\, Ltd", "CN=Root,O=Other"}
    assert [stamp.time for stamp in stamps] == sorted(stamp.time for stamp in stamps)
    (PLANS / f"{'a' * 64}.json").write_text("{}")
    assert f"plan {'a' * 16}: no stamp" in invoke("verify")


def test_an_altered_plan_is_named(plan: Path, authorities: Authorities) -> None:
    request_stamp(authorities.one)
    path = PLANS / f"{sha256_file(plan)}.json"
    path.write_text('{"search": {"steps": 31}}\n')
    assert f"{path} was altered" in invoke("verify", code=1)
    with pytest.raises(RecordError, match=f"{path} was altered"):
        require_whole_log()


@pytest.mark.parametrize("keeps_name", [True, False])
def test_an_altered_stamp_is_named(plan: Path, authorities: Authorities, keeps_name: bool) -> None:
    """Wherever a bit of its signed part differs, even if the file gets the name of its new hash."""
    path = request_stamp(authorities.one)
    whole = path.read_bytes()
    signed = [whole.index(bytes.fromhex(sha256_file(plan))), len(whole) - 3]
    signed += [re.search(rb"\d{14}Z", whole).start() + 3]  # type: ignore[union-attr]  # the year
    for place in signed:
        content = bytearray(whole)
        content[place] ^= 1
        path.unlink()
        path.write_bytes(content)
        if not keeps_name:
            path = path.rename(PLANS / f"{sha256_file(plan)}.{sha256_file(path)}.tsr")
        said = invoke("verify", code=1)
        assert str(path) in said
        if keeps_name:
            assert "was altered: its SHA-256 is not the one in its name" in said
        else:
            assert re.search("cannot be verified|stamp of another file|no time stamp by", said)


def test_a_stamp_of_another_plan_is_named(plan: Path, authorities: Authorities) -> None:
    path = request_stamp(authorities.one)
    plan.write_text('{"search": {"steps": 31}}\n')
    shutil.copy(plan, PLANS / f"{sha256_file(plan)}.json")
    moved = path.rename(PLANS / f"{sha256_file(plan)}.{sha256_file(path)}.tsr")
    assert f"{moved} is the stamp of another file than" in invoke("verify", code=1)


def test_a_stamp_by_an_authority_that_the_reader_does_not_trust(
    plan: Path, authorities: Authorities
) -> None:
    path = request_stamp(authorities.one)
    said = invoke("verify", "--authority", authorities.other.root, code=1)
    assert f"{path} cannot be verified" in said
    assert "--authority" in said


def test_who_replaces_the_certificates_is_seen(plan: Path, authorities: Authorities) -> None:
    request_stamp(authorities.one)
    (certificates,) = PLANS.glob("*.pem")
    shutil.copy(authorities.other.root, certificates)
    assert f"{certificates} was altered" in invoke("verify", code=1)


def test_a_removed_stamp_or_plan_is_named(plan: Path, authorities: Authorities) -> None:
    path = request_stamp(authorities.one)
    commit_all(Path(), "a stamped plan")
    require_whole_log()
    git(Path(), "rm", "-q", str(path))
    commit_all(Path(), "nobody will see")
    with pytest.raises(RecordError, match=f"lacks {path}, which Git knows"):
        require_whole_log()
    git(Path(), "revert", "--no-edit", "HEAD")
    (PLANS / f"{sha256_file(plan)}.json").unlink()
    assert "is missing, and has a stamp" in invoke("verify", code=1)


def test_an_authority_that_refuses_says_why(plan: Path, authorities: Authorities) -> None:
    with serve(authorities.strict) as url:
        said = invoke("request", "--url", url, "--authority", authorities.strict.root, code=1)
    assert "The authority stamped nothing" in said
    assert "not supported" in said
    assert list(PLANS.glob("*.tsr")) == []


def test_an_answer_to_another_request_is_refused(plan: Path, authorities: Authorities) -> None:
    answer = authorities.one.stamp(make_request(plan).as_bytes())
    with pytest.raises(RecordError, match="another request, by its nonce"):
        keep_answer(Path(), sha256_file(plan), answer, make_request(plan), authorities.one.root)


def test_what_is_missing_is_named_with_the_remedy(plan: Path, authorities: Authorities) -> None:
    root = authorities.one.root
    with serve(authorities.one) as url:
        said = invoke("request", "--url", url, "--authority", plan, code=1)
        assert f"{plan} holds no certificates in PEM" in said
    said = invoke("request", "--url", url, "--authority", root, code=1)
    assert f"No time stamp came from {url}" in said
    assert "begins with https://" in invoke(
        "request", "--url", "ftp://a", "--authority", root, code=1
    )
    plan.unlink()
    assert "`dvc repro plan` writes it" in invoke(
        "request", "--url", url, "--authority", root, code=1
    )
