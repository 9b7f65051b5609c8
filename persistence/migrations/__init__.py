"""The schema, step by step. Each numbered module gives SQL statements for either database; a step never changes once released."""
