"""The embedded model: a file that is fetched once, a server in a child process, and who keeps both at hand.

`LocalModel` is what the bot uses. It speaks OpenAI's protocol at `url` with `key`, so the rest of the kit
need not know that the model is local.
"""

from workers.kit.local.errors import LocalModelError
from workers.kit.local.supervise import LocalModel, State

__all__ = ["LocalModel", "LocalModelError", "State"]
