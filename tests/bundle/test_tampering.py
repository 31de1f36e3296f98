"""Whatever is changed in a bundle is found; `make bench-bundle` does the same much more often."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from benchmarks.bundle.forged_files import (
    Files,
    MemoryBundle,
    add_file,
    edit_json,
    find_evidence,
    seal_manifest,
    seal_with_key,
)
from benchmarks.bundle.series import Tampered, tamper
from benchmarks.bundle.tampering import SEALINGS, TAMPERINGS, forge
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seedwitness.bundle.results import Verification
from seedwitness.bundle.verification import Trust, verify_files

COUNT = 200


@pytest.fixture(scope="module")
def forger() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def verify(files: Files, public: Path | None = None) -> Verification:
    trust = Trust(key=public.read_bytes() if public else None)
    return verify_files(MemoryBundle(files), trust, "memory")


def failed(result: Verification) -> dict[str, list[str]]:
    return {each.name: each.files for each in result.checks if each.state == "FAILED"}


def test_the_untouched_bundle_holds(files: Files, public: Path) -> None:
    result = verify(files, public)
    assert failed(result) == {}
    assert (result.level, result.exit_code) == ("trusted", 0)


def test_no_random_tampering_is_missed(
    files: Files, public: Path, forger: Ed25519PrivateKey
) -> None:
    tampered = list(tamper(files, COUNT, 1, forger))
    assert {each.way for each in tampered} == set(TAMPERINGS)
    assert {each.sealing for each in tampered} == set(SEALINGS)
    missed = [_describe(each) for each in tampered if verify(each.files, public).exit_code != 1]
    assert missed == []


def _describe(each: Tampered) -> tuple[str, str, str]:
    return each.way, each.kind, each.sealing


def test_the_file_that_does_not_match_is_named(files: Files, public: Path) -> None:
    rng = random.Random(2)
    for name in rng.sample(sorted(files), 12):
        changed = files | {name: files[name] + b"\n"}
        named = [each for those in failed(verify(changed, public)).values() for each in those]
        assert name in named
    changed = dict(files)
    added = add_file(changed, rng)
    assert failed(verify(changed, public))["files"] == [added]


@pytest.mark.parametrize("seed", range(6))
def test_a_forgery_by_the_signer_contradicts_itself(
    files: Files, forger: Ed25519PrivateKey, seed: int
) -> None:
    """Who signs with an own key, and is trusted for it, can still not change a figure alone."""
    changed = dict(files)
    kind = forge(changed, random.Random(seed))
    seal_with_key(changed, forger)
    result = verify(changed)
    assert result.level == "altered", kind
    assert "files" not in failed(result)
    assert "signature" not in failed(result)


def test_each_content_check_finds_its_own(files: Files, forger: Ed25519PrivateKey) -> None:
    """A forger's own signature is good, so only the content can give it away."""
    evidence = find_evidence(files)
    latent = next(name for name in files if name.startswith("latents/"))
    cited = json.loads(files[evidence])["cases"][0]["cited"]
    picture = f"reports/owl/{next(each['image'] for each in cited if each['image'])}"
    entry = next(name for name in files if name.startswith("data/attempts/"))
    cases = {
        "schema": (evidence, lambda value: value.pop("plan")),
        "record": ("bundle.json", lambda value: value["checkpoints"][0].update(sha256="0" * 64)),
        "figures": (
            evidence,
            lambda value: value["cases"][0]["memorised"]["rank"].update(p=0.005),
        ),
        "findings": (
            "data/judge/owl/clean/finding.json",
            lambda value: value["memorised"].update(finding="supported"),
        ),
    }
    for check, (name, change) in cases.items():
        changed = dict(files)
        edit_json(changed, name, change)
        seal_with_key(changed, forger)
        assert check in failed(verify(changed)), check
    for check, name, content in (
        ("latents", latent, files[latent][:-1] + b"\0"),
        ("pictures", picture, files["data/prepare/owl/image.png"]),
        ("stages", "data/identify/clean/checkpoint.json", b"{}"),
        ("check.py", "check.py", b"print('All lines PASS.')\n"),
        ("tables", "tables/controls.csv", files["tables/controls.csv"].rpartition(b"\n0")[0]),
        ("log", entry, files[entry].replace(b"attempts", b"attempte")),
    ):
        changed = files | {name: content}
        seal_with_key(changed, forger)
        assert check in failed(verify(changed)), check


def test_a_crate_about_other_files_is_found(files: Files, forger: Ed25519PrivateKey) -> None:
    changed = dict(files)
    seal_with_key(changed, forger)
    edit_json(changed, "ro-crate-metadata.json", lambda value: value["@graph"].pop())
    seal_manifest(changed)
    assert "statement" in failed(verify(changed))


def test_the_page_is_compared_on_request(files: Files, forger: Ed25519PrivateKey) -> None:
    changed = dict(files)
    page = "reports/owl/report.html"
    changed[page] = files[page].replace(b"supported", b"not supported", 1)
    changed["data/targets/owl/dvc.lock"] = b"schema: '2.0'\nstages: {}\n"
    seal_with_key(changed, forger)
    assert failed(verify(changed)) == {}
    result = verify_files(MemoryBundle(changed), Trust(), "memory", with_page=True)
    assert failed(result) == {"page": [page]}
    whole = verify_files(MemoryBundle(files), Trust(), "memory", with_page=True)
    assert failed(whole) == {}
    assert next(each for each in whole.checks if each.name == "page").state == "ok"
