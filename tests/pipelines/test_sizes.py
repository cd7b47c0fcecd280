"""The specification's two tables of sizes, counted without allocating a weight."""

import json

import pytest
from typer.testing import CliRunner

from muze.cli import app
from muze.pipelines.sizes import autoencoder_sizes, model_sizes


@pytest.mark.parametrize(
    "size", [*autoencoder_sizes(), *model_sizes()], ids=lambda size: f"{size.preset} {size.network}"
)
def test_a_network_has_the_size_it_should(size):
    assert size.counted == pytest.approx(size.wanted, rel=0.05)
    assert abs(size.off) < 0.05


def test_the_tables_are_printed():
    done = CliRunner().invoke(app, ["models", "sizes"])
    assert done.exit_code == 0
    assert "889M" in done.stdout
    tables = json.loads(CliRunner().invoke(app, ["models", "sizes", "--json"]).stdout)
    assert [len(tables[name]) for name in ("autoencoders", "models")] == [6, 10]
    assert tables["models"][-1]["wanted"] == 6100
