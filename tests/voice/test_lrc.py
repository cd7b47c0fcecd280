"""Words and their times, as players read them."""

import re

from muze.voice.lrc import clock, write_lrc
from muze.voice.sing import SungWord


def test_every_word_has_its_time_and_every_line_its_end():
    lines = [
        [SungWord("Drive", 12.0, 12.45), SungWord("until", 12.45, 13.1)],
        [SungWord("the", 61.005, 62.0)],
        [],
    ]
    assert write_lrc(lines, {"ti": "Night [Drive]", "tool": "muze"}) == (
        "[ti:Night Drive]\n[tool:muze]\n"
        "[00:12.00] <00:12.00> Drive <00:12.45> until <00:13.10>\n"
        "[01:01.00] <01:01.00> the <01:02.00>\n"
    )


def test_no_word_can_look_like_a_tag():
    text = write_lrc([[SungWord("[al:x]\n<00:01.00>", 1.0, 2.0)]], {})
    assert len(re.findall(r"<\d\d:\d\d\.\d\d>", text)) == 2
    assert text.count("\n") == 1


def test_hundredths_carry_into_minutes():
    assert [clock(s) for s in (0, 59.996, 3599.99, -1)] == [
        "00:00.00", "01:00.00", "59:59.99", "00:00.00"]  # fmt: skip
