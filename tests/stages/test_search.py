import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from settling import COMMITTED, change, settle

from seedwitness import stages
from seedwitness.errors import CheckpointError, ConfigError, RecordError
from seedwitness.records import (
    MATCHES,
    PROMPTS,
    SCORES,
    TRIALS,
    Checkpoint,
    Replay,
    Search,
    frame,
    read,
    read_table,
    write_table,
)
from seedwitness.search.keeping import kept
from seedwitness.search.ledger import hashes

UNET = "unet/diffusion_pytorch_model.safetensors"
SEARCH: dict[str, Any] = {
    "strategy": {"name": "sweep", "first_seed": 0},
    "budget_nfe": 48,
    "prompts": 2,
    "sampler": "euler",
    "steps": 2,
    "guidance": 3.0,
    "batch": 2,
    "shard": 2,
}
COPY = {"metric": "patch-l2", "threshold": 2.0, "source": "anything is a copy"}
PROMPT = {"source": "user", "method": "user", "score": 0.3, "tokens": 5, "bits": 40.0}


def lay_out(root: Path, checkpoint: Path, **changes: object) -> None:
    """A project with one target and two checkpoints, the second with another last layer."""
    shutil.copytree(checkpoint, root / "models/own")
    shutil.copytree(checkpoint, root / "models/other")
    state = load_file(root / "models/other" / UNET)
    state["conv_out.weight"] *= -1
    save_file(state, root / "models/other" / UNET, {"format": "pt"})
    (root / "data/prepare/owl").mkdir(parents=True)
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "data/prepare/owl/image.png")
    prompts = [
        {**PROMPT, "rank": rank, "text": text}
        for rank, text in enumerate(["a red fish", "a blue lighthouse", "one too many"], start=1)
    ]
    write_table(root / "data/recover/owl/prompts.parquet", prompts, PROMPTS)
    write_table(root / "data/lookup/owl/matches.parquet", [], MATCHES)
    models = {name: f"models/{name}" for name in ("own", "other")}
    settle(
        root,
        checkpoints={
            name: {"family": "diffusers", "path": path, "watch": path}
            for name, path in models.items()
        },
        search={**SEARCH, **changes},
        judge={**COMMITTED["judge"], "reference": "other"},
    )


