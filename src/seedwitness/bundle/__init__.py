"""Bundles: the sealed folder with everything that the other party needs to check a report.

``building`` writes one, ``verification`` checks one. A bundle has the paths of the project that it
was made from, so that whatever reads a project reads a bundle. What is read here was written by a
stranger: names, sizes, links and documents are checked before anything is made of them.
"""
