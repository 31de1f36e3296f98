"""Clique of alike generations (Carlini et al., USENIX Security 2023).

A prompt that was learned by heart gives the same picture again and again. Known failure: so does a
prompt of which everybody would draw the same, and so do nearly empty pictures.
"""

from __future__ import annotations

import networkx as nx
import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe
from seedwitness.metrics.patch_l2 import INFO, patch_l2

assert INFO.copy_threshold is not None
ALIKE = INFO.copy_threshold


def clique(probe: Probe, noise: Tensor) -> Tensor:
    """How many of the generations are alike, each to each (Carlini et al., USENIX Sec. 2023): [1].

    The largest clique of pictures whose patch-L2 is at most 0.15; the paper flags 10 of 500. In
    [1, n], higher is more memorised; two NFE a step. ``noise`` is [n, c, h, w].
    """
    return torch.tensor([largest(probe.pictures(noise))])


def largest(pictures: Tensor) -> float:
    """Size of the largest clique among pictures, uint8 [n, 3, height, width]."""
    shown = pictures.float() / 255
    graph = nx.Graph()
    graph.add_nodes_from(range(len(shown)))
    for row in range(len(shown) - 1):
        near = patch_l2(shown[row], shown[row + 1 :]) <= ALIKE
        graph.add_edges_from((row, row + 1 + int(other)) for other in near.nonzero())
    return float(max(len(found) for found in nx.find_cliques(graph)))
