"""The singer: words become syllables on notes, and notes a voice."""
