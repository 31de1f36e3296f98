"""Read the metadata of picture files: text by location, EXIF, XMP, IPTC, and what was not read.

The pixels come from Pillow; the metadata come from the file's own parts, because Pillow keeps one
of several texts of a name, decodes by the declared character set alone, and skips private parts.
"""
