"""Speed: how long the demonstration, a stage, DVC's bookkeeping, the engine and `publish` take."""
