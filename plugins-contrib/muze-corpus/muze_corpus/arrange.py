"""One song composed from a seed: genre, key, harmony, form, layers, notes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from muze_corpus import parts
from muze_corpus.form import draw_sections, draw_tempo
from muze_corpus.genres import GENRES, Genre
from muze_corpus.harmony import (
    BLUES,
    MODES,
    PROGRESSIONS,
    Chord,
    Degree,
    best_key,
    coloured,
    free_loop,
    parse_progression,
)  # fmt: skip
from muze_corpus.holdout import SPLITS, allowed, chord_set_held_out, progression_held_out
from muze_corpus.melody import Motif, draw_motif, realise
from muze_corpus.patterns import ARPS, BASS, COMP, CR, DRUMS, K
from muze_corpus.programs import LOW_LEADS, PLUCKED
from muze_corpus.score import (
    METRES,
    VARIETY,
    ChordSpan,
    Metre,
    Rng,
    Section,
    Song,
    Track,
    chance,
    pick,
)  # fmt: skip
from muze_corpus.variety import varied

# How likely a layer plays in a section: comp, bass, pad, arp, lead, counter.
LAYERS: dict[str, tuple[float, float, float, float, float, float]] = {
    "intro": (.85, .45, .45, .5, .25, .15), "verse": (.97, .93, .35, .35, .75, .12),
    "pre_chorus": (.97, .97, .55, .5, .6, .35), "chorus": (1, 1, .75, .6, .9, .5),
    "post_chorus": (1, 1, .6, .6, .6, .4), "bridge": (.92, .8, .65, .4, .7, .4),
    "instrumental": (.96, .9, .45, .5, .95, .3), "solo": (1, 1, .3, .2, 1, .15),
    "breakdown": (.7, .25, .8, .4, .35, .25), "buildup": (.95, .5, .6, .7, .15, .4),
    "drop": (1, 1, .6, .8, .75, .35), "outro": (.93, .6, .5, .4, .35, .2),
    "unknown": (.8, .45, .75, .5, .3, .25),
}  # fmt: skip
ROLES = ("comp", "bass", "pad", "arp", "lead", "counter")
# Named by how full the song is: the roles there are at all.
ENSEMBLES: dict[str, tuple[str, ...]] = {
    "solo": ("comp",), "duo": ("comp", "lead"), "rhythm": ("comp", "bass"),
    "trio": ("comp", "bass", "lead"), "padded": ("comp", "bass", "pad", "lead"),
    "woven": ("comp", "bass", "arp", "lead", "pad"), "full": ROLES,
}  # fmt: skip
ENSEMBLE_WEIGHTS = (0.05, 0.07, 0.06, 0.2, 0.24, 0.14, 0.24)
VELOCITY = {"bass": 100, "comp": 97, "pad": 80, "arp": 86, "lead": 104, "counter": 84}
VOLUME = {"bass": 100, "comp": 108, "pad": 82, "arp": 86, "lead": 92, "counter": 72, "drums": 94}


@dataclass
class Loop:
    """Chords that repeat through a section, and whether they were walked freely."""

    degrees: list[Degree]
    free: bool

    @property
    def text(self) -> str:
        """Degrees and qualities, for the record."""
        return " ".join(d.key for d in self.degrees)


def draw_loop(genre: Genre, mode: str, free: bool, bpm: float, split: str, rng: Rng) -> Loop:
    """A loop of chords that the split may use."""
    while True:
        if free:
            degrees = free_loop(rng)
            held = chord_set_held_out(d.key for d in degrees)
        else:
            text = pick(rng, BLUES if mode == "blues" else PROGRESSIONS[mode])
            scale = "mixolydian" if mode == "blues" else mode
            degrees = coloured(parse_progression(text), scale, genre.sevenths, rng)
            held = progression_held_out([d.key for d in degrees])
        if not allowed(held, split):
            continue
        if all(d.bars == 1 for d in degrees):
            factor = 1.0
            if len(degrees) % 2 == 0 and bpm < 100 and chance(rng, 0.2):
                factor = 0.5
            elif bpm > 110 and chance(rng, 0.15):
                factor = 2.0
            degrees = [replace(d, bars=d.bars * factor) for d in degrees]
        return Loop(degrees, free)


def lay_chords(section: Section, loop: Loop, tonic: int, metre: Metre) -> list[ChordSpan]:
    """The loop repeated through a section; half a bar of 3/4 is two beats, then one."""
    out: list[ChordSpan] = []
    at = section.start_bar * metre.steps
    end, k = at + section.bars * metre.steps, 0
    while at < end:
        d = loop.degrees[k % len(loop.degrees)]
        length = int(d.bars * metre.steps)
        if metre.name == "3/4" and d.bars == 0.5:
            length = 8 if at % metre.steps == 0 else 4
        stop = min(at + length, end)
        chord = d.chord(tonic)
        if out and out[-1].chord == chord:
            out[-1] = ChordSpan(chord, out[-1].start, stop)
        else:
            out.append(ChordSpan(chord, at, stop))
        at, k = stop, k + 1
    return out


def _style(
    table: dict[int, dict[str, tuple[str, ...]]], metre: Metre, style: str
) -> tuple[str, ...]:
    rows = table[{"4/4": 16, "3/4": 12, "6/8": 6}[metre.name]]
    kin = {"lazy": "jazz", "finger": "broken", "bossa": "jazz", "shuffle": "walking",
           "boom-chick": "block", "offbeat": "roots"}  # fmt: skip
    return rows.get(style) or rows.get(kin.get(style, "")) or next(iter(rows.values()))


def _layers(
    kind: str, energy: float, has: Sequence[str], drummed: bool, rng: Rng
) -> tuple[set[str], int]:
    """The roles that play in a section and its drums' level 0..3; chords nearly always play."""
    p = dict(zip(ROLES, LAYERS[kind], strict=True))
    playing = {
        r for r in has if chance(rng, p[r] * (1 if r in ("comp", "lead") else 0.7 + energy / 2))
    }
    level = 0 if energy < 0.24 else 1 if energy < 0.46 else 2 if energy < 0.8 else 3
    if kind in ("intro", "outro") and chance(rng, 0.4):
        level = max(0, level - 1)
    if kind == "breakdown":
        level = min(level, 1)
    level = level if drummed else 0
    if not playing & {"comp", "pad", "arp"}:
        if level and kind in ("intro", "breakdown", "outro", "unknown") and chance(rng, 0.5):
            return set(), max(level, 2)  # drums alone
        playing.add("comp")
    return playing, level


