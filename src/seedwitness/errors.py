"""The errors that a user can mend.

Each message is one paragraph: what is wrong, with which file, and what to do. The command line
prints it without a traceback. An error of any other type is a defect of ours and keeps its
traceback.
"""


class SeedwitnessError(Exception):
    """Something that the user can mend; its message says how."""


class ConfigError(SeedwitnessError):
    """A setting is missing, unknown or out of range."""


class PictureError(SeedwitnessError):
    """A picture, or a folder of pictures, cannot be used as it is."""


class CheckpointError(SeedwitnessError):
    """A checkpoint is missing, incomplete or not what its name says."""


class RecordError(SeedwitnessError):
    """A file that a stage wrote is missing, or was written by another version."""


class BundleError(SeedwitnessError):
    """A bundle cannot be made, or what is given as one is none, or holds what none may hold."""


class TrackingError(SeedwitnessError):
    """MLflow's store cannot be reached or written."""


class TrainingError(SeedwitnessError):
    """A training cannot start or cannot go on."""


class WriteError(SeedwitnessError):
    """A file cannot be written where it belongs."""


class DiskFullError(WriteError):
    """The disk, or the user's share of it, is full."""
