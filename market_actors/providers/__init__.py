"""Where prices come from: HTTP and parsing, no actors. registry.py names the sources."""
