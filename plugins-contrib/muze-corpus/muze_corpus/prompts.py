"""Wordings that say true things about a track, from its record."""

from __future__ import annotations

from typing import Any

import numpy as np

from muze_corpus.genres import GENRES
from muze_corpus.score import Rng, chance, pick

MOODS: dict[tuple[str, str], tuple[str, ...]] = {
    ("bright", "loud"): ("uplifting", "joyful", "energetic", "exuberant", "triumphant", "happy"),
    ("bright", "middle"): ("cheerful", "sunny", "warm", "optimistic", "happy", "light-hearted"),
    ("bright", "quiet"): ("peaceful", "gentle", "serene", "tender", "calm", "dreamy"),
    ("mixed", "loud"): ("energetic", "bold", "restless", "confident", "urgent"),
    ("mixed", "middle"): ("wistful", "thoughtful", "bittersweet", "cool", "nostalgic"),
    ("mixed", "quiet"): ("calm", "reflective", "hazy", "pensive", "quiet"),
    ("dark", "loud"): ("dark", "intense", "menacing", "dramatic", "fierce"),
    ("dark", "middle"): ("moody", "melancholy", "brooding", "dark", "tense"),
    ("dark", "quiet"): ("sad", "lonely", "melancholy", "sombre", "mysterious"),
}  # fmt: skip

TEMPO_WORDS = (
    (76, ("slow", "very slow", "unhurried")),
    (98, ("relaxed", "laid-back tempo", "slow to mid-tempo")),
    (122, ("mid-tempo", "moderate tempo", "steady")),
    (146, ("upbeat", "lively", "fast")),
    (999, ("fast", "very fast", "up-tempo")),
)  # fmt: skip

NOTICED = 1.06
"""Fastest tempo beside the slowest, from which a song's tempo is said to change."""

METRE_WORDS = {"4/4": ("in 4/4", "in four"), "3/4": ("in 3/4", "in waltz time", "in three"),
               "6/8": ("in 6/8", "with a rolling 6/8 feel", "in compound time")}  # fmt: skip

_ROLE_WORDS = {"lead": ("{} melody", "{} lead", "{} playing the tune"), "comp": ("{} chords", "{}"),
               "pad": ("{}", "{} in the background"), "bass": ("{}",), "arp": ("{} arpeggios",),
               "counter": ("{}", "long {} notes"), "drums": ("{}",)}  # fmt: skip


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou8" else "a"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def moods_of(record: dict[str, Any]) -> tuple[str, ...]:
    """The mood words that hold for a track."""
    energy = float(np.mean([s["energy"] for s in record["segments"]]))
    s = record["sentiment_score"]
    tone = "bright" if s > 0.22 else "dark" if s < -0.22 else "mixed"
    level = "loud" if energy > 0.64 else "middle" if energy > 0.45 else "quiet"
    if level == "quiet" and record["tempo"] > 125:
        level = "middle"
    return MOODS[tone, level]


def tempo_words(bpm: float, time_signature: str) -> tuple[str, ...]:
    """The words for a tempo; a dotted beat, full of eighths, feels faster."""
    bpm *= 1.3 if time_signature == "6/8" else 1.0
    return next(words for limit, words in TEMPO_WORDS if bpm < limit)


def _shape(record: dict[str, Any]) -> list[str]:
    """What can be said about the form."""
    sections = record["segments"]
    types, energies = [s["type"] for s in sections], [s["energy"] for s in sections]
    out = []
    if types[0] == "intro" and energies[0] < 0.35:
        out.append("starts with a quiet intro")
    if "buildup" in types and "drop" in types:
        out.append("builds up to a big drop")
    elif "chorus" in types and max(energies) == energies[types.index("chorus")]:
        out.append("opens up in the chorus")
    if "breakdown" in types:
        out.append("thins out in a breakdown")
    if "solo" in types and any(i["role"] == "lead" for i in record["instruments"]):
        lead = next(i["name"] for i in record["instruments"] if i["role"] == "lead")
        solo = [s for s in sections if s["type"] == "solo"]
        if any(s["start"] <= m["start"] < s["end"] for s in solo for m in record["melody"]):
            out.append(f"features {_article(lead)} {lead} solo")
    if "bridge" in types:
        out.append("has a bridge")
    if types[-1] == "outro" and energies[-1] < 0.3:
        out.append("fades down in a calm outro")
    return out


