"""The parts of the Scheduler, which is in scheduler.py: plain values and tables, no actors."""
