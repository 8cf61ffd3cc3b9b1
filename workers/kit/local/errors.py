"""The one error of the local model. Its sentence is for the operator: in the log, and on the terminal.

It knows nothing of Slack: what a person in a thread is told is said elsewhere.
"""


class LocalModelError(Exception):
    """Says what happened and what to do about it, in words an operator can act on."""