def _energies(sections: Sequence[Section]) -> list[float]:
    out: list[float] = []
    for s in sections:
        ramp = {"buildup": 0.5, "intro": 0.12, "outro": -0.2, "pre_chorus": 0.12}.get(s.type, 0.0)
        for b in range(s.bars):
            out.append(float(np.clip(s.energy + ramp * (b / max(1, s.bars - 1) - 0.5), 0.03, 1)))
    return out


def compose(seed: int, index: int, split: str = "train") -> Song:
    """Song number index of a seed; nothing else decides it."""
    rng = np.random.default_rng([seed, index, SPLITS.index(split)])
    metre = METRES[pick(rng, list(METRES), (0.72, 0.14, 0.14))]
    names = [n for n, g in GENRES.items() if metre.name in g.metres]
    # Genres that know only 4/4 are drawn more often there, to come out even overall.
    weights = [1.0 if len(GENRES[n].metres) == 1 else 0.7 for n in names]
    name = pick(rng, names, weights)
    genre = GENRES[name]
    low, high = genre.tempo
    if metre.name == "6/8":
        low, high = max(60, int(low * 0.65)), max(85, int(high * 0.7))
    bpm = draw_tempo(low, high, split, rng)
    sections = draw_sections(genre.forms, metre, bpm, split, rng)
    tonic, mode = int(rng.integers(12)), pick(rng, genre.modes)
    free_song = chance(rng, 0.15)

    loops: dict[str, Loop] = {}
    shared: list[Loop] = []
    for s in sections:
        if s.type in loops:
            continue
        if shared and chance(rng, 0.3):
            loops[s.type] = pick(rng, shared)
            continue
        free = free_song or chance(rng, 0.12)
        loops[s.type] = draw_loop(genre, mode, free, s.bpm, split, rng)
        shared.append(loops[s.type])
    if mode == "blues":
        mode = "minor" if any(d.key == "0:m7" for x in shared for d in x.degrees) else "mixolydian"
    by_section = [lay_chords(s, loops[s.type], tonic, metre) for s in sections]
    closing = chance(rng, 0.75)
    if closing and not free_song:  # home for the last bar
        quality = "m" if 3 in MODES[mode] else ""
        if any(d.offset == 0 and len(d.quality) > 1 for x in shared for d in x.degrees):
            quality = {"m": "m7", "": "maj7"}[quality] if mode != "mixolydian" else "7"
        spans, end = by_section[-1], sections[-1].start_bar + sections[-1].bars
        bar = (end - 1) * metre.steps
        spans[:] = [replace(c, end=min(c.end, bar)) for c in spans if c.start < bar]
        home = Chord(tonic, quality, tonic)
        if spans[-1].chord == home:
            spans[-1] = replace(spans[-1], end=bar + metre.steps)
        else:
            spans.append(ChordSpan(home, bar, bar + metre.steps))
    if all(loops[s.type].free for s in sections):
        spans_all = [(c.chord, float(c.end - c.start)) for b in by_section for c in b if c.chord]
        tonic, mode = best_key(spans_all)
        free_song = True

    drummed = chance(rng, genre.drummed)
    ensemble = pick(rng, list(ENSEMBLES), ENSEMBLE_WEIGHTS)
    if drummed and ensemble in ("solo", "duo") and chance(rng, 0.7):
        ensemble = "trio"
    has = [r for r in ENSEMBLES[ensemble] if r != "arp" or chance(rng, genre.arping + 0.3)]
    tracks: dict[str, Track] = {}
    for role in has:
        options: tuple[int, ...] = getattr(genre, role)
        used = {t.program for t in tracks.values()}
        program = pick(rng, [p for p in options if p not in used] or list(options))
        tracks[role] = Track(role, program, int(VOLUME[role] + rng.integers(-8, 9)))
    drums = {"4/4": genre.drums, "3/4": genre.drums3, "6/8": genre.drums6}[metre.name]
    drum_pattern, kit = pick(rng, drums), pick(rng, genre.kits)
    drum_track = Track("drums", kit, int(VOLUME["drums"] + rng.integers(-10, 9)))

    if kit in (24, 25):
        drum_track.volume += 16  # FluidR3's electronic kits are soft
    stage = parts.Stage(rng, metre, genre.swing if metre.name != "6/8" else 0.0, genre.swing_on,
                        bpm, float(rng.uniform(2, 7)), _energies(sections))  # fmt: skip
    bass_style, comp_style = pick(rng, genre.bass_styles), pick(rng, genre.comp_styles)
    if comp_style == "sustain" and tracks["comp"].program in PLUCKED:
        comp_style = "broken"
    if bass_style == "offbeat" and comp_style in ("offbeat", "pump"):
        comp_style = "block"  # something must say where the beat is
    comp_low, voices = int(rng.integers(50, 57)), int(rng.choice([3, 4, 4]))
    bass_low = int(rng.choice([28, 28, 31, 33]))
    lead_low = tracks["lead"].program in LOW_LEADS if "lead" in tracks else False
    centre = int(rng.integers(60, 66)) if lead_low else int(rng.integers(70, 79))
    scale = frozenset((tonic + i) % 12 for i in MODES[mode])
    if name == "blues":
        scale = frozenset((tonic + i) % 12 for i in (0, 3, 5, 6, 7, 10))
    motifs: dict[str, Motif] = {}
    choices: dict[str, tuple[list[str], list[str], str]] = {}
    chords: list[ChordSpan] = []
    steps = metre.steps

    for n, s in enumerate(sections):
        spans = by_section[n]
        stage.bpm = s.bpm
        first, last = s.start_bar * steps, (s.start_bar + s.bars) * steps
        playing, level = _layers(s.type, s.energy, has, drummed, rng)
        if not playing:
            spans = [ChordSpan(None, first, last)]
        if s.type not in choices:
            bass_rows = _style(
                BASS, metre, bass_style if chance(rng, 0.8) else pick(rng, genre.bass_styles)
            )
            comp_rows = _style(
                COMP, metre, comp_style if chance(rng, 0.6) else pick(rng, genre.comp_styles)
            )
            a, b = pick(rng, bass_rows), pick(rng, bass_rows)
            c, d = pick(rng, comp_rows), pick(rng, comp_rows)
            if s.energy < 0.3 and chance(rng, 0.6):
                a = b = pick(rng, _style(BASS, metre, "long"))
            more = chance(rng, 0.35)
            choices[s.type] = ([a, a, a, b] if chance(rng, 0.6) else [a, b],
                               [c, d] if more else [c], pick(rng, ARPS[steps]))  # fmt: skip
        bass_rows_, comp_rows_, arp = choices[s.type]
        final = n == len(sections) - 1 and closing and s.bars > 2
        body = last - steps if final else last
        hold = "#" + "-" * (steps - 1)
        if "bass" in playing:
            parts.bass_part(
                stage, tracks["bass"], bass_rows_, spans, first, body, bass_low, VELOCITY["bass"]
            )
            if final:
                whole = ["R" + "-" * (steps - 1)]
                parts.bass_part(
                    stage, tracks["bass"], whole, spans, body, last, bass_low, VELOCITY["bass"]
                )
        if "comp" in playing:
            grounded = "bass" not in playing
            for rows, a_, b_ in ((comp_rows_, first, body), ([hold], body, last)):
                parts.comp_part(stage, tracks["comp"], rows, spans, a_, b_, comp_low, voices,
                                VELOCITY["comp"], grounded)  # fmt: skip
        if "arp" in playing:
            parts.comp_part(stage, tracks["arp"], [arp], spans, first, body, comp_low + 12, 3,
                            VELOCITY["arp"], False)  # fmt: skip
        if "pad" in playing:
            parts.pad_part(stage, tracks["pad"], spans, first, last,
                           comp_low + int(rng.choice([0, 5])), int(rng.choice([3, 4])),
                           VELOCITY["pad"])  # fmt: skip
        if "counter" in playing:
            parts.counter_part(
                stage, tracks["counter"], spans, first, last, comp_low + 17, VELOCITY["counter"]
            )
        if "lead" in playing:
            if s.type not in motifs or s.type == "solo":
                busy = {"solo": 1.5, "chorus": 1.1, "instrumental": 1.2}.get(s.type, 0.85)
                busy *= min(1.3, 110 / s.bpm) if metre.name != "6/8" else 1.0
                motifs[s.type] = draw_motif(metre, 4 if chance(rng, 0.75) else 2, busy,
                                            2.5 if s.type == "solo" else 1.5, rng)  # fmt: skip
            starts = [c.start for c in spans]
            lift = 3 if s.energy > 0.75 else 0
            line = realise(
                motifs[s.type], metre, first, body,
                lambda step, sp=spans, st=starts: sp[max(0, bisect_right(st, step) - 1)].chord,  # type: ignore[misc]
                scale, centre + lift, 0.35 if s.type == "solo" else 0.12, rng)  # fmt: skip
            for step, length, pitch in line:
                stage.play(tracks["lead"], step, length, pitch, VELOCITY["lead"])
        if level:
            following = sections[n + 1] if n + 1 < len(sections) else None
            fill = following is not None and chance(rng, 0.8) and level > 1
            crash = s.energy > 0.6 and chance(rng, 0.85)
            parts.drum_part(stage, drum_track, DRUMS[drum_pattern], level, first, body, fill, crash,
                            s.type == "buildup" and chance(rng, 0.8))  # fmt: skip
            if final:
                for drum in (K, CR):
                    stage.play(drum_track, body, 4, drum, 100, tight=0.3)
        for span in spans:
            if chords and chords[-1].chord == span.chord:
                chords[-1] = replace(chords[-1], end=span.end)
            else:
                chords.append(span)

    tracks = {r: _monophonic(t) if r == "lead" else t for r, t in tracks.items() if t.notes}
    if drum_track.notes:
        tracks["drums"] = drum_track
    song = Song(
        (seed, index), split, name, metre, tonic, mode, "free" if free_song else "functional",
        sections, chords, tracks, kit if drum_track.notes else None,
        drum_pattern if drum_track.notes else None,
        {s.type: ("free " if loops[s.type].free else "") + loops[s.type].text for s in sections},
        round(float(rng.uniform(1.2, 2.6)), 2),
    )  # fmt: skip
    return varied(song, np.random.default_rng([seed, index, SPLITS.index(split), VARIETY]))


def _monophonic(track: Track) -> Track:
    """The track with every note ended before the next begins."""
    notes = sorted(track.notes, key=lambda n: n.start)
    for i in range(len(notes) - 1):
        room = notes[i + 1].start - notes[i].start - 0.01
        notes[i] = replace(notes[i], length=max(0.03, min(notes[i].length, room)))
    track.notes = notes
    return track
