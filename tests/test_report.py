import io
import sys

import pytest

from muze.report import LineReport, RichReport, SilentReport, left_words, open_report


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


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def test_what_was_done_before_does_not_tell_how_fast_it_goes(monkeypatch):
    monkeypatch.setattr("muze.report.time.monotonic", Clock())
    out = io.StringIO()
    advance = LineReport(out).task("training", 1000)
    advance(500)  # in no time: they were there
    for _ in range(250):
        advance(note="loss 0.51")
    assert out.getvalue().splitlines()[1:] == [
        "training: 500/1000, 1.0 s", "training: 750/1000, 251.0 s, 0:04:10 left, loss 0.51",
    ]  # fmt: skip


def test_a_note_stands_beside_the_bar_as_text(capsys):
    report = RichReport()
    advance = report.task("training", 9)
    advance(2, note="loss [red]0.51")
    report.close()
    assert "loss [red]0.51" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("done", "left", "seconds", "told"),
    [(1, 3, 2.0, "6 s left"), (10, 36_000, 1.0, "1:00:00 left"), (0, 5, 1.0, "5 s left")],
)
def test_the_time_left_is_told_in_seconds_or_hours(done, left, seconds, told):
    assert left_words(done, left, seconds) == told


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
