"""Makes `import torchvision` work beside a CPU build of torch.

Import this module before torchvision, open_clip or lpips.

torchvision's wheel on the package index is built for CUDA. Beside a CPU build of torch its native
library does not load, and then the import fails where torchvision registers Python code for two
operators that the library would have defined. Nothing here calls them (they belong to object
detection): their signatures are enough for open_clip and lpips.
"""

import importlib
import sys

import torch

_SCHEMAS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

try:
    importlib.import_module("torchvision")
except RuntimeError as error:
    if "torchvision::nms does not exist" not in str(error):
        raise
    for _name, _schema in _SCHEMAS.items():
        torch.library.define(_name, _schema)
    # The failed import has left some of its modules behind.
    for _module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[_module]
    importlib.import_module("torchvision")
