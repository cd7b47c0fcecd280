"""Wordings that say true things about a track, from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from muze.pipelines.caption_facts import Facts, facts_of

_ROLES = {
    "lead": ("{} melody", "{} lead", "{} playing the tune"), "comp": ("{} chords", "{}"),
    "pad": ("{}", "{} in the background"), "arp": ("{} arpeggios",),
    "counter": ("{}", "long {} notes"),
}  # fmt: skip
"""How an instrument is told with what it plays; the words the starter model was trained on."""


def template_captions(record: Mapping[str, Any], count: int = 3) -> list[str]:
    """Return up to ``count`` captions of a track, of different length, the same every time.

    They say what the record's fields say and nothing else; what is missing is left out. Of a
    record that says nothing there is one, which tells the length.
    """
    facts = facts_of(record)
    rng = Random(str(record.get("audio_sha256") or record.get("audio_path")))
    middle = [_sentence, _tags, _story]
    rng.shuffle(middle)
    captions: list[str] = []
    for make in (middle[0], _long, _short, *middle[1:]):
        text = make(facts, rng)
        if text and text not in captions and len(captions) < count:
            captions.append(text)
    return captions or [_plain(record)]


def _plain(record: Mapping[str, Any]) -> str:
    seconds = record.get("duration")
    if not seconds:
        return "a recording"
    told = f"{seconds:.2g}" if seconds < 1 else f"{seconds:.0f}"
    return f"a recording of {told} second{'' if told == '1' else 's'}"


def _article(text: str) -> str:
    return "an" if text[0] in "aeiou8" else "a"


def listed(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _some(rng: Random, words: Sequence[str], count: int) -> list[str]:
    return rng.sample(list(words), min(count, len(words)))


def _shape(rng: Random, facts: Facts, count: int) -> str:
    """Return some of what is said of the form, in the order of ``facts``."""
    told = _some(rng, facts.shape, count)
    return listed([words for words in facts.shape if words in told])


def _noun(facts: Facts) -> str:
    """Return what it is: ``jazz instrumental``, ``track``."""
    what = "instrumental" if facts.voice == "instrumental" else "track"
    return f"{facts.genre} {what}" if facts.genre else what


def _parts(facts: Facts, rng: Random) -> list[str]:
    """Return the instruments with what they play."""
    told = [
        rng.choice(_ROLES.get(role, ("{}",))).format(name)
        for name, role in facts.instruments.items()
    ]
    rng.shuffle(told)
    return told


def _sounds(facts: Facts, rng: Random, count: int) -> list[str]:
    """Return what is heard: up to ``count`` instruments, then drums and voices."""
    told = _parts(facts, rng)[:count]
    told += ["drums"] if facts.drums == "drums" else []
    return told + ([facts.voice] if facts.voice not in ("", "instrumental") else [])


def _sentence(facts: Facts, rng: Random) -> str:
    mood = _some(rng, facts.moods, 1)
    text = " ".join([*mood, _noun(facts)])
    text = f"{_article(text)} {text}"
    sounds = _sounds(facts, rng, 4)
    text += f" with {listed(sounds)}" if sounds else ""
    pace = _some(rng, facts.paces, 1)
    if facts.bpm and (not pace or rng.random() < 0.6):
        text += f" at {facts.bpm} bpm"
    elif pace:
        text += f", {pace[0]}"
    if facts.key and rng.random() < 0.6:
        text += rng.choice((f", in {facts.key}", f", in the key of {facts.key}"))
    text += "".join(f", {metre}" for metre in _some(rng, facts.metres, 1))
    text += rng.choice((", without drums", ", no drums")) if facts.drums == "no drums" else ""
    return "" if text == "a track" else text


def _tags(facts: Facts, rng: Random) -> str:
    words = [*facts.genres, *_some(rng, facts.moods, 2), *_some(rng, list(facts.instruments), 4)]
    words += [word for word in (facts.voice, facts.drums, facts.metre) if word]
    pace = _some(rng, facts.paces, 1)
    words += [f"{facts.bpm} bpm"] if facts.bpm and (not pace or rng.random() < 0.5) else pace
    words += [facts.key] if facts.key and rng.random() < 0.5 else []
    words += [f"chords {' '.join(facts.chords)}"] if facts.chords and rng.random() < 0.3 else []
    words += [facts.level] if facts.level else []
    words = list(dict.fromkeys(words))
    rng.shuffle(words)
    return ", ".join(words)


def _short(facts: Facts, rng: Random) -> str:
    mood, pace = _some(rng, facts.moods, 1), _some(rng, facts.paces, 1)
    what = facts.genre or ("instrumental" if facts.voice == "instrumental" else "")
    sounds = _sounds(facts, rng, 2) or ([] if what or mood else pace)
    ways = [[*mood, what]]
    if what:
        ways += [[f"{what},", *pace]] if pace else []
        ways += [[what, "with", listed(sounds)]] if sounds else []
    elif sounds:
        ways = [[*mood, listed(sounds)]]
    return " ".join(word for word in rng.choice(ways) if word)


def _long(facts: Facts, rng: Random) -> str:
    moods, noun, parts = _some(rng, facts.moods, 2), _noun(facts), _parts(facts, rng)
    said = []
    if moods:
        said += [f"This {noun} feels {listed(moods)}"]
    elif noun != "track":
        said += [f"This is {_article(noun)} {noun}"]
    if parts:
        carry = "carry the music" if len(parts) > 1 else "plays"
        said += [f"{_capital(listed(parts))} {carry}"]
    others = _sounds(facts, rng, 0)
    said += [f"There are {listed(others)}"] if others else []
    said += ["There are no drums"] if facts.drums == "no drums" else []
    about = _some(rng, facts.paces, 1)
    about += [f"at {facts.bpm} bpm"] if facts.bpm and rng.random() < 0.6 else []
    about += _some(rng, facts.metres, 1)
    about += [f"in {facts.key}"] if facts.key and rng.random() < 0.8 else []
    said += [f"It is {', '.join(about)}"] if about else []
    said += ["The tempo changes"] if facts.changing else []
    said += [f"It {_shape(rng, facts, 3)}"] if facts.shape else []
    if facts.chords and rng.random() < 0.6:
        said += [f"The chords are mostly {listed(facts.chords)}"]
    sound = [word for word in (facts.level, facts.dynamics) if word]
    said += [f"The recording is {', '.join(sound)}"] if sound else []
    return ". ".join(said) + "." if said else ""


def _story(facts: Facts, rng: Random) -> str:
    what = f"{facts.genre} piece" if facts.genre else "piece"
    text = ", ".join([what, *_some(rng, facts.moods, 1), *_some(rng, facts.paces, 1)])
    text += f", that {_shape(rng, facts, 2)}" if facts.shape else ""
    sounds = _sounds(facts, rng, 3) or ([facts.voice] if facts.voice else [])
    text += f"; {listed(sounds)}" if sounds else ""
    return "" if text == "piece" else text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
