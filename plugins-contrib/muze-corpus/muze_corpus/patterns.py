"""Drum, bass, comping and arpeggio patterns: one character per sixteenth of a bar."""

from __future__ import annotations

# Drums: X accent, x hit, o soft, g ghost, . rest. 16 characters for 4/4, 12 for 3/4 and 6/8.
K, S, R, C, H, P, OH, RI, BE, CR = 36, 38, 37, 39, 42, 44, 46, 51, 53, 49
TAMB, COW, SHAKE, CABASA, CONGA, CONGA_LOW, CLAVE, TOM, TOM_LOW, BONGO, GUIRO = (
    54, 56, 70, 69, 63, 64, 75, 47, 45, 60, 73)  # fmt: skip

DRUMS: dict[str, dict[int, str]] = {
    # 4/4
    "rock straight": {K: "X.......X.x.....", S: "....X.......X...", H: "x.o.x.o.x.o.x.o."},
    "rock driving": {K: "X.x...x.X.x.....", S: "....X.......X...", OH: "x.x.x.x.x.x.x.x."},
    "rock half-time": {K: "X.....x...x.....", S: "........X.......", RI: "x...x...x...x..."},
    "pop backbeat": {K: "X.....x.x.......", S: "....X.......X...", H: "x.o.x.o.x.o.x.oo"},
    "pop stomp": {K: "X...x...X...x...", C: "....X.......X...", TAMB: "..o...o...o...o."},
    "pop syncopated": {K: "X..x..x...x..x..", S: "....X.......X...", H: "xxoxxxoxxxoxxxox"},
    "four on the floor": {K: "X...X...X...X...", C: "....x.......x...", OH: "..o...o...o...o."},
    "house shuffle": {K: "X...X...X...X...", C: "....X.......X..o", H: "oox.oox.oox.oox.", SHAKE: "oooooooooooooooo"},
    "deep house": {K: "X...X...X...X...", R: "...o..o....o..o.", OH: "..o...o...o...o.", H: "x...x...x...x..."},
    "techno drive": {K: "X...X...X...X...", H: "..o...o...o...o.", TOM_LOW: "...o..o...o..o..", C: "....o.......o..."},
    "techno ride": {K: "X...X...X...X..o", RI: "..o...o...o...o.", H: "oooooooooooooooo"},
    "techno broken": {K: "X..x....X.x.....", C: "....X.......X...", H: "x.xxx.xxx.xxx.xx"},
    "synthwave gated": {K: "X...X...X...X...", S: "....X.......X...", H: "o.x.o.x.o.x.o.x."},
    "synthwave eighths": {K: "X.....x.X.......", S: "....X.......X...", H: "x.x.x.x.x.x.x.x.", TOM: "..............o."},
    "boom bap": {K: "X......x..x.....", S: "....X.......X...", H: "x.o.x.o.x.o.x.o."},
    "lo-fi lazy": {K: "x.......x.o.....", R: "....x.......x...", H: "o.o.o.o.o.o.o.oo"},
    "lo-fi ghost": {K: "x..o......x..o..", S: "....x..g.g..x...", H: "o.o.o.o.o.o.o.o."},
    "trap hats": {K: "X.....x...x.....", C: "........X.......", H: "x.x.xxx.x.xxx.xx"},
    "trap rolling": {K: "X......x..x..x..", S: "........X.......", H: "xxoxxxoxxxxxxxox", OH: "......x........."},
    "jazz ride": {RI: "x...x.x.x...x.x.", P: "....x.......x...", K: "g...g...g...g...", S: "......g.......g."},
    "jazz brushes": {S: "x.g.x.g.x.g.x.g.", RI: "o...o.o.o...o.o.", P: "....x.......x..."},
    "bossa": {K: "x..xx..xx..xx..x", R: "x..x..x...x..x..", H: "oooooooooooooooo"},
    "bossa soft": {K: "o..oo..oo..oo..o", CLAVE: "x..x..x...x..x..", SHAKE: "o.o.o.o.o.o.o.o."},
    "funk sixteenths": {K: "X..x..x...x..x..", S: "....X..g.g..X..g", H: "xoxoxoxoxoxoxoxo"},
    "funk linear": {K: "X.x...x..x......", S: "....X..g....X.g.", H: ".o.x.x..x.x.x.ox"},
    "reggae one drop": {K: "........X.......", R: "........X.......", H: "x.o.x.o.x.o.x.o."},
    "reggae steppers": {K: "X...X...X...X...", R: "...x..x....x..x.", H: "o.x.o.x.o.x.o.x."},
    "folk light": {K: "x.......x.......", TAMB: "....x.......x...", SHAKE: "o.o.o.o.o.o.o.o."},
    "folk stomp": {K: "X.......X...x...", S: "....o.......o..g", SHAKE: "o.ooo.ooo.ooo.oo"},
    "country train": {K: "x...x...x...x...", S: "g.xgg.xgg.xgg.xg", H: "..o...o...o...o."},
    "country two-step": {K: "X.......X.......", S: "....x.......x...", H: "x.o.x.o.x.o.x.o."},
    "blues shuffle": {K: "X.......X.....o.", S: "....X.......X...", RI: "x..xx..xx..xx..x"},
    "blues slow": {K: "x.....o.x.......", S: "....x.......x...", H: "x.o.x.o.x.o.x.o."},
    "metal double kick": {K: "XxxxXxxxXxxxXxxx", S: "....X.......X...", CR: "x...x...x...x..."},
    "metal gallop": {K: "X.xxX.xxX.xxX.xx", S: "....X.......X...", OH: "x...x...x...x..."},
    "metal blast": {K: "X.X.X.X.X.X.X.X.", S: ".x.x.x.x.x.x.x.x", RI: "x.x.x.x.x.x.x.x."},
    "disco": {K: "X...X...X...X...", S: "....X.......X...", OH: "..o...o...o...o.", H: "x...x...x...x...", TAMB: "oooooooooooooooo"},
    "disco tom": {K: "X...X...X...X...", C: "....X.......X...", H: "xox.xox.xox.xox.", TOM: "..............xo"},
    "latin clave": {K: "x.....x.x.....x.", CLAVE: "x..x..x...x.x...", CONGA: "..o.x.oo..o.x.oo", COW: "x...o...x...o..."},
    "latin montuno": {K: "x.....x.....x...", CONGA: "..x...oo..x...oo", CONGA_LOW: "......xx......xx", GUIRO: "x.oox.oox.oox.oo"},
    "r&b slow": {K: "X.....x....x....", S: "....X.......X...", H: "xox.xoxxxox.xoxx"},
    "r&b snap": {K: "X......x..x.....", C: "....X.......X...", H: "o.o.o.o.o.o.ooo.", R: "..........o....."},
    "ballad": {K: "x.......x.x.....", R: "....x.......x...", H: "o.o.o.o.o.o.o.o."},
    "ballad full": {K: "X.......X.x.....", S: "....X.......X...", RI: "x.o.x.o.x.o.x.o."},
    "breakbeat": {K: "X.x.......x.....", S: "....X..g.g..X..g", H: "x.x.x.x.x.x.x.x."},
    "jungle": {K: "X.x.......xx....", S: "....X..g.gX..X.g", RI: "x.x.x.x.x.x.x.x."},
    "march": {K: "X...o...X...o...", S: "..x.o.xxo.x.oxxx"},
    "epic pulse": {K: "X.....x.X.....x.", S: "o.oox.oox.ooxxox"},
    "ambient pulse": {K: "x...............", SHAKE: "..o...o...o...o."},
    # 3/4
    "waltz": {K: "X...........", S: "....o...o...", H: "....x...x..."},
    "waltz brushes": {K: "x...........", S: "g.g.x.g.x.g.", RI: "o...o...o..."},
    "jazz waltz": {RI: "x...x.x.x...", P: "....x.......", K: "o.....o.....", S: "......g...g."},
    "rock three": {K: "X.....x.....", S: "....x...X...", H: "x.o.x.o.x.o."},
    "three half-time": {K: "X.......x...", S: "........X...", RI: "x...x...x..."},
    "three light": {K: "x...........", SHAKE: "o.o.o.o.o.o.", TAMB: "....o...o..."},
    "march three": {K: "X...o...o...", S: "..o.x.o.x.oo"},
    # 6/8
    "six-eight rock": {K: "X.........x.", S: "......X.....", H: "x.o.o.x.o.o."},
    "six-eight ballad": {K: "x.......o...", R: "......x.....", RI: "x.o.o.x.o.o."},
    "six-eight shuffle": {K: "X...x.....x.", S: "......X...g.", H: "x...x.x...x."},
    "jig": {K: "x.....x.....", TAMB: "x.o.x.x.o.x.", S: "....g.....g."},
    "six-eight heavy": {K: "X.x.x.X.x.x.", S: "......X.....", CR: "x.....x....."},
    "six-eight bembe": {K: "x.....x.....", COW: "x.x.xx.x.x.x", CONGA: "..o.x...o.x."},
    "six-eight epic": {K: "X.....o.x...", S: "o.o.x.o.o.xx"},
}  # fmt: skip

