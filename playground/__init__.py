"""A Slack workspace on loopback: unmodified slack-bolt and slack-sdk talk to it over real HTTP and WebSocket.

It is the development tool and the test bench of the project. It knows Slack and nothing else: nothing of
`bot/` or `workers/` is imported here, and nothing there may know that this exists.
"""

from playground.slack import Playground

__all__ = ["Playground"]
