"""What a finding for *exposed* rests on, read from the files of the stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedwitness.config.stage_settings import ExposeStage
from seedwitness.errors import RecordError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document
from seedwitness.records.exposure import (
    CONTROL_LOSSES,
    FEATURES,
    TARGET_LOSSES,
    Overlap,
    OverlapReport,
)
from seedwitness.records.reasons import Reason
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.tables import read_table
from seedwitness.records.target import TargetRecord
from seedwitness.targets.refusals import find_low_information


@dataclass(frozen=True)
class ExposureCase:
    """One target against one checkpoint, by the denoising loss.

    ``losses`` and ``reference_losses`` are ``records.LOSSES`` of the target; ``control_losses`` and
    ``reference_control_losses`` ``records.CONTROL_LOSSES``. ``reference`` is None where the
    checkpoint is the reference itself. ``features`` is ``records.FEATURES``.
    """

    target: TargetRecord
    prompt: str
    checkpoint: CheckpointIdentity
    reference: CheckpointIdentity | None
    losses: pd.DataFrame
    reference_losses: pd.DataFrame
    control_losses: pd.DataFrame
    reference_control_losses: pd.DataFrame
    features: pd.DataFrame
    overlaps: Sequence[Overlap]
    low_information: Sequence[Reason]
    scan: SeedScan


def read_exposure(
    data: Path, target: str, settings: ExposeStage, folder: Path | None = None
) -> list[ExposureCase]:
    """All cases of a target; ``folder`` holds what ``expose`` wrote, by default its own output.

    Raises RecordError if a file is missing, of another version, or empty.
    """
    folder = folder or data / "expose" / target
    record = read_document(TargetRecord, data / "prepare" / target / "target.json")
    losses = read_table(folder / "losses.parquet", TARGET_LOSSES)
    if losses.empty:
        raise RecordError(
            f"{folder} holds no losses of {target}: `dvc repro` runs the stage `expose` again."
        )
    reference = settings.judge.reference
    controls = {
        name: _read_control_losses(data, name) for name in {*settings.checkpoints, reference}
    }

    def identify(name: str) -> CheckpointIdentity:
        return read_document(CheckpointIdentity, data / "identify" / name / "checkpoint.json")

    return [
        ExposureCase(
            target=record,
            prompt=str(losses["prompt"].iloc[0]),
            checkpoint=identify(name),
            reference=None if name == reference else identify(reference),
            losses=losses[losses["checkpoint"] == name],
            reference_losses=losses[losses["checkpoint"] == reference],
            control_losses=controls[name],
            reference_control_losses=controls[reference],
            features=read_table(folder / "features.parquet", FEATURES),
            overlaps=read_document(OverlapReport, folder / "overlaps.json").overlaps,
            low_information=find_low_information(record.information, settings.prepare),
            scan=read_document(SeedScan, data / "scan" / target / name / "scan.json"),
        )
        for name in settings.checkpoints
    ]


def _read_control_losses(data: Path, checkpoint: str) -> pd.DataFrame:
    path = data / "losses" / checkpoint / "losses.parquet"
    table = read_table(path, CONTROL_LOSSES)
    if table.empty:
        raise RecordError(
            f"{path} holds no losses, because the stage `losses` ran while expose.enabled was "
            "false. `dvc repro` runs it again."
        )
    return table


def mean_loss(losses: pd.DataFrame) -> float:
    """The mean of one image's losses; NaN where one of them is no finite number."""
    values = losses["loss"].to_numpy(dtype=float)
    return float(values.mean()) if len(values) and np.isfinite(values).all() else float("nan")


def mean_control_losses(losses: pd.DataFrame, prompt: str) -> pd.Series:
    """The mean loss of each control, under its own caption where the target has one, else under
    none; NaN where one of its losses is no finite number.
    """
    own = losses[losses["prompt"] != ""] if prompt else losses[losses["prompt"] == ""]
    finite = own.assign(loss=own["loss"].where(np.isfinite(own["loss"])))
    means: pd.Series = finite.groupby("control")["loss"].agg(lambda each: each.mean(skipna=False))
    return means.sort_index()


def feature_matrices(
    features: pd.DataFrame, controls: Sequence[str]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[str]]]:
    """By group the features of the target and then of ``controls``, and the features' names."""
    matrices, names = {}, {}
    for group, rows in features.groupby("group", sort=False):
        wide = rows.set_index(["image", "feature"])["value"].unstack(sort=False)  # noqa: PD010
        matrices[str(group)] = wide.loc[["", *controls]].to_numpy(dtype=float)
        names[str(group)] = [str(name) for name in wide.columns]
    return matrices, names
