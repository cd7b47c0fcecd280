"""Track records, their store, and what training reads."""
