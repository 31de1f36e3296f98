"""How near the files of image codecs come to a target, by the metrics of the pass phrase."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from PIL import Image

from seedwitness.imaging.alignment import make_alignments, resize_to_tensor
from seedwitness.metrics.codecs import DISTORTION_METRICS, encode_picture
from seedwitness.metrics.scoring import Metric, score_trials


def score_codec_files(
    image: Image.Image,
    sizes: Iterable[tuple[int, int]],
    rule: str,
    metrics: Mapping[str, Metric],
) -> list[dict[str, Any]]:
    """A row of ``records.CODECS`` for every size (width, height), codec file and metric.

    The target is brought to a size by ``rule``, encoded, and what each file decodes to is scored
    against it.
    """
    distortions = {name: metrics[name] for name in DISTORTION_METRICS if name in metrics}
    rows: list[dict[str, Any]] = []
    for width, height in sorted(set(sizes)):
        target = resize_to_tensor(image, width, height, rule)
        files = list(encode_picture(target))
        pictures = torch.stack([file.picture for file in files])
        names = [str(number) for number in range(len(files))]
        for row in score_trials(distortions, names, pictures, [], make_alignments(target)):
            file = files[int(row.pop("trial"))]
            facts = {"codec": file.codec, "reduction": file.reduction, "quality": file.quality}
            rows.append({**row, **facts, "bytes": file.size})
    return rows
