"""Evidence whether a text-to-image checkpoint can bring an image back."""

import os

import seedwitness.runtime.torch_compat  # noqa: F401, before anybody imports torchvision

__version__ = "0.1.0"

# Libraries that report their use by default are told not to, before anything here can import them.
# A value that the user has set stays.
for _switch in ("MLFLOW_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_switch, "true")
