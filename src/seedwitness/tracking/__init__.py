"""Show the files of the stages in MLflow; only ``store`` imports mlflow.

The files are the truth. Everything in MLflow can be rebuilt from them: ``publishing`` makes the
store equal to the files, whatever the store held before.
"""
