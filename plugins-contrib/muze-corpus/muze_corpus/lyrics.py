"""Lines to sing: templates filled with words of our own; one in eight is held out by rule."""

from __future__ import annotations

import re
from functools import cache

from muze_corpus.holdout import allowed, line_held_out

WORDS: dict[str, tuple[str, ...]] = {
    "adj": ("silver", "broken", "golden", "empty", "distant", "cold", "quiet", "burning", "gentle",
            "blue", "restless", "endless", "faded", "warm", "lonely"),
    "thing": ("moon", "river", "window", "fire", "shadow", "morning", "city", "ocean", "letter",
              "star", "highway", "garden", "mountain", "summer", "radio", "mirror", "candle"),
    "place": ("town", "valley", "rain", "harbor", "street", "desert", "room", "station", "sky",
              "field", "snow", "kitchen", "alley", "water", "dark"),
    "act": ("run", "wait", "sing", "drive", "believe", "remember", "carry on", "hold the line",
            "follow you", "find my way", "start again", "let it go", "dance alone"),
    "doing": ("dreaming", "falling", "walking", "hiding", "laughing", "waiting", "dancing",
              "running", "sleeping", "turning", "shining"),
    "time": ("midnight", "tomorrow", "the morning", "september", "the end", "sunday", "daylight",
             "the summer", "winter", "the break of day", "seven"),
    "part": ("hand", "heart", "name", "coat", "secret", "picture", "promise", "world", "sorrow",
             "music", "weight"),
    "feel": ("lost", "alive", "alone", "ready", "tired", "free", "brave", "sorry", "older",
             "certain", "home"),
}  # fmt: skip
TEMPLATES = (
    "{adj} {thing} above the {place}", "I will {act} until {time}",
    "we were {doing} in the {place}", "take my {part} and {act}",
    "all the {adj} lights are {doing} now", "nobody knows my {part}",
    "you said you would {act}", "{doing} through the {adj} {place}",
    "give me your {part} tonight", "never leave the {thing} behind",
    "I feel {feel} when you are {doing}", "the {thing} is {adj} and I am {feel}",
    "hold on to your {part}", "meet me by the {thing} at {time}",
    "oh {adj} {thing}", "are you still {doing} in the {place}",
    "some day we will {act}", "there is a {thing} inside of my {part}",
    "don't let the {adj} {thing} go", "tell the {thing} that I am {feel}",
    "every {thing} leads me back to you", "we {act} and we {act2}",
    "stay {feel} with me", "love is a {adj} {thing} in the {place}",
)  # fmt: skip
FILLS = 12
"""Lines of each template at most."""
SHORTEST, LONGEST = 4, 12
"""Syllables of a line."""


@cache
def lines(split: str) -> tuple[str, ...]:
    """The lines a split may sing, in an order of their own, none of them twice."""
    found: dict[str, None] = {}
    for number, template in enumerate(TEMPLATES):
        for fill in range(FILLS):
            text = _filled(template, number, fill)
            if SHORTEST <= syllables_about(text) <= LONGEST:
                found[text] = None
    return tuple(text for text in found if allowed(line_held_out(text), split))


def syllables_about(text: str) -> int:
    """How many syllables English words have, told by their letters; one off now and then."""
    return sum(_in_word(word) for word in text.split())


def _filled(template: str, number: int, fill: int) -> str:
    words = {}
    for at, (kind, options) in enumerate(WORDS.items()):
        words[kind] = options[(number * (3 + at) + fill * (at % 3 + 1)) % len(options)]
    acts = WORDS["act"]
    words["act2"] = acts[(acts.index(words["act"]) + 5) % len(acts)]
    return template.format(**words).replace(" a e", " an e").replace(" a o", " an o")


def _in_word(word: str) -> int:
    vowels = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith("le") and vowels > 1
    return max(1, vowels - silent)
