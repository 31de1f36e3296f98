import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from laidout import COPY, PROMPT, UNET, lay_out, outputs
from safetensors.torch import load_file, save_file
from settling import change

from seedwitness import stages
from seedwitness.engine.latent_cache import hash_rows
from seedwitness.engine.latent_io import iter_latents
from seedwitness.errors import CheckpointError, ConfigError, RecordError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.search import ReplaySummary, SearchSummary, TargetResize
from seedwitness.records.tables import (
    PROMPTS,
    SCORES,
    TRIALS,
    make_typed_frame,
    read_table,
    write_table,
)


def test_every_trial_is_a_row_with_its_latent(project: Path) -> None:
    stages.run_stage("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    trials = read_table(folder / "trials.parquet", TRIALS)
    about = read_document(SearchSummary, folder / "search.json")
    candidates = read_table(folder / "prompts.parquet", PROMPTS)

    assert list(candidates["text"]) == about.prompts == ["a red fish", "a blue lighthouse"]
    assert list(trials["prompt"]) == ["a red fish", "a blue lighthouse"] * 6
    assert list(trials["seed"]) == [*range(12)]
    assert list(trials["prompt_rank"]) == [1, 2] * 6
    assert set(trials["prompt_source"]) == {"user"}
    assert (about.trials, about.nfe, about.budget_nfe) == (12, 48, 48)
    assert about.best_distance == trials["latent_distance"].min()
    assert about.best_trial == trials.loc[trials["latent_distance"].idxmin(), "trial"]
    assert about.resize == TargetResize(
        rule="stretch", target_width=64, target_height=48, width=32, height=32
    )
    identified = read_document(CheckpointIdentity, project / "data/identify/own/checkpoint.json")
    assert about.checkpoint_sha256 == identified.sha256
    (key,) = json.loads((project / ".ledger/uses/search/owl/own.json").read_text())
    assert (project / ".ledger" / key / "key.json").is_file()

    latents = load_file(folder / "latents-00000.safetensors")["latents"]
    assert list(trials["row"]) == [*range(12)]
    assert list(trials["latent_sha256"]) == hash_rows(latents)


def test_of_the_latents_the_best_can_be_kept_and_the_rest_read_from_the_ledger(
    project: Path,
) -> None:
    change(project, "search", latents=4)
    stages.run_stage("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    trials = read_table(folder / "trials.parquet", TRIALS)
    own = trials[trials["shard"] == "latents-00000.safetensors"]
    assert set(own["trial"]) == set(trials.sort_values("latent_distance")[:4]["trial"])
    latents = load_file(folder / "latents-00000.safetensors")["latents"]
    assert hash_rows(latents) == list(own["latent_sha256"])
    assert list(own["row"]) == [0, 1, 2, 3]

    hash_of = trials.set_index("trial")["latent_sha256"]
    found = {
        name: latent
        for names, part in iter_latents(folder, trials, 3)
        for name, latent in zip(names, hash_rows(part), strict=True)
    }
    assert found == dict(hash_of)

    change(project, "judge", metric="patch-l2", copy_criteria=[COPY])
    change(project, "score", metrics=["patch-l2"], weights={})
    for stage in ("replay", "score"):
        stages.run_stage(stage, ["owl", "own"])
    scores = read_table(project / "data/score/owl/own/scores.parquet", SCORES)
    assert set(scores["trial"]) == set(trials["trial"])

    shutil.rmtree(project / ".ledger")
    with pytest.raises(RecordError, match=r"search\.latents to `all`"):
        stages.run_stage("score", ["owl", "own"])


def test_a_latent_that_is_not_its_trials_is_refused(project: Path) -> None:
    stages.run_stage("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    trials = read_table(folder / "trials.parquet", TRIALS)
    path = folder / "latents-00000.safetensors"
    latents = load_file(path)["latents"]
    latents[3, 0, 0, 0] += 1e-3
    save_file({"latents": latents}, path)
    assert len(list(iter_latents(folder, trials[:3], 3))) == 1
    with pytest.raises(RecordError, match="holds other latents than the search found"):
        list(iter_latents(folder, trials, 3))


def test_the_same_inputs_give_the_same_bytes_at_no_cost(project: Path) -> None:
    stages.run_stage("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    before = outputs(folder)
    assert not any(str(project).encode() in data for data in before.values())
    stages.run_stage("search", ["owl", "own"])
    assert outputs(folder) == before
    seconds = json.loads((project / "data/timings/owl/own/timing.json").read_text())
    assert (seconds["shards_cached"], seconds["shards_computed"]) == (6, 0)


def test_a_replay_is_paired_trial_by_trial(project: Path) -> None:
    stages.run_stage("search", ["owl", "own"])
    stages.run_stage("replay", ["owl", "own"])
    searched = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    replayed = read_table(project / "data/replay/owl/own/trials.parquet", TRIALS)
    about = read_document(ReplaySummary, project / "data/replay/owl/own/replay.json")
    differ = ("latent_sha256", "latent_distance", "strategy")
    same = [name for name in TRIALS if name not in differ]
    assert replayed[same].equals(searched[same])
    assert not set(replayed["latent_sha256"]) & set(searched["latent_sha256"])
    assert (about.reference, about.trials, about.nfe) == ("other", 12, 48)
    latents = load_file(project / "data/replay/owl/own/latents-00000.safetensors")["latents"]
    assert hash_rows(latents) == list(replayed["latent_sha256"])

    # The reference's own search has the same recipes: nothing is computed twice.
    stages.run_stage("search", ["owl", "other"])
    seconds = json.loads((project / "data/timings/owl/other/timing.json").read_text())
    assert seconds["shards_computed"] == 0
    own = read_table(project / "data/search/owl/other/trials.parquet", TRIALS)
    assert own["latent_distance"].equals(replayed["latent_distance"])


def test_the_reference_itself_has_nothing_to_replay(project: Path) -> None:
    stages.run_stage("replay", ["owl", "other"])
    folder = project / "data/replay/owl/other"
    assert read_table(folder / "trials.parquet", TRIALS).equals(make_typed_frame([], TRIALS))
    summary = read_document(ReplaySummary, folder / "replay.json")
    assert (summary.reference, summary.trials, summary.nfe) == ("other", 0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_nfe": 7}, "takes 8"),
        ({"width": 30}, "not 30 × 32"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_nothing_is_written(
    project: Path, changes: dict[str, object], message: str
) -> None:
    change(project, "search", **changes)
    with pytest.raises(ConfigError, match=message):
        stages.run_stage("search", ["owl", "own"])
    assert not (project / "data/search").exists()
    assert not list(project.rglob("*.part*"))


def test_a_half_written_checkpoint_is_refused(project: Path) -> None:
    weights = project / "models/own" / UNET
    weights.write_bytes(weights.read_bytes()[:50_000])
    for stage, keys in (("identify", ["own"]), ("search", ["owl", "own"])):
        with pytest.raises(CheckpointError, match=f"{UNET} is no complete safetensors file"):
            stages.run_stage(stage, keys)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / "killed", tmp_path / "undisturbed"]
    for root in roots:
        # 12 shards, slow enough to be killed between two of them.
        lay_out(root, tiny_checkpoint, steps=20, budget_nfe=24 * 40)
        monkeypatch.chdir(root)
        stages.run_stage("identify", ["own"])
    killed, undisturbed = roots

    def shards(root: Path) -> dict[str, tuple[int, int]]:
        found = (root / ".ledger").glob("*/[0-9a-f]*.safetensors")
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    command = "from seedwitness.cli import app; app()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "stage", "search", "owl", "own"],
        cwd=killed,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    while len(shards(killed)) < 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    finished = shards(killed)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert 2 <= len(finished) < 12, "it was not killed in the middle"
    assert not (killed / "data/search").exists()

    monkeypatch.chdir(killed)
    stages.run_stage("search", ["owl", "own"])
    seconds = json.loads((killed / "data/timings/owl/own/timing.json").read_text())
    assert seconds["shards_cached"] == len(finished)
    assert seconds["shards_computed"] == 12 - len(finished)
    assert finished.items() <= shards(killed).items()  # not one was written anew

    monkeypatch.chdir(undisturbed)
    stages.run_stage("search", ["owl", "own"])
    folder = Path("data/search/owl/own")
    assert outputs(killed / folder) == outputs(undisturbed / folder)


def test_a_long_prompt_is_cut_with_a_warning(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = {**PROMPT, "rank": 1, "text": '<b>"\n' * 2_000}
    write_table(project / "data/recover/owl/prompts.parquet", [long], PROMPTS)
    with caplog.at_level(logging.WARNING):
        stages.run_stage("search", ["owl", "own"])
    assert "are cut" in caplog.text
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    assert set(trials["prompt"]) == {long["text"]}
