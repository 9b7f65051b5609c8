"""The parts of the UsageTracker, which is in usage.py, and of its reports: plain values, no actors."""
