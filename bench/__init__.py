"""What the bot costs: figures, not tests. `python -m bench` (see `bench/__main__.py`)."""
