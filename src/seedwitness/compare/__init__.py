"""Comparisons of revisions, of folders with reports, or of the checkpoints of one run.

``resolution`` finds what an argument names, ``sides`` reads it, ``building`` makes the
``Comparison`` of ``documents``, and ``page`` shows that. It reads evidence and tables alone, so it
needs no torch and no checkpoint; DVC is imported only where a revision is read.
"""
