import pytest
import torch
from pydantic import ValidationError

from muze.model.planner import (
    NUM_DURATIONS,
    Given,
    PlannerSettings,
    PlanNetwork,
    Row,
    duration_number,
)

EVENTS, KINDS, TEXT = 20, 3, 6


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    settings = PlannerSettings(width=16, num_layers=2, num_heads=2)
    made = PlanNetwork(settings, EVENTS, KINDS, TEXT).eval()
    for weight in made.parameters():  # norms and biases too, so that nothing is a constant
        torch.nn.init.normal_(weight, std=0.3)
    return made


def given(count=2):
    generator = torch.Generator().manual_seed(1)
    return Given(
        torch.randn(count, TEXT, generator=generator),
        torch.tensor([True, False][:count]),
        torch.tensor([3, -1][:count]),
        torch.randint(EVENTS, (count, 2), generator=generator),
    )


def row(length=7, count=2):
    generator = torch.Generator().manual_seed(2)
    event, about = (torch.randint(EVENTS, (count, length), generator=generator) for _ in range(2))
    kind = torch.randint(KINDS, (count, length), generator=generator)
    place = torch.randint(100, (count, length), generator=generator)
    left = torch.randint(-1, 300, (count, length), generator=generator)
    return Row(event, kind, place, about, left)


def one(rows, at):
    return Row(*(getattr(rows, name)[:, at : at + 1] for name in Row.__dataclass_fields__))


def test_event_by_event_gives_what_a_whole_row_gives(network):
    whole = network(given(), row())
    past = network.begin(given())
    steps = [network.step(one(row(), at), past) for at in range(7)]
    torch.testing.assert_close(torch.stack(steps, 1), whole)


def test_later_events_change_nothing_before_them(network):
    changed = row()
    changed.event[:, 5:] = (changed.event[:, 5:] + 1) % EVENTS
    before, after = network(given(), row()), network(given(), changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_a_prompt_that_is_not_there_is_not_read(network):
    told, other = given(), given()
    other.text[:] += 1
    first, second = network(told, row()), network(other, row())
    assert not torch.allclose(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_lengths_are_told_apart_by_eighths_of_an_octave():
    assert [duration_number(s) for s in (1, 4, 4 * 2 ** (1 / 8), 8, 16)] == [0, 0, 1, 8, 16]
    assert duration_number(1e6) == NUM_DURATIONS - 1


def test_heads_that_do_not_divide_the_width_are_told():
    with pytest.raises(ValidationError, match="width is 10; it must be a multiple of num_heads"):
        PlannerSettings(width=10, num_heads=4)
