"""What carries tasks and reports: within one process (`in_process`), or RabbitMQ between many
(`over_rabbit`). Which of them it is, is decided in `workers.kit.transport` and nowhere else.
"""
