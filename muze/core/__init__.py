"""The contract between muze and its plugins; imports nothing else of muze."""
