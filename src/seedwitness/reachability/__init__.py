"""Measures how near a checkpoint comes to an image that it is given, in part or as a whole."""