FILLS: dict[int, list[dict[int, str]]] = {
    16: [{S: "........x.x.xxxx"}, {S: "........xx......", 50: "..........xx....", TOM: "............xx..", 41: "..............xx"},
         {S: "............xxxx"}, {S: "............x.x.", 50: "..........x.....", TOM_LOW: "..............xX"}, {S: "....oooooxxxxXXX"},
         {K: "............x.x.", S: ".............x.X"}],
    12: [{S: "......x.xxxx"}, {S: "......xx....", 50: "........xx..", TOM_LOW: "..........xx"}, {S: "........x.xx"},
         {S: "......x.x.X."}],
}  # fmt: skip

# Bass: R root (or slash note), 3, 5, 7, 8 octave, w any chord tone, a a semitone to the next root.
BASS: dict[int, dict[str, tuple[str, ...]]] = {
    16: {
        "roots": ("R---R---R---R---", "R-.R--R-R-.R--R-", "R-------R---R---", "R-R-R-R-R-R-R-R-"),
        "long": ("R---------------", "R-------5-------", "R---------R-----"),
        "offbeat": ("..R-..R-..R-..R-", "R.R-..R-..R-..8-", "..RR..RR..RR..R8"),
        "rolling": ("RRR8RR8RRRR8RR8R", "R.RRR.RRR.RRR.R8", "R-8-R-8-R-8-R-8-"),
        "eighths": ("R.R.R.R.R.R.R.R.", "R-R-R-R-R-R-5-8-", "R.R.R.R.R.R.R.a."),
        "walking": ("R---w---w---a---", "R---3---5---a---", "R---w---5---a---", "8---w---w---a---"),
        "bossa": ("R--.5---5--.R---", "R-----5-5-----R-", "R--R5---R--R5---"),
        "funk": ("R..R..8.R...5.7.", "R.R...8..R.R..a.", "R--.R.8.....5R.a", "R..8..R...75.R.."),
        "dub": ("R---..R-5---....", "....R-R-..5-R---", "R--R--5-..R-....", "R-..R-..3-..5-.."),
        "two-beat": ("R---....5---....", "R---....5---..a-", "R-..5-..R-..5-.."),
        "shuffle": ("R--RR--R5--55--5", "R---3---5---7---", "R--83--R5--8a--5", "R---R---5---5---"),
        "808": ("R-------......R-", "R-----R---......", "R------R..R-..a-"),
        "disco": ("R-8-R-8-R-8-R-8-", "R.8.R.8.R.8R8.a.", "R--8R--8R-8-5-8-"),
        "tumbao": ("......5-....8---", "R-----5-....8---", "R.....5-....R.a-"),
        "gallop": ("R.RRR.RRR.RRR.RR", "RRRRRRRRRRRRRRRR", "R-----RRR-----RR"),
    },
    12: {  # 3/4
        "roots": ("R-----------", "R-------5---", "R---5---8---", "R---R---R---"),
        "walking": ("R---w---a---", "R---3---5---", "R-------a---"),
        "long": ("R-----------",),
    },
    6: {  # 6/8, twelve characters too
        "roots": ("R---------R-", "R-----5-----", "R-.R-.R-..5-", "R-R-R-R-R-R-"),
        "walking": ("R---5-8---5-", "R---w-w---a-"),
        "long": ("R-----------", "R-----R-----"),
    },
}  # fmt: skip