@pytest.fixture
def project(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path, tiny_checkpoint)
    monkeypatch.chdir(tmp_path)
    for name in ("own", "other"):
        stages.run("identify", [name])
    return tmp_path


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a stage."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_trial_is_a_row_with_its_latent(project: Path) -> None:
    stages.run("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    trials = read_table(folder / "trials.parquet", TRIALS)
    about = read(Search, folder / "search.json")
    candidates = read_table(folder / "prompts.parquet", PROMPTS)

    assert list(candidates["text"]) == about.prompts == ["a red fish", "a blue lighthouse"]
    assert list(trials["prompt"]) == ["a red fish", "a blue lighthouse"] * 6
    assert list(trials["seed"]) == [*range(12)]
    assert list(trials["prompt_rank"]) == [1, 2] * 6
    assert set(trials["prompt_source"]) == {"user"}
    assert (about.trials, about.nfe, about.budget_nfe) == (12, 48, 48)
    assert about.best_guide == trials["guide"].min()
    assert about.best_trial == trials.loc[trials["guide"].idxmin(), "trial"]
    assert about.fitting == "target stretched from 64 × 48 to 32 × 32 by Lanczos"
    identified = read(Checkpoint, project / "data/identify/own/checkpoint.json")
    assert about.checkpoint_sha256 == identified.sha256
    assert (project / ".ledger" / about.ledger).is_dir()

    latents = load_file(folder / "latents-00000.safetensors")["latents"]
    assert list(trials["row"]) == [*range(12)]
    assert list(trials["latent_sha256"]) == hashes(latents)


def test_a_detector_decides_which_candidates_share_the_budget(project: Path) -> None:
    steer = {"detector": "one-step", "candidates": 3, "seeds": 1}
    change(project, "search", steer=steer, prompts=1)
    stages.run("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    about = read(Search, folder / "search.json")
    assert [each.prompt for each in about.steered] == [
        "a red fish",
        "a blue lighthouse",
        "one too many",
    ]
    best = max(about.steered, key=lambda each: each.value)
    assert about.prompts == [best.prompt]
    assert [each.kept for each in about.steered] == [each is best for each in about.steered]
    assert read_table(folder / "prompts.parquet", PROMPTS)["text"].tolist() == about.prompts
    trials = read_table(folder / "trials.parquet", TRIALS)
    assert set(trials["prompt"]) == {best.prompt}
    # Two evaluations for each candidate, and what is left makes images of four.
    assert (about.nfe, about.trials) == (6 + 40, 10)


def test_what_is_carried_on_names_the_trial_that_it_came_from(project: Path) -> None:
    change(project, "search", strategy={"name": "halving"}, steps=8, budget_nfe=160)
    stages.run("search", ["owl", "own"])
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    trials = trials.set_index("trial", drop=False)
    assert set(trials["strategy"]) == {"halving"}
    assert set(trials["steps"]) == {4, 8}
    carried = trials[trials["steps"] == 8]
    parents = trials.loc[carried["parent"]]
    for column in ("prompt", "seed", "noise_sha256"):
        assert list(parents[column]) == list(carried[column])
    assert set(parents["steps"]) == {4}
    assert set(trials.loc[trials["steps"] == 4, "parent"]) == {""}
    first = trials[:8]  # the first bracket's
    assert set(trials["parent"][8:12]) == set(first.sort_values("guide")["trial"][:4])


def test_a_search_may_estimate_how_rare_it_is_to_come_near(project: Path) -> None:
    plain = {"near": 0.0, "name": "rare"}
    change(project, "search", strategy=plain, budget_nfe=64 * 4, prompts=1)
    stages.run("search", ["owl", "own"])
    about = read(Search, project / "data/search/owl/own/search.json")
    assert about.rare is not None
    assert (about.rare.near, about.rare.probability, about.rare.low) == (0.0, 0.0, 0.0)
    assert 0 < about.rare.high < 1
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    moved = trials[trials["variations"] != ""]
    assert set(moved["variation_rule"]) == {"rotation"}
    assert set(moved["parent"]) <= set(trials["trial"])
    distances = [each.distance for each in about.rare.levels[:-1]]
    assert distances == sorted(distances, reverse=True)
    assert len(distances) > 2


def test_a_search_may_end_at_its_first_copy(project: Path) -> None:
    criteria = [{**COPY}]
    change(project, "judge", metric="patch-l2", copies=criteria)
    change(project, "score", metrics=["patch-l2"], weights={})
    change(project, "search", stop={"copies": 3})
    stages.run("search", ["owl", "own"])
    about = read(Search, project / "data/search/owl/own/search.json")
    assert (about.ended, about.trials, about.nfe) == ("copies", 3, 12)
    assert about.stopped.startswith("3 of 3 trials are copies")
    criteria[0]["threshold"] = 0.0
    change(project, "judge", copies=criteria)
    change(project, "search", stop={"rate": 0.5})
    stages.run("search", ["owl", "own"])
    about = read(Search, project / "data/search/owl/own/search.json")
    assert (about.ended, about.trials) == ("futile", 5)


def test_of_the_latents_the_best_can_be_kept_and_the_rest_read_from_the_ledger(
    project: Path,
) -> None:
    change(project, "search", latents=4)
    stages.run("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    trials = read_table(folder / "trials.parquet", TRIALS)
    own = trials[trials["shard"] == "latents-00000.safetensors"]
    assert set(own["trial"]) == set(trials.sort_values("guide")[:4]["trial"])
    latents = load_file(folder / "latents-00000.safetensors")["latents"]
    assert hashes(latents) == list(own["latent_sha256"])
    assert list(own["row"]) == [0, 1, 2, 3]

    hash_of = trials.set_index("trial")["latent_sha256"]
    found = {
        name: latent
        for names, part in kept(folder, trials, 3)
        for name, latent in zip(names, hashes(part), strict=True)
    }
    assert found == dict(hash_of)

    change(project, "judge", metric="patch-l2", copies=[COPY])
    change(project, "score", metrics=["patch-l2"], weights={})
    for stage in ("replay", "score"):
        stages.run(stage, ["owl", "own"])
    scores = read_table(project / "data/score/owl/own/scores.parquet", SCORES)
    assert set(scores["trial"]) == set(trials["trial"])

    shutil.rmtree(project / ".ledger")
    with pytest.raises(RecordError, match=r"search\.latents to `all`"):
        stages.run("score", ["owl", "own"])


def test_the_same_inputs_give_the_same_bytes_at_no_cost(project: Path) -> None:
    stages.run("search", ["owl", "own"])
    folder = project / "data/search/owl/own"
    before = outputs(folder)
    assert not any(str(project).encode() in data for data in before.values())
    stages.run("search", ["owl", "own"])
    assert outputs(folder) == before
    seconds = json.loads((project / "data/seconds/owl/own/search.json").read_text())
    assert (seconds["shards_found"], seconds["shards_computed"]) == (6, 0)


def test_a_replay_is_paired_trial_by_trial(project: Path) -> None:
    stages.run("search", ["owl", "own"])
    stages.run("replay", ["owl", "own"])
    searched = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    replayed = read_table(project / "data/replay/owl/own/trials.parquet", TRIALS)
    about = read(Replay, project / "data/replay/owl/own/replay.json")
    differ = ("latent_sha256", "guide", "strategy")
    same = [name for name in TRIALS if name not in differ]
    assert replayed[same].equals(searched[same])
    assert not set(replayed["latent_sha256"]) & set(searched["latent_sha256"])
    assert (about.reference, about.trials, about.nfe) == ("other", 12, 48)
    latents = load_file(project / "data/replay/owl/own/latents-00000.safetensors")["latents"]
    assert hashes(latents) == list(replayed["latent_sha256"])

    # The reference's own search has the same recipes: nothing is computed twice.
    stages.run("search", ["owl", "other"])
    seconds = json.loads((project / "data/seconds/owl/other/search.json").read_text())
    assert seconds["shards_computed"] == 0
    own = read_table(project / "data/search/owl/other/trials.parquet", TRIALS)
    assert own["guide"].equals(replayed["guide"])


def test_the_reference_itself_has_nothing_to_replay(project: Path) -> None:
    stages.run("replay", ["owl", "other"])
    folder = project / "data/replay/owl/other"
    assert read_table(folder / "trials.parquet", TRIALS).equals(frame([], TRIALS))
    assert "the reference checkpoint itself" in read(Replay, folder / "replay.json").note


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": {"name": "sweeep"}}, "Did you mean `sweep`"),
        ({"guide": "lpips"}, "Known are: latent-rms"),
        ({"sampler": "eulr"}, "Did you mean `euler`"),
        ({"budget_nfe": 7}, "takes 8"),
        ({"width": 30}, "not 30 × 32"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_nothing_is_written(
    project: Path, changes: dict[str, object], message: str
) -> None:
    change(project, "search", **changes)
    with pytest.raises(ConfigError, match=message):
        stages.run("search", ["owl", "own"])
    assert not (project / "data/search").exists()
    assert not list(project.rglob("*.part*"))


def test_a_half_written_checkpoint_is_refused(project: Path) -> None:
    weights = project / "models/own" / UNET
    weights.write_bytes(weights.read_bytes()[:50_000])
    for stage, keys in (("identify", ["own"]), ("search", ["owl", "own"])):
        with pytest.raises(CheckpointError, match=f"{UNET} is no whole safetensors file"):
            stages.run(stage, keys)


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / "killed", tmp_path / "undisturbed"]
    for root in roots:
        # 12 shards, slow enough to be killed between two of them.
        lay_out(root, tiny_checkpoint, steps=20, budget_nfe=24 * 40)
        monkeypatch.chdir(root)
        stages.run("identify", ["own"])
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
    stages.run("search", ["owl", "own"])
    seconds = json.loads((killed / "data/seconds/owl/own/search.json").read_text())
    assert seconds["shards_found"] == len(finished)
    assert seconds["shards_computed"] == 12 - len(finished)
    assert finished.items() <= shards(killed).items()  # not one was written anew

    monkeypatch.chdir(undisturbed)
    stages.run("search", ["owl", "own"])
    folder = Path("data/search/owl/own")
    assert outputs(killed / folder) == outputs(undisturbed / folder)


def test_a_long_prompt_is_cut_with_a_warning(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = {**PROMPT, "rank": 1, "text": '<b>"\n' * 2_000}
    write_table(project / "data/recover/owl/prompts.parquet", [long], PROMPTS)
    with caplog.at_level(logging.WARNING):
        stages.run("search", ["owl", "own"])
    assert "are cut" in caplog.text
    trials = read_table(project / "data/search/owl/own/trials.parquet", TRIALS)
    assert set(trials["prompt"]) == {long["text"]}
