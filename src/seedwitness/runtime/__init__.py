"""Files that are whole or absent, hashes, processes, devices."""
