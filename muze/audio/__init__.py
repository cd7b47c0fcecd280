"""Reading, writing, measuring and joining sound."""
