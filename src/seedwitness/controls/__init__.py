"""Controls: images known to be outside the training set, put through the same steps as a target.

``selection`` chooses them, ``execution`` runs them.
"""
