"""Images: decoding, image folders, perceptual fingerprints, resizing and alignment."""
