"""Actors that fetch prices under a quota, value portfolios and publish the result."""

__version__ = "0.1.0"
