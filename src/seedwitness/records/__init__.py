"""What the stages pass on: recipes, rows of tables and documents, typed.

Tables and documents are written whole and hold nothing that differs from run to run (no time, no
machine), so the same inputs and versions give the same bytes. Import each record from its own
module, so that the hash of a stage's code covers the records that it uses and no others.
"""
