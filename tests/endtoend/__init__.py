"""The whole server in a process of its own: what users, clients and crashes do to it."""
