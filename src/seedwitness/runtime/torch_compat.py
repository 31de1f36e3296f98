"""Makes `import torchvision` work beside a CPU build of torch; importing this module is enough.

torchvision's wheel on the package index is built for CUDA. Beside a CPU build of torch its native
library does not load, and then the import fails where torchvision registers Python code for two
operators that the library would have defined. Nothing here calls them, because they belong to
object detection: their signatures are enough for diffusers, open_clip and lpips.

The signatures are defined at the first import of torchvision, so this module does not import
torch. The package imports it, and set-up makes every interpreter of `.venv` import it, so that
plain diffusers can open a checkpoint there too.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class _TorchvisionHook(MetaPathFinder):
    """A finder that finds nothing; it runs before the others when torchvision is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            _define_missing_operators()
        return None


def _define_missing_operators() -> None:
    """Define the two signatures unless torchvision's own library can be loaded."""
    import torch

    spec = PathFinder.find_spec("torchvision")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for library in Path(folder).glob("_C*.so"):
            try:
                torch.ops.load_library(library)
            except OSError:
                for name, schema in _SCHEMAS.items():
                    torch.library.define(name, schema)
                return


if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _TorchvisionHook())
