"""How fast and how reliably pictures, captions and URLs are looked up."""
