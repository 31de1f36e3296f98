"""What the benchmarks of several pages use."""
