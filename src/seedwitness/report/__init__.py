"""What is handed to others: a page that stands by itself, its figures as JSON. Needs no torch.

``sources`` reads what the stages wrote, ``building`` makes ``Evidence`` of it, ``html`` the page
of that, ``overview`` that of all targets. What a page says in figures is in the evidence.
"""
