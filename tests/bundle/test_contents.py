"""What a bundle holds: everything that the report rests on, described for people and programs."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64decode
from hashlib import sha256
from importlib.resources import files as resources
from pathlib import Path

import pandas as pd
import pytest
import yaml
from benchmarks.bundle.forged_files import Files
from bundled import TARGET, call, hash_by_dvc
from invented import HOSTILE
from PIL import Image

from seedwitness.bundle.container import FolderBundle
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.layout import is_picture
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.run_checks import hash_for_dvc
from seedwitness.report.evidence import Evidence

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / ".venv/roc-validator/bin/python"
CRATES = Path(__file__).parents[3] / "shared/data/run-crates"


@pytest.fixture(scope="module")
def evidence(files: Files) -> Evidence:
    return Evidence.model_validate_json(files[f"reports/{TARGET}/evidence.json"])


def test_all_that_the_report_rests_on_is_there(files: Files, evidence: Evidence) -> None:
    assert {each.path: each.sha256 for each in evidence.inputs}.items() <= {
        name: sha256(content).hexdigest() for name, content in files.items()
    }.items()
    assert {"params.yaml", "dvc.lock", "environment.lock", "README.md", "check.py"} <= set(files)
    assert f"data/targets/{TARGET}/dvc.lock" in files
    for case in evidence.cases:
        for cited in case.cited:
            assert f"latents/{case.checkpoint}/{cited.trial}.safetensors" in files


def test_every_trial_is_in_the_tables(project: Path, files: Files, tmp_path: Path) -> None:
    for name in ("trials", "controls"):
        (tmp_path / f"{name}.csv").write_bytes(files[f"tables/{name}.csv"])
    trials = pd.read_csv(tmp_path / "trials.csv")
    controls = pd.read_csv(tmp_path / "controls.csv")
    data = project / "data"
    for name, count in (("memorised", 16), ("clean", 0)):
        rows = trials[trials["checkpoint"] == name]
        assert rows["group"].value_counts().get("reference", 0) == count
        own = rows[rows["group"] == "target"].set_index("trial")
        scores = pd.read_parquet(data / f"score/{TARGET}/{name}/scores.parquet")
        for metric, those in scores.groupby("metric"):
            expected = those.set_index("trial")["score"]
            assert own[f"score:{metric}"].to_dict() == expected.to_dict()
        searched = pd.read_parquet(data / f"search/{TARGET}/{name}/trials.parquet")
        assert [json.loads(text) for text in own["prompt"]] == searched["prompt"].tolist()
        assert own["latent_sha256"].tolist() == searched["latent_sha256"].tolist()
        assert own["seed"].tolist() == searched["seed"].tolist()
    assert len(controls) == 2 * 99 * 16
    assert controls["seed"].notna().all()
    assert controls["is_counted"].eq(1).all()


def test_no_text_is_a_formula_or_hides(files: Files) -> None:
    for name in ("tables/trials.csv", "tables/controls.csv"):
        text = files[name].decode()
        assert not re.search(r"(?:^|,)\"?[=+@\t]", text, re.M)
        assert not set(HOSTILE) & set(text) & set("\u202e\u202c\x07")


def test_the_statement_is_about_every_file(files: Files) -> None:
    envelope = json.loads(files["statement.dsse.json"])
    statement = json.loads(b64decode(envelope["payload"]))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    assert subjects == {
        name: sha256(content).hexdigest()
        for name, content in files.items()
        if name != "statement.dsse.json"
    }


def test_equal_projects_give_equal_files_but_for_time_and_signature(
    project: Path, files: Files, tmp_path: Path
) -> None:
    call(project, "bundle", TARGET, "--out", tmp_path / "again")
    assert "(not signed" in call(project, "bundle", TARGET, "--out", tmp_path / "b.zip").stdout
    again = {
        path.relative_to(tmp_path / "again").as_posix(): path.read_bytes()
        for path in (tmp_path / "again").rglob("*")
        if path.is_file()
    }
    differing = {name for name, content in again.items() if files[name] != content}
    assert differing <= {"README.md", "bundle.json", "ro-crate-metadata.json", "MANIFEST.sha256"}
    assert {"keys/signer.pem", "statement.dsse.json"} <= set(files) - set(again)


def test_dvc_hashes_folders_as_we_do(project: Path) -> None:
    bundle = FolderBundle(project)
    for path in (f"reports/{TARGET}", "params.yaml"):
        assert hash_for_dvc(bundle, path, set()) == hash_by_dvc(project / path)


def test_a_redacted_bundle_has_no_picture_and_verifies(
    project: Path, key: Path, files: Files, tmp_path: Path
) -> None:
    out = tmp_path / "redacted"
    call(project, "bundle", TARGET, "--redact", "--key", key, "--out", out)
    record = BundleRecord.model_validate_json((out / "bundle.json").read_bytes())
    assert record.is_redacted
    for path in out.rglob("*"):
        if path.is_file():
            assert not is_picture(path.name)
            content = path.read_bytes()
            for mark in (b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", b"data:image/png", b"data:image/jp"):
                assert mark not in content, path
    left = {each.path: each.sha256 for each in record.left_out}
    pictures = {name for name in files if is_picture(name) or name.startswith("latents/")}
    assert set(left) == pictures | {f"reports/{TARGET}/report.html"}
    for name, digest in left.items():
        assert sha256(files[name]).hexdigest() == digest
    output = call(tmp_path, "verify", out).stdout
    assert "FAILED" not in output
    assert re.search(r"^ok +figures", output, re.M)
    readme = (out / "README.md").read_text()
    assert f"{len(left)} files, each with its SHA-256" in readme


def test_a_report_that_is_older_than_its_files_is_refused(project: Path, tmp_path: Path) -> None:
    path = project / f"data/prepare/{TARGET}/image.png"
    content = path.read_bytes()
    Image.new("RGB", (8, 8)).save(path)
    try:
        output = call(project, "bundle", TARGET, "--out", tmp_path / "x", code=1).output
    finally:
        path.write_bytes(content)
    assert "rests on data/prepare/owl/image.png, which has changed since" in output
    unknown = call(project, "bundle", "own", code=1).output
    assert "There is no report of `own`" in unknown
    assert "owl" in unknown


def test_a_bundle_is_not_written_over(project: Path, sealed: Path) -> None:
    assert "exists already" in call(project, "bundle", TARGET, "--out", sealed, code=1).output


def test_the_readme_shows_foreign_text_as_text() -> None:
    assert spell_out("a\u202egnp.exe\x1b[2J\n") == "a⟨U+202E⟩gnp.exe⟨U+001B⟩[2J⟨U+000A⟩"


def validate(profile: str, level: str, *crates: Path) -> dict[str, list[str]]:
    """What roc-validator finds wrong with each crate."""
    context = resources("rocrate").joinpath("data/ro-crate.jsonld")
    script = Path(__file__).with_name("roc_validator.py")
    ended = subprocess.run(
        [VALIDATOR, script, str(context), profile, level, *crates], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(ended.stdout[ended.stdout.rindex("\n{") :])
    return found


needs_validator = pytest.mark.skipif(
    not VALIDATOR.exists(),
    reason="roc-validator has an environment of its own, which `make crate-validator` makes",
)


@needs_validator
def test_the_crate_is_valid(sealed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    crate = json.loads((sealed / "ro-crate-metadata.json").read_bytes())
    next(each for each in crate["@graph"] if each["@id"] == "./").pop("mainEntity")
    (broken / "ro-crate-metadata.json").write_text(json.dumps(crate))
    found = validate("workflow-run-crate-0.5", "REQUIRED", sealed, broken)
    assert found[str(sealed)] == []
    assert found[str(broken)]
    actions = [each for each in crate["@graph"] if each["@type"] == "CreateAction"]
    locks = (sealed / "dvc.lock", sealed / f"data/targets/{TARGET}/dvc.lock")
    stages = [yaml.safe_load(path.read_text())["stages"] for path in locks]
    assert len(actions) == 1 + sum(map(len, stages))
    assert all(each["endTime"] and each["instrument"] and each["description"] for each in actions)


@needs_validator
@pytest.mark.skipif(not CRATES.exists(), reason="the crates of roc-validator's tests are not here")
def test_others_crates_are_told_apart() -> None:
    """The validator as it is set up here finds what its own tests say of these crates."""
    valid = CRATES / "valid/workflow-run-crate"
    invalid = sorted(path.parent for path in CRATES.glob("invalid/*/*/ro-crate-metadata.json"))
    invalid = invalid[::8]  # each takes the validator some seconds
    found = validate("process-run-crate-0.5", "OPTIONAL", *invalid)
    assert len(invalid) > 3
    assert all(found.values())
    assert validate("workflow-run-crate-0.5", "REQUIRED", valid) == {str(valid): []}
