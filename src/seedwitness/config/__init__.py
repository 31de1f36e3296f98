"""The settings of the pipeline: a frozen model for each section of ``params.yaml``.

An unknown key is an error. ``params.yaml`` is composed from ``conf/`` by Hydra. Import each model
from its own module, so that the hash of a stage's code covers the models that the stage reads and
no others.
"""
