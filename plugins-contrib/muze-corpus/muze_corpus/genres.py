"""What each genre is played with and how: programs, patterns, tempi, harmony, form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Genre:
    """The idioms of a genre; bass, comp and drums name rows of the pattern tables."""

    tempo: tuple[int, int]  # BPM in 4/4
    metres: tuple[str, ...]
    modes: tuple[str, ...]
    sevenths: float  # chance that a progression is coloured with sevenths
    swing: float  # 0 straight; .66 triplets; on eighths where below 100 BPM, else by swing_on
    swing_on: int  # 2 eighths, 1 sixteenths
    kits: tuple[int, ...]
    drums: tuple[str, ...]
    drums3: tuple[str, ...]  # for 3/4
    drums6: tuple[str, ...]  # for 6/8
    drummed: float  # chance of drums
    bass_styles: tuple[str, ...]
    comp_styles: tuple[str, ...]
    bass: tuple[int, ...]
    comp: tuple[int, ...]
    pad: tuple[int, ...]
    lead: tuple[int, ...]
    arp: tuple[int, ...]
    counter: tuple[int, ...]
    arping: float  # chance that a song has an arpeggio
    forms: tuple[str, ...]  # families of forms
    moods: tuple[str, ...]  # words that hold for every song of the genre


MAJ, MIN = ("major",), ("minor",)
BOTH = ("major", "major", "minor", "minor", "mixolydian")
DARK = ("minor", "minor", "phrygian", "harmonic minor", "dorian")
COOL = ("minor", "minor", "dorian", "major")
M4, M43, M46, ALL = ("4/4",), ("4/4", "3/4"), ("4/4", "6/8"), ("4/4", "3/4", "6/8")
R3, R6 = ("rock three", "three half-time"), ("six-eight rock", "six-eight shuffle")
SOFT3, SOFT6 = ("three light", "waltz brushes"), ("six-eight ballad", "jig")

GENRES: dict[str, Genre] = {
    "rock": Genre((95, 170), ALL, BOTH, .05, 0, 2, (0, 8, 16), ("rock straight", "rock driving", "rock half-time"), R3, R6, 1,
        ("eighths", "roots"), ("strum", "eighths", "block"), (33, 34, 35), (29, 27, 30, 18, 0), (16, 18, 48), (29, 30, 81, 27, 65), (27, 25), (48, 61), .2, ("song",), ("driving", "electric")),
    "pop": Genre((85, 135), ALL, ("major", "major", "minor", "lydian"), .15, 0, 2, (0, 8, 24), ("pop backbeat", "pop stomp", "pop syncopated"), R3, R6, 1,
        ("roots", "eighths", "long"), ("block", "strum", "broken", "pump"), (33, 38, 39), (0, 1, 4, 25, 90, 2), (89, 48, 50, 91), (80, 73, 27, 85, 56, 11), (98, 46, 12), (48, 52, 61), .35, ("song", "dance"), ("catchy", "polished")),
    "house": Genre((116, 130), M4, COOL, .55, 0, 2, (24, 25), ("four on the floor", "house shuffle", "deep house"), (), (), 1,
        ("offbeat", "rolling", "808"), ("stab", "offbeat", "pump"), (38, 39), (4, 5, 0, 90, 16), (89, 50, 95, 54), (80, 81, 73, 85), (90, 81, 12), (48, 50), .5, ("dance",), ("club", "groovy")),
    "techno": Genre((124, 150), M4, DARK, .25, 0, 2, (24, 25), ("techno drive", "techno ride", "techno broken"), (), (), 1,
        ("rolling", "offbeat"), ("stab", "offbeat", "pump"), (38, 39, 87), (81, 90, 62, 93, 55), (95, 92, 101, 94), (80, 81, 87, 84), (81, 80, 98), (50, 91), .7, ("dance",), ("hypnotic", "mechanical")),
    "synthwave": Genre((80, 125), M4, ("minor", "minor", "major", "dorian"), .1, 0, 2, (24, 16, 25), ("synthwave gated", "synthwave eighths"), (), (), 1,
        ("rolling", "eighths"), ("pump", "block", "sustain", "eighths"), (38, 39, 87), (90, 81, 62, 63, 5), (50, 89, 95, 91), (80, 81, 84, 86), (81, 90, 98), (50, 54), .75, ("song", "dance"), ("retro", "neon")),
    "lo-fi hip hop": Genre((64, 92), M43, COOL, .9, .6, 1, (0, 8, 25), ("boom bap", "lo-fi lazy", "lo-fi ghost"), SOFT3, (), .92,
        ("long", "roots", "808"), ("lazy", "block", "broken"), (33, 35, 32), (4, 5, 0, 26, 24, 11), (89, 92, 52), (11, 73, 26, 4, 108, 65), (46, 10), (49, 53), .15, ("loop", "song"), ("laid-back", "mellow")),
    "trap": Genre((65, 90), M4, DARK, .15, 0, 2, (25, 24), ("trap hats", "trap rolling"), (), (), 1,
        ("808",), ("block", "broken", "sustain", "stab"), (38, 39), (0, 10, 14, 46, 98, 24), (54, 91, 52, 94), (80, 75, 10, 14, 107), (10, 98, 11), (44, 48), .3, ("song", "loop", "dance"), ("moody", "sparse")),
    "jazz": Genre((90, 180), M43, ("major", "major", "minor", "dorian"), 1, .64, 2, (32, 40), ("jazz ride", "jazz brushes"), ("jazz waltz", "waltz brushes"), (), .92,
        ("walking", "walking", "long"), ("jazz", "lazy"), (32, 35), (0, 26, 4, 11, 17), (48, 89), (65, 66, 56, 59, 11, 64, 26, 57), (11,), (61, 60), .02, ("jazz",), ("swinging", "smoky")),
    "bossa nova": Genre((100, 150), M4, ("major", "major", "minor"), .95, 0, 2, (32, 40, 0), ("bossa", "bossa soft"), (), (), .9,
        ("bossa",), ("bossa",), (32, 35), (24, 0, 26, 4), (48, 89, 49), (73, 65, 24, 11, 59, 21), (46, 24), (49, 53), .1, ("jazz", "loop"), ("breezy", "gentle")),
    "funk": Genre((92, 124), M4, ("dorian", "mixolydian", "minor"), .8, .54, 1, (0, 8), ("funk sixteenths", "funk linear"), (), (), 1,
        ("funk",), ("funk", "stab"), (36, 37, 33), (28, 7, 27, 16, 4), (61, 16, 48), (56, 65, 61, 57, 7, 67), (7, 28), (61, 62), .15, ("song", "loop"), ("groovy", "tight")),
    "reggae": Genre((64, 96), M4, ("major", "minor", "mixolydian"), .2, .55, 1, (0, 8), ("reggae one drop", "reggae steppers"), (), (), 1,
        ("dub",), ("skank", "offbeat"), (33, 35), (28, 16, 0, 27, 17), (16, 17, 89), (57, 56, 22, 65, 17), (12, 28), (61,), .1, ("song", "loop"), ("sunny", "laid-back")),
    "folk": Genre((75, 135), ALL, ("major", "major", "dorian", "minor", "mixolydian"), .05, 0, 2, (0, 40), ("folk light", "folk stomp"), SOFT3, SOFT6, .45,
        ("two-beat", "long", "roots"), ("finger", "strum", "boom-chick"), (32, 33, 43), (24, 25, 105, 15, 21, 106), (21, 48, 20), (22, 73, 40, 110, 74, 78, 79), (46, 105, 25), (42, 40), .2, ("song", "loop"), ("rustic", "warm")),
    "country": Genre((90, 160), ALL, ("major", "major", "mixolydian"), .08, 0, 2, (0, 8, 40), ("country train", "country two-step"), ("waltz", "three light"), SOFT6, .92,
        ("two-beat", "roots"), ("boom-chick", "strum"), (33, 32), (25, 27, 3, 105), (48, 16), (110, 27, 22, 105, 40), (105, 25), (40,), .2, ("song",), ("twangy", "homely")),
    "blues": Genre((64, 125), M46, ("blues", "blues", "minor", "mixolydian"), .9, .66, 2, (0, 8, 40), ("blues shuffle", "blues slow"), (), ("six-eight shuffle", "six-eight ballad"), .95,
        ("shuffle", "walking"), ("jazz", "boom-chick", "lazy", "stab"), (33, 32), (16, 0, 27, 3, 26), (16, 61), (27, 29, 22, 66, 65, 56), (27,), (61,), .03, ("jazz", "loop"), ("gritty", "soulful")),
    "metal": Genre((100, 180), M46, DARK, 0, 0, 2, (16, 8), ("metal double kick", "metal gallop", "metal blast", "rock half-time"), (), ("six-eight heavy",), 1,
        ("gallop", "eighths"), ("gallop", "eighths", "block"), (34, 33), (30, 29), (48, 52, 19), (30, 29, 84, 81), (27, 30), (48, 52), .2, ("song",), ("heavy", "aggressive")),
    "ambient": Genre((60, 95), ALL, ("major", "lydian", "minor", "dorian", "lydian"), .4, 0, 2, (25, 48), ("ambient pulse",), ("three light",), ("six-eight ballad",), .25,
        ("long",), ("sustain", "broken", "block"), (38, 39, 43), (88, 92, 99, 89, 98, 0), (89, 91, 94, 95, 97, 102), (98, 14, 73, 77, 100, 79, 8), (98, 11, 46, 108), (49, 91, 54), .5, ("ambient",), ("floating", "spacious")),
    "classical": Genre((62, 150), ALL, ("major", "major", "minor", "harmonic minor"), .05, 0, 2, (48,), ("march",), ("march three",), ("six-eight epic",), .15,
        ("long", "roots"), ("broken", "block", "sustain"), (43, 42, 70), (0, 6, 46, 45, 48, 19), (48, 49), (40, 73, 68, 71, 41, 72), (46, 45, 6), (42, 60, 41, 68), .25, ("classical",), ("elegant", "chamber-like")),
    "cinematic": Genre((65, 140), ALL, ("minor", "minor", "harmonic minor", "phrygian", "lydian"), .05, 0, 2, (48, 16), ("epic pulse", "march"), ("march three",), ("six-eight epic",), .75,
        ("long", "roots"), ("sustain", "broken", "eighths", "block"), (43, 42, 39), (48, 44, 0, 46, 45), (52, 48, 91, 97), (60, 40, 56, 68, 69, 52), (45, 46, 98), (61, 60, 42), .45, ("cinematic",), ("epic", "sweeping")),
    "r&b": Genre((62, 105), ALL, COOL, .8, .56, 1, (25, 0, 24), ("r&b slow", "r&b snap"), SOFT3, ("six-eight ballad", "six-eight shuffle"), 1,
        ("roots", "808", "funk"), ("lazy", "block", "jazz"), (38, 33, 35), (4, 5, 0, 26), (89, 50, 53), (65, 64, 4, 85, 27), (11, 46), (49, 61, 53), .15, ("song",), ("smooth", "silky")),
    "disco": Genre((108, 128), M4, ("minor", "minor", "major", "dorian"), .5, 0, 2, (0, 8, 24), ("disco", "disco tom"), (), (), 1,
        ("disco",), ("funk", "stab", "offbeat"), (33, 36, 38), (28, 4, 0, 7, 27), (48, 50), (61, 73, 56, 40, 65), (28, 81), (48, 61, 44), .2, ("song", "dance"), ("glittering", "groovy")),
    "latin": Genre((90, 175), M46, ("minor", "major", "harmonic minor", "dorian"), .4, 0, 2, (0, 8), ("latin clave", "latin montuno"), (), ("six-eight bembe",), .98,
        ("tumbao", "bossa"), ("montuno",), (32, 33), (0, 24, 1, 21), (48, 61), (56, 73, 57, 21, 64), (12, 24), (61, 57), .1, ("song", "loop"), ("lively", "syncopated")),
    "ballad": Genre((60, 84), ALL, ("major", "major", "minor"), .3, 0, 2, (0, 40, 8), ("ballad", "ballad full"), ("three half-time", "three light"), ("six-eight ballad",), .7,
        ("long", "roots"), ("block", "broken", "sustain"), (33, 35, 32), (0, 4, 25, 24, 2), (48, 49, 89), (40, 73, 65, 68, 27), (46, 0), (42, 48, 52), .15, ("song",), ("tender", "slow-burning")),
    "drum and bass": Genre((160, 180), M4, DARK, .3, 0, 2, (24, 0), ("breakbeat", "jungle"), (), (), 1,
        ("long", "808", "rolling"), ("sustain", "stab", "block"), (38, 39, 87), (4, 90, 89, 81), (91, 95, 89), (80, 81, 73, 98), (98, 81), (50, 48), .4, ("dance",), ("fast", "restless")),
    "waltz": Genre((84, 178), ("3/4",), ("major", "major", "minor", "harmonic minor"), .1, 0, 2, (40, 48), ("waltz",), ("waltz", "waltz brushes"), (), .5,
        ("roots", "walking"), ("block", "broken"), (32, 43, 58), (0, 21, 6, 24, 45, 23), (48, 49), (40, 21, 71, 73, 68, 22, 10), (9, 46), (42, 41), .1, ("classical", "loop"), ("lilting", "graceful")),
    "celtic": Genre((84, 130), ("6/8", "4/4", "3/4"), ("dorian", "mixolydian", "major", "minor"), 0, 0, 2, (0, 40), ("folk light", "folk stomp"), SOFT3, ("jig",), .6,
        ("two-beat", "roots"), ("strum", "finger", "block"), (32, 43), (25, 46, 24, 15), (21, 20, 109), (110, 74, 78, 109, 72, 111, 75), (46, 15), (42,), .25, ("loop", "song"), ("traditional", "dancing")),
    "hip hop": Genre((80, 104), M4, COOL, .5, .57, 1, (0, 8, 25), ("hip hop break", "boom bap", "hip hop swing"), (), (), 1,
        ("roots", "808", "funk"), ("block", "stab", "lazy"), (33, 38, 35), (0, 4, 7, 48, 45, 16), (89, 50, 52), (73, 61, 11, 56, 104, 80), (46, 11), (48, 61), .15, ("loop", "song"), ("head-nodding", "streetwise")),
    "soul": Genre((70, 118), M46, ("major", "minor", "mixolydian", "dorian"), .65, .55, 1, (0, 8), ("soul backbeat", "soul four"), (), ("six-eight ballad", "six-eight shuffle"), 1,
        ("roots", "funk", "walking"), ("block", "stab", "lazy"), (33, 34), (0, 4, 16, 28), (48, 61, 16), (65, 66, 56, 57, 16), (46, 11), (61, 62, 48), .1, ("song",), ("heartfelt", "warm")),
    "gospel": Genre((66, 132), ALL, ("major", "major", "mixolydian"), .7, .6, 2, (0, 8), ("soul four", "gospel claps"), ("three half-time",), ("six-eight shuffle", "six-eight ballad"), .9,
        ("walking", "roots"), ("block", "jazz", "stab"), (33, 32), (0, 16, 18, 17), (52, 53, 16), (65, 16, 56, 17), (46, 0), (52, 53), .1, ("song",), ("uplifting", "fervent")),
    "punk": Genre((150, 180), M4, ("major", "major", "minor", "mixolydian"), 0, 0, 2, (0, 16), ("punk", "punk half", "rock driving"), (), (), 1,
        ("eighths", "roots"), ("eighths", "block"), (34, 33), (30, 29), (18, 16), (30, 29, 81, 27), (27, 30), (18, 48), .1, ("song",), ("raw", "reckless")),
    "indie": Genre((92, 150), ALL, ("major", "minor", "mixolydian", "lydian"), .2, 0, 2, (0, 8, 40), ("indie floor", "rock straight", "pop syncopated"), R3, R6, .95,
        ("eighths", "roots", "long"), ("eighths", "broken", "strum"), (33, 34), (27, 26, 0, 4, 90), (89, 50, 48, 16), (27, 80, 9, 73, 56, 11), (27, 12, 9), (48, 42, 60), .35, ("song", "loop"), ("jangly", "wistful")),
    "trance": Genre((130, 146), M4, ("minor", "minor", "dorian", "phrygian"), .2, 0, 2, (24, 25), ("trance", "four on the floor"), (), (), 1,
        ("offbeat", "rolling"), ("pump", "sustain", "offbeat"), (38, 39, 87), (90, 81, 50, 62), (89, 95, 50, 94), (81, 80, 84, 86), (81, 90, 98, 80), (50, 91), .9, ("dance",), ("euphoric", "soaring")),
    "dubstep": Genre((136, 146), M4, DARK, .1, 0, 2, (24, 25, 16), ("dubstep half-time", "dubstep broken"), (), (), 1,
        ("808", "long", "rolling"), ("stab", "sustain", "block"), (38, 39, 87), (81, 62, 93, 90), (91, 95, 101), (80, 81, 87, 84), (81, 98), (50, 48), .4, ("dance",), ("heavy", "sub-heavy")),
    "afrobeat": Genre((96, 126), M4, ("dorian", "minor", "mixolydian"), .6, 0, 2, (0, 8), ("afrobeat", "afrobeat bell"), (), (), 1,
        ("funk", "tumbao", "roots"), ("funk", "stab", "offbeat"), (33, 36), (28, 16, 4, 27), (16, 61), (65, 56, 66, 57, 73), (12, 28, 108), (61, 57), .25, ("loop", "song"), ("rolling", "interlocking")),
    "tango": Genre((108, 136), M4, ("minor", "harmonic minor", "harmonic minor", "major"), .2, 0, 2, (40, 48), ("tango",), (), (), .25,
        ("roots", "two-beat", "walking"), ("block", "eighths", "stab"), (32, 43), (0, 21, 23, 48), (48, 49), (23, 40, 21, 71, 68), (45, 46), (40, 42), .1, ("classical", "song"), ("passionate", "sharp")),
    "ska": Genre((122, 168), M4, ("major", "major", "minor", "mixolydian"), .25, 0, 2, (0, 8), ("ska", "ska steppers"), (), (), 1,
        ("walking", "eighths", "roots"), ("offbeat",), (33, 34), (28, 27, 16, 0), (16, 17), (56, 57, 65, 61), (12, 28), (61, 57), .1, ("song",), ("skanking", "cheeky")),
    "new age": Genre((60, 96), ALL, ("major", "lydian", "dorian", "minor"), .45, 0, 2, (48, 40), ("ambient pulse",), ("three light",), ("six-eight ballad",), .15,
        ("long",), ("broken", "sustain", "finger"), (32, 35, 43), (0, 46, 24, 8, 11, 10), (88, 91, 49, 52, 54), (73, 75, 77, 68, 79, 46, 53), (46, 98, 11), (49, 42, 53), .45, ("ambient", "loop"), ("healing", "airy")),
    "chiptune": Genre((110, 176), M43, ("major", "minor", "minor", "mixolydian"), .05, 0, 2, (25, 24), ("chip kick", "chip sixteenths"), ("rock three",), (), .95,
        ("eighths", "rolling", "disco"), ("pump", "broken", "eighths"), (38, 87), (80, 81, 6), (80, 90), (80, 81, 82, 84), (80, 81), (80, 90), .9, ("loop", "song"), ("8-bit", "bouncy")),
}  # fmt: skip
