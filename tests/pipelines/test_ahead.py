import os
import signal
import threading

import pytest

from muze.pipelines.ahead import Ahead, heard_sigterm


@pytest.fixture
def ahead():
    """Draw squares of numbers ahead; note which were drawn, and in which thread."""
    made = []

    def ahead(first, end, fault_at=None):
        def draw(number):
            one.drawn.append((number, threading.current_thread()))
            if number == fault_at:
                raise ValueError("no such song")
            return number**2

        one = Ahead.__new__(Ahead)
        one.drawn = []
        one.__init__(draw, first, end)
        made.append(one)
        return one

    yield ahead
    for one in made:
        one.close()


def test_each_number_is_drawn_once_in_order_in_another_thread(ahead):
    squares = ahead(3, 8)
    assert [squares.next() for _ in range(5)] == [9, 16, 25, 36, 49]
    assert [number for number, _ in squares.drawn] == [3, 4, 5, 6, 7]
    assert threading.main_thread() not in [thread for _, thread in squares.drawn]


def test_one_is_drawn_ahead_and_no_more(ahead):
    squares = ahead(0, 9)
    squares.next()
    squares.rest()
    assert [number for number, _ in squares.drawn] == [0, 1]


def test_nothing_is_drawn_where_nothing_is_left(ahead):
    squares = ahead(4, 4)
    squares.rest()
    assert squares.drawn == []


def test_what_drawing_raises_is_raised_where_it_is_asked_for(ahead):
    squares = ahead(0, 9, fault_at=1)
    assert squares.next() == 0
    squares.rest()
    with pytest.raises(ValueError, match="no such song"):
        squares.next()


def test_sigterm_is_heard_and_then_as_before():
    before = signal.getsignal(signal.SIGTERM)
    with heard_sigterm() as told:
        assert not told.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.wait(5)
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_no_signal_is_touched():
    before, heard = signal.getsignal(signal.SIGTERM), []

    def work():
        with heard_sigterm() as told:
            heard.append((told.is_set(), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [(False, before)]