def prompts(record: dict[str, Any], rng: Rng) -> list[str]:
    """Three to five wordings, different in length and style."""
    genre = record["genre"][0]
    moods = moods_of(record)
    tempi = [change["bpm"] for change in record["tempo_map"]]
    steady = max(tempi) / min(tempi) < NOTICED
    bpm = f"{round(record['tempo'])} bpm"
    speed = tempo_words(record["tempo"], record["time_signature"])
    functional = record["harmony"] == "functional"
    key = (
        f"in {record['key'].replace('#', ' sharp')}" if chance(rng, 0.5) else f"in {record['key']}"
    )
    key = key.lower().replace("in ", "in the key of ", 1) if chance(rng, 0.3) else key.lower()
    by_role = {i["role"]: i["name"] for i in record["instruments"]}
    parts = [pick(rng, _ROLE_WORDS[r]).format(n) for r, n in by_role.items()]
    rng.shuffle(parts)
    names = list(dict.fromkeys(by_role.values()))
    rng.shuffle(names)
    character = pick(rng, [m for m in GENRES[genre].moods if m != genre])
    drums = "no drums" if record["drum_kit"] is None else record["drum_kit"]
    pace = bpm if steady and chance(rng, 0.5) else pick(rng, speed)
    metre = pick(rng, METRE_WORDS[record["time_signature"]])
    shape = _shape(record)
    mood = pick(rng, moods)
    other = pick(rng, [m for m in moods if m != mood])

    sung = record["has_vocals"]
    kind = "song" if sung else "instrumental"
    voiced = [pick(rng, ("with vocals", "with a singer", "sung"))] if sung else ["instrumental"]

    def sentence() -> str:
        text = f"{_article(mood)} {mood}, {character} {genre} track with {_listed(parts[:4])}"
        if steady and chance(rng, 0.5):
            text += f" at {bpm}"
        if functional and chance(rng, 0.5):
            text += f", {key}"
        if record["time_signature"] != "4/4" and chance(rng, 0.8):
            text += f", {metre}"
        text += f", {voiced[0]}" if sung else ""
        return text + ("" if record["drum_kit"] else pick(rng, (", without drums", ", no drums")))

    def tags() -> str:
        words = [genre, mood, other, pace, *names[:4], *voiced]
        words += [drums] if chance(rng, 0.6) and drums not in names[:4] else []
        words += [record["key"].lower()] if functional and chance(rng, 0.4) else []
        words += [record["time_signature"]] if chance(rng, 0.4) else []
        words = list(dict.fromkeys(words))
        rng.shuffle(words)
        return ", ".join(words)

    def short() -> str:
        return pick(rng, (f"{mood} {genre}", f"{genre}, {pace}", f"{mood} {genre} with {names[0]}",
                          f"{character} {genre} {kind}",
                          f"{genre} with {_listed(names[:2])}"))  # fmt: skip

    def long() -> str:
        text = f"This {genre} {kind} feels {mood} and {other}. {_listed(parts).capitalize()}"
        text += " carry the music." if len(parts) > 1 else " alone carries the music."
        text += f" It is {pace}" if steady else " The tempo changes,"
        text += f" {metre}" + (f", {key}." if functional and chance(rng, 0.6) else ".")
        if shape:
            some = shape[: int(rng.integers(1, 4))]
            text += f" It {_listed(some)}."
        text += pick(rng, (" A voice sings.", " It is sung.")) if sung else ""
        if record["drum_kit"] is None:
            text += " There are no drums."
        return text.lower() if chance(rng, 0.4) else text

    def story() -> str:
        text = f"{genre} piece, {mood}, {pace}"
        if shape:
            text += f", that {_listed(shape[:2])}"
        return text + f"; {_listed(names[:3])}"

    makers = [sentence, tags, short, long, story]
    chosen = rng.choice(len(makers), size=int(rng.integers(3, 6)), replace=False)
    return list(dict.fromkeys(makers[int(i)]() for i in chosen))
