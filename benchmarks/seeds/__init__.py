"""The seed scan and the search strategies: speed, and how often a seed or an image is recovered."""
