"""`python -m workers.kit.local` is the child process; its orders come on stdin."""

from workers.kit.local.server import main

main()
