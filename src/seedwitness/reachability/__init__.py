"""How near a checkpoint comes to an image the more of it is shown."""
