"""Reports: a self-contained page a target, and its evidence as JSON. Needs no torch.

``sources`` reads what the stages wrote, ``building`` makes ``Evidence`` of it, ``report_page`` the
page of that, ``overview`` the page of all targets. ``wording`` holds the English of all decisions.
Every figure of a page is in the evidence.
"""
