"""Keeps the data: models, migrations, queries and the Redis cache. Knows peewee and nothing of ours."""
