"""Pictures and small checkpoints made here, so that the true answer for each is known."""
