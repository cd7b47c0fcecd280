"""Order, length, energy and tempo of a song's sections."""

from __future__ import annotations

from muze_corpus.holdout import allowed, form_held_out, tempo_held_out
from muze_corpus.score import Metre, Rng, Section, chance, pick

SECTION_TYPES = ("intro", "verse", "pre_chorus", "chorus", "post_chorus", "bridge", "instrumental",
                 "solo", "breakdown", "buildup", "drop", "outro", "unknown")  # fmt: skip

_LETTERS = {"i": "intro", "v": "verse", "p": "pre_chorus", "c": "chorus", "q": "post_chorus",
            "b": "bridge", "n": "instrumental", "s": "solo", "k": "breakdown", "u": "buildup",
            "d": "drop", "o": "outro", "x": "unknown"}  # fmt: skip

FORMS: dict[str, tuple[str, ...]] = {
    "song": ("ivcvco", "vcvcbc", "ivpcvpco", "vpcvpcbco", "ivcqvcqo", "ivcnvco", "ivcsco", "cvcvo", "ivvcsco", "vcvcsc",
             "ivpcqbco", "ivco", "vcbco", "ivcbc", "invcvc", "ikvpco", "vpcqvpcq", "ivcvxco", "vcnco", "ivpcso", "cvcbcq", "ivcko"),
    "dance": ("iudkudo", "ivudkud", "iudvudo", "ikud", "iudo", "udkudo", "iukudo", "xudkudo", "indkudo", "ivpudo", "kudnudo", "iudud"),
    "loop": ("ivnvo", "vsvo", "inkno", "vcvc", "ivxvo", "nknk", "ivsno", "vnvn", "ivbvo", "nbno", "isvo", "vkvo", "inxno"),
    "jazz": ("vvbvo", "ivsvo", "vssv", "ivbvso", "vsbsv", "ivssvo", "vbsvo", "ivvsbo", "vsko"),
    "ambient": ("ixnxo", "xnx", "inko", "ixko", "xknx", "ivxbo", "kxno", "ixn", "ikxo", "xux", "xbxo"),
    "classical": ("vbv", "ivbvo", "vnvbvo", "ivnbvo", "vvbbv", "invo", "vbnvo", "ivvbo", "xvbvo", "ivsbvo", "vkbvo"),
    "cinematic": ("iudo", "ixucbo", "ivucko", "kucbuco", "xuco", "ivubcko", "ikudo", "ivncbuco", "xkucuco", "inuco"),
}  # fmt: skip

BARS = {"intro": 4, "verse": 8, "pre_chorus": 4, "chorus": 8, "post_chorus": 4, "bridge": 6,
        "instrumental": 7, "solo": 8, "breakdown": 5, "buildup": 4, "drop": 8, "outro": 4,
        "unknown": 5}  # fmt: skip

ENERGY = {"intro": 0.3, "verse": 0.48, "pre_chorus": 0.62, "chorus": 0.85, "post_chorus": 0.74,
          "bridge": 0.5, "instrumental": 0.6, "solo": 0.75, "breakdown": 0.2, "buildup": 0.58,
          "drop": 0.95, "outro": 0.28, "unknown": 0.4}  # fmt: skip


def draw_tempo(low: float, high: float, split: str, rng: Rng) -> float:
    """A tempo that the split may use, to a tenth; half of them whole numbers."""
    while True:
        bpm = round(float(rng.uniform(low, high)), 1)
        bpm = float(round(bpm)) if chance(rng, 0.5) else bpm
        if allowed(tempo_held_out(bpm), split):
            return bpm
        reachable = range(round(low), int(high) + 1)
        if not any(allowed(tempo_held_out(b), split) for b in reachable):
            low, high = low - 2, high + 2


def _mutate(form: str, rng: Rng) -> str:
    if chance(rng, 0.3) and form[0] == "i":
        form = form[1:]
    if chance(rng, 0.25) and len(form) > 2:
        at = int(rng.integers(1, len(form)))
        form = form[:at] + pick(rng, "nsbkxq") + form[at:]
    if chance(rng, 0.15) and form[-1] == "o" and len(form) > 3:
        form = form[:-1]
    return form


def draw_form(families: tuple[str, ...], max_sections: int, split: str, rng: Rng) -> list[str]:
    """Section types in order, of a form that the split may use."""
    while True:
        form = pick(rng, FORMS[pick(rng, families)])
        if chance(rng, 0.45):
            form = _mutate(form, rng)
        types = [_LETTERS[c] for c in form]
        if 3 <= len(types) <= max_sections and allowed(form_held_out(types), split):
            return types


def draw_sections(
    families: tuple[str, ...], metre: Metre, bpm: float, split: str, rng: Rng
) -> list[Section]:
    """Sections filling 45 to 80 seconds, with energies and, in one song of seven, tempo changes."""
    bar = metre.beats * 60.0 / bpm
    wanted = float(rng.uniform(49, 75)) / bar
    types = draw_form(families, max(4, int(wanted / 3)), split, rng)
    scale = wanted / sum(BARS[t] for t in types)
    if scale > 2:  # short bars: whole forms of eights and sixteens
        lengths = [max(4, 4 * round(BARS[t] * scale / 4)) for t in types]
    else:
        lengths = [max(2, 2 * round(BARS[t] * scale / 2)) for t in types]
    while sum(lengths) * bar > 76:
        lengths[lengths.index(max(lengths))] -= 2
    while sum(lengths) * bar < 46:
        lengths[lengths.index(min(lengths))] += 2
    flat = float(rng.uniform(0.75, 1.1))  # how far energies lie apart in this song
    shift = float(rng.normal(0, 0.06))
    changing, tempi = chance(rng, 0.15), {types[0]: bpm}
    out, start, seen = [], 0, dict.fromkeys(types, 0)
    for t, bars in zip(types, lengths, strict=True):
        rise = 0.04 * min(seen[t], 2) if t in ("verse", "chorus", "drop", "solo") else 0.0
        energy = 0.55 + (ENERGY[t] - 0.55) * flat + shift + rise + float(rng.normal(0, 0.05))
        if changing and t not in tempi:
            ratio = float(rng.choice([0.84, 0.9, 1.0, 1.1, 1.18]))
            low = min(max(60.0, bpm * ratio), 176.0)
            tempi[t] = bpm if ratio == 1.0 else draw_tempo(low, low + 4, split, rng)
        speed = tempi[t] if changing else bpm
        out.append(Section(t, start, bars, round(min(1.0, max(0.05, energy)), 3), speed))
        start, seen[t] = start + bars, seen[t] + 1
    return out
