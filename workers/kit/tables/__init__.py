"""Answers from tables that nobody vouches for: loaded, queried and drawn in a locked-down child process.

`session` is the side that the worker talks to; everything else runs in the child. `lockdown` takes away
what the system lets us take away, `read` (text, JSON) and `excel` turn a file into rows, `fill` turns
rows into a typed DuckDB table, `sql` runs one SELECT behind DuckDB's own lock, `chart` draws, `cells`
writes values for people. Nothing here knows a model, a request, Slack or a plan.

DuckDB, openpyxl and matplotlib are imported in the child only, and there only where they are needed.
"""
