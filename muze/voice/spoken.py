"""Speech laid beside the syllables it says: which stretch of sound is which sound of which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from muze.analysis.phonemes import Phone, read_ipa
from muze.core.errors import PluginError
from muze.core.voices import PhoneSpan
from muze.voice.syllables import SungLine

UNLIKE, OTHER_KIND, GAP = 0.6, 3.0, 1.0
"""Costs of matching another vowel or consonant, a vowel with a consonant, and of leaving one out.

Voices read words a little otherwise than dictionaries: a matched sound that differs is cheap.
"""
VOICELESS = {
    "p", "t", "ʈ", "c", "k", "q", "ʔ", "ɸ", "f", "θ", "s", "ʃ", "ʂ", "ç", "x", "χ", "ħ", "h", "ɬ",
    "ɕ", "ɧ", "t͡s", "t͡ʃ", "t͡ɕ", "ʈ͡ʂ", "p͡f", "ʍ", "pʲ", "tʲ", "kʲ", "fʲ", "sʲ", "xʲ",
}  # fmt: skip
"""Sounds without a pitch; of all others a singer's voice is heard."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the speech, in seconds, and whether it has a pitch."""

    start: float
    end: float
    voiced: bool

    @property
    def length(self) -> float:
        """Seconds it lasts."""
        return self.end - self.start


@dataclass(frozen=True)
class SpokenSyllable:
    """The speech of one syllable: what comes before its vowel, the vowel, and what comes after."""

    onset: tuple[Piece, ...]
    vowel: Piece
    coda: tuple[Piece, ...]
    glides: bool
    """Whether the vowel is two, as in ``light``."""


def divide(line: SungLine, spans: Sequence[PhoneSpan]) -> list[SpokenSyllable]:
    """Return the speech of each syllable of a line.

    A vowel the voice says more is part of its neighbour's; one that it leaves out shares the
    speech of the one before it.

    Raises:
        PluginError: the voice says none of the line's vowels.
    """
    said = [(read_ipa(span.phone, tied=False)[0], span) for span in spans]
    wanted = [
        (phone, index, at == syllable.nucleus)
        for index, syllable in enumerate(line.syllables)
        for at, phone in enumerate(syllable.phones)
    ]
    pairs = align([phone for phone, _, _ in wanted], [phone for phone, _ in said])
    nuclei: dict[int, list[int]] = {}
    owner: dict[int, int] = {}
    for want, got in pairs:
        if want is None or got is None:
            continue
        _, syllable, nucleus = wanted[want]
        owner[got] = syllable
        if nucleus:
            nuclei.setdefault(syllable, []).append(got)
    if not nuclei:
        raise PluginError(f"the voice's sounds for {line.text[:40]!r} are not those of its words")
    _own_extras(said, nuclei, owner)
    return _cut(line, said, nuclei, owner)


def align(wanted: Sequence[Phone], got: Sequence[Phone]) -> list[tuple[int | None, int | None]]:
    """Return pairs of places in two rows of sounds; None beside one that the other row lacks.

    (Needleman & Wunsch 1970.)
    """
    rows, columns = len(wanted) + 1, len(got) + 1
    cost = [[GAP * (i + j) for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            match = cost[i - 1][j - 1] + _unlike(wanted[i - 1], got[j - 1])
            cost[i][j] = min(match, cost[i - 1][j] + GAP, cost[i][j - 1] + GAP)
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(wanted), len(got)
    while i or j:
        here = cost[i][j]
        if i and j and here == cost[i - 1][j - 1] + _unlike(wanted[i - 1], got[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and here == cost[i - 1][j] + GAP:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _unlike(first: Phone, second: Phone) -> float:
    if first.symbol == second.symbol:
        return 0.0
    return UNLIKE if first.sung == second.sung else OTHER_KIND


def _own_extras(
    said: Sequence[tuple[Phone, PhoneSpan]], nuclei: dict[int, list[int]], owner: dict[int, int]
) -> None:
    """Give sounds that no dictionary told to the syllable before them, or after the first."""
    for at, (phone, _) in enumerate(said):
        if at in owner:
            continue
        near = owner.get(at - 1)
        if near is None:
            near = next((owner[later] for later in range(at, len(said)) if later in owner), 0)
        owner[at] = near
        if phone.sung and near in nuclei:
            nuclei[near].append(at)


def _cut(
    line: SungLine,
    said: Sequence[tuple[Phone, PhoneSpan]],
    nuclei: dict[int, list[int]],
    owner: dict[int, int],
) -> list[SpokenSyllable]:
    out: list[SpokenSyllable] = []
    for index, syllable in enumerate(line.syllables):
        own = [at for at in sorted(owner) if owner[at] == index]
        if index not in nuclei:  # left out by the voice: it shares a neighbour's vowel
            shared = nuclei[_nearest(nuclei, index)]
            first = last = shared[-1]
        else:
            first, last = min(nuclei[index]), max(nuclei[index])
        vowel = Piece(said[first][1].start, said[last][1].end, True)
        pieces = {at: _piece(*said[at]) for at in own if not first <= at <= last}
        symbol = syllable.phones[syllable.nucleus].symbol
        out.append(
            SpokenSyllable(
                tuple(pieces[at] for at in pieces if at < first),
                vowel,
                tuple(pieces[at] for at in pieces if at > last),
                first != last or (len(symbol) == 2 and symbol[1] in "ɪʊʏ"),
            )
        )
    return out


def _nearest(places: Iterable[int], to: int) -> int:
    return min(places, key=lambda place: abs(place - to))


def _piece(phone: Phone, span: PhoneSpan) -> Piece:
    return Piece(span.start, span.end, phone.symbol not in VOICELESS)
