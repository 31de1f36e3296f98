"""MLflow's view of the files that the stages wrote; only ``store`` imports mlflow.

The files are the truth. Everything here can be made again from them, and is: ``publishing`` makes
the store's view equal to the files, whatever was there before.
"""
