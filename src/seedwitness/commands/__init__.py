"""The commands of `seedwitness`, a file each; `cli.py` binds them."""
