"""Published detectors of memorisation beside the project's own finding, on images of a lab."""
