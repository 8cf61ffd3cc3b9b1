"""A Slack workspace on loopback: unmodified slack-bolt and slack-sdk talk to it over real HTTP and WebSocket.

It is the development tool and the test bench of the project. It knows Slack and nothing else: nothing of
`bot/` or `workers/` is imported here, and nothing there may know that this exists.

Where things are: `slack` is the handle of tests, `build` puts a world together, `state`, `directory` and
`workspace` are what there is; `http_api`, `methods` and `api_*` are the Web API, `block_*` its strictness;
`events`, `delivery`, `sockets` and `webhook` are the way to the app; `people` and `interactions` are what
persons do, `page_*` the page they do it on; `faults` and `controls` are trouble on demand.

Facts about Slack carry where they are from: [doc: page of docs.slack.dev], [src: slack-sdk or slack-bolt],
[seen: somebody's issue], [memory: no page was at hand to check]. What is a guess says so.
"""

from playground.slack import Playground

__all__ = ["Playground"]
