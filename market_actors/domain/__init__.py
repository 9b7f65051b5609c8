"""Pure values and functions: no actor, no input or output, no clock of their own."""
