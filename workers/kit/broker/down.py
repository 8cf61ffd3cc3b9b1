"""What a transport raises. Apart from the brokers, so that whoever catches it knows none of them."""

from __future__ import annotations


class TransportDown(Exception):
    """The broker did not take it: it is away, too slow, full, or has no such queue. The message is not out,
    or nobody knows; whoever sent it may send it again."""


class BrokerRefused(ValueError):
    """An operator reads this: the address, the password or the queues there are not as they should be."""
