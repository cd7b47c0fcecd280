import io
import sys

import pytest

from muze.report import LineReport, RichReport, SilentReport, open_report


def test_silence_tells_nothing(capsys):
    report = SilentReport()
    advance = report.task("sampling", 3)
    advance()
    advance(2)
    report.note("hello")
    assert capsys.readouterr() == ("", "")


def test_lines_tell_the_start_some_steps_and_the_end():
    out = io.StringIO()
    advance = LineReport(out).task("sampling", 50)
    for _ in range(50):
        advance()
    lines = out.getvalue().splitlines()
    assert lines[0] == "sampling: 50 steps"
    assert [line.split(",")[0] for line in lines[1:]] == [
        "sampling: 13/50", "sampling: 25/50", "sampling: 38/50", "sampling: 50/50",
    ]  # fmt: skip
    assert "left" in lines[1]
    assert "left" not in lines[-1]


def test_a_task_of_nothing_does_not_fail():
    out = io.StringIO()
    LineReport(out).task("nothing", 0)
    assert out.getvalue() == "nothing: 0 steps\n"


def test_bars_are_drawn_on_stderr_and_notes_above_them(capsys):
    report = RichReport()
    advance = report.task("sampling", 2)
    advance(2)
    report.note("a [note] with /brackets")
    report.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "sampling" in err
    assert "2/2" in err
    assert "a [note] with /brackets" in err


def test_a_bar_never_started_is_closed_quietly(capsys):
    RichReport().close()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("quiet", "terminal", "kind"),
    [(True, True, SilentReport), (False, True, RichReport), (False, False, LineReport)],
)
def test_the_report_suits_the_terminal(monkeypatch, quiet, terminal, kind):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with open_report(quiet) as report:
        assert type(report) is kind


def test_the_bar_is_closed_when_the_work_is_interrupted(monkeypatch):
    closed = []
    monkeypatch.setattr(LineReport, "close", lambda self: closed.append(True))
    with pytest.raises(KeyboardInterrupt), open_report():
        raise KeyboardInterrupt
    assert closed == [True]
