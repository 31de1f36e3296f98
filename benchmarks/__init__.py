"""The measurements behind the pages in ``docs/``: one folder a page.

Run from the root of the project: ``python -m benchmarks.seeds docs/seeds.md docs/seeds.json``
measures everything that a page shows and writes it; ``python -m benchmarks.seeds.scan_speed``
measures one part and prints its figures as JSON.
"""
