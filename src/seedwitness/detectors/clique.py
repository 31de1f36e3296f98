"""Largest clique of similar generations (Carlini et al., USENIX Security 2023).

A memorised prompt generates the same picture from many seeds. Known failures: a prompt with only
one plausible picture does so too, and so do nearly empty pictures.
"""

from __future__ import annotations

import networkx as nx
import torch
from torch import Tensor

from seedwitness.detectors.probe import Probe
from seedwitness.metrics.patch_l2 import INFO, patch_l2

assert INFO.copy_threshold is not None
COPY_THRESHOLD = INFO.copy_threshold


def clique(probe: Probe, noise: Tensor) -> Tensor:
    """Count the generations in the largest clique of copies (Carlini et al., 2023): [1].

    Two pictures are connected if their patch-L2 is at most 0.15; the paper flags a clique of 10 of
    500. In [1, n], higher is more memorised; two NFE a step. ``noise`` is [n, c, h, w].
    """
    return torch.tensor([compute_largest_clique(probe.sample_pictures(noise))])


def compute_largest_clique(pictures: Tensor) -> float:
    """Compute the size of the largest clique among pictures, uint8 [n, 3, height, width]."""
    scaled = pictures.float() / 255
    graph = nx.Graph()
    graph.add_nodes_from(range(len(scaled)))
    for row in range(len(scaled) - 1):
        is_copy = patch_l2(scaled[row], scaled[row + 1 :]) <= COPY_THRESHOLD
        graph.add_edges_from((row, row + 1 + int(other)) for other in is_copy.nonzero())
    return float(max(len(clique_members) for clique_members in nx.find_cliques(graph)))
