"""The settings of the pipeline: one model a section of ``params.yaml``, frozen, typos refused.

``params.yaml`` is composed from ``conf/`` by Hydra. What a stage reads of it the stage ``protocol``
writes down, because DVC does not rerun it for anything else; targets and checkpoints alone are read
from ``params.yaml`` itself, and pinned by hash.
"""

from seedwitness.config.inputs import (
    NAME,
    Checkpoint,
    Clip,
    Corpus,
    Name,
    Section,
    Share,
    Target,
    Text,
)
from seedwitness.config.params import Params, load
from seedwitness.config.reading import FILE_NAME, known, mapping, section, validated
from seedwitness.config.steps import (
    Fit,
    Lookup,
    Prepare,
    Reach,
    Recover,
    Scan,
    Search,
    Steer,
    Stop,
    Strategy,
)
from seedwitness.config.verdicts import (
    PROMPTED,
    Controls,
    Copy,
    Detectors,
    Judge,
    Report,
    Score,
    Tracking,
)

__all__ = [
    "FILE_NAME",
    "NAME",
    "PROMPTED",
    "Checkpoint",
    "Clip",
    "Controls",
    "Copy",
    "Corpus",
    "Detectors",
    "Fit",
    "Judge",
    "Lookup",
    "Name",
    "Params",
    "Prepare",
    "Reach",
    "Recover",
    "Report",
    "Scan",
    "Score",
    "Search",
    "Section",
    "Share",
    "Steer",
    "Stop",
    "Strategy",
    "Target",
    "Text",
    "Tracking",
    "known",
    "load",
    "mapping",
    "section",
    "validated",
]