# Comping: # whole chord, u upper voices, b low root, p root and fifth, 1-6 single voices, - hold.
COMP: dict[int, dict[str, tuple[str, ...]]] = {
    16: {
        "block": ("#-------#-------", "#---#---#---#---", "#---------#-----", "#---------------"),
        "eighths": ("#-#-#-#-#-#-#-#-", "#-#-#-#-#.#-#-#.", "#.#.#.#.#.#.#.#."),
        "strum": ("#---#-##-##-#-##", "#---#-#-..#-#-#-", "#-..#-##..##-.##", "#-----#-#---#-#-", "b-..#-..b-..#-##"),
        "offbeat": ("..#-..#-..#-..#-", "..#.#.#...#.#.#.", "..##..##..##..##"),
        "stab": ("#..#..#...#..#..", "#..#....#.#.....", "..#..#....#..#..", "#.....#.....#..."),
        "skank": ("....#.......#...", "....##......##..", "..#...#...#...#."),
        "funk": ("#..#.#..#..#.#..", "..##..#...##..#.", "#.#.....#.#..##.", ".#.#..#..#.#..#."),
        "jazz": ("#--..-#---..#---", "......#-......#-", "#-....#-....#---", "#-----#-....#---", "..#-......#-...."),
        "bossa": ("#-.#-.#-..#-.#-.", "b-.#--#-b-#-.#--", "#--#--#---#--#--"),
        "broken": ("1-3-2-3-1-3-2-3-", "1-2-3-4-3-2-3-2-", "b-2-3-4-b-4-3-2-", "1-2-3-4-5-4-3-2-"),
        "finger": ("b-3-2-4-b-3-2-4-", "b.4.3.2.b.4.3.4.", "b-234-3-b-234-3-"),
        "boom-chick": ("b-..#-..b-..#-..", "b-..u-u-b-..u-u-", "b-#-b-#-b-#-b-#-"),
        "montuno": ("#.#..#.##.#..#.#", "b.#..#.#..#.b.#.", "#..#.#..#.#.#.#."),
        "sustain": ("#---------------", "#-----------#---", "#-------#-------"),
        "gallop": ("#---p.ppp.ppp.pp", "#-------p.ppp.pp", "p.pp#---p.pp#---", "#-p.#-p.#-p.#-p."),
        "lazy": ("#------#-.......", "#-----..#---..#-", "#---------##-...", ".#-----...#-----"),
        "pump": (".-##.-##.-##.-##", "..##..##..##..##", "..#-..#-..#-..#-"),
    },
    12: {
        "block": ("#-----------", "#---#---#---", "b-..#-..#-..", "b---u---u---", "#-----#-#---"),
        "broken": ("1-2-3-4-3-2-", "b-2-3-4-3-2-", "b-3-2-3-4-3-"),
        "jazz": ("......#-....", "#-----#-....", "#---..#-..#-"),
        "sustain": ("#-----------",),
    },
    6: {
        "block": ("#-----#-----", "#---#-#---#-", "b-#-#-b-#-#-", "#-----------", "#-##-##-##-#"),
        "broken": ("1-2-3-4-3-2-", "b-2-3-b-3-4-", "b-3-4-5-4-3-"),
        "jazz": ("#---..#---#-", "....#-....#-"),
        "sustain": ("#-----------",),
    },
}  # fmt: skip

ARPS: dict[int, tuple[str, ...]] = {
    16: ("1234123412341234", "1-2-3-4-5-4-3-2-", "4321432143214321", "1.3.2.4.1.3.2.4.", "1..2..3..4..3.2.", "1353135313531353",
         "1-3-5-3-1-3-5-3-", "5.43.21.5.43.21.", "1324354613243546", "1---2---3---4---"),
    12: ("1-2-3-4-3-2-", "123432123432", "1-3-2-4-3-5-", "4-3-2-1-2-3-", "1..2..3..4.."),
}  # fmt: skip
