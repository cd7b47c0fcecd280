"""What several streams hear with: onsets, beats, chroma, chords, keys, sections, loudness."""
