"""The card of a model, README.md: what it is and knows, as its ``muze.json`` tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Header = Mapping[str, Any]  # Any: JSON of muze.json


def model_card(name: str, header: Header) -> str:
    """Return the card in Markdown, headed by what a hub reads of it."""
    return "\n\n".join(part for part in _parts(name, header) if part) + "\n"


def _parts(name: str, header: Header) -> Iterator[str]:
    yield _front(header)
    yield f"# {name}"
    yield "A model of muze: words and a plan to music, by latent diffusion."
    yield _table(
        ("part", "weights", "trained for"), [_part(*one) for one in header["parts"].items()]
    )
    yield "## What it was trained on"
    yield from _data(header)
    yield "## What a song can say to it"
    yield from _streams(header)
    yield "## How well it follows"
    yield from _evaluation(header.get("evaluation", {}))
    yield "## How to use it"
    yield f'```\nmuze generate "words for the sound" --model {name}\n```'
    yield "## Limits"
    yield from _limits(header)
    yield "## Licence"
    yield f"{header['licence']}."


def _front(header: Header) -> str:
    told = {"license": header["licence"].lower(), "library_name": "muze",
            "tags": ["music", "text-to-music", "muze"]}  # fmt: skip
    base = header.get("base") or {}
    if base.get("model", "").count("/") == 1:  # the hub knows nothing of installed models
        told["base_model"] = base["model"]
    return "\n".join(
        ["---", *(f"{key}: {json.dumps(value)}" for key, value in told.items()), "---"]
    )


def _part(part: str, about: Header) -> tuple[str, str, str]:
    size = about.get("parameters", 0)
    weights = f"{size / 1e6:.1f} M" if size else "not told"
    if "lora" in about:
        weights += f", of which LoRA of rank {about['lora']['rank']} was trained"
    training = about.get("training", {})
    heard = f", {training['hours_heard']} hours heard" if "hours_heard" in training else ""
    steps = f"{training['steps']} steps{heard}" if "steps" in training else "not told"
    return f"{part} {about['name']}" if about.get("name") else part, weights, steps


def _data(header: Header) -> Iterator[str]:
    if header.get("data"):
        yield header["data"]
    told = [
        f"- {part}: {data['tracks']} tracks, {data['hours']:g} hours ({data['dataset']})"
        for part, about in header["parts"].items()
        if isinstance(data := about.get("data"), Mapping)
    ]
    if told:
        yield "\n".join(told)
    if base := header.get("base") or header.get("made_of"):
        yield f"It was fine-tuned from {base['model']}; what that was trained on, its card tells."
    if not told and not header.get("data"):
        yield "Its header does not tell."


def _streams(header: Header) -> Iterator[str]:
    about = header["parts"].get("denoiser", {})
    streams = about.get("streams", {})
    if not streams:
        yield "Nothing: it has no denoiser."
        return
    rows = []
    for name, told in streams.items():
        unseen = told.get("unseen")
        missing = sum(len(found) for found in (unseen or {}).values())
        met = f"all but {missing} of its values" if missing else "all of its values"
        met = "never told" if unseen is None else met
        rows.append((name, str(told["feature_version"]), met))
    yield _table(("stream", "version of its features", "in training"), rows)


def _evaluation(found: Header) -> Iterator[str]:
    told, dropped = found.get("told", {}), found.get("dropped", {})
    if not told:
        yield "Not measured. `python -m benchmarks.control --model FOLDER --write-evaluation` does."
        return
    render = found.get("render", {})
    yield (
        f"{render.get('manifests', 'Some')} held-out manifests, rendered by "
        f"{render.get('sampler', 'a sampler')} in {render.get('steps', 'some')} steps: told all "
        "they say, and told their words alone."
    )
    rows = [(name, f"{value:.3f}", f"{dropped[name]:.3f}" if name in dropped else "-")
            for name, value in told.items()]  # fmt: skip
    yield _table(("figure", "told", "words alone"), rows)


def _limits(header: Header) -> Iterator[str]:
    own = header["parts"].get("vocoder", {}).get("name")
    heard = header.get("vocoder") or own or "griffin_lim"
    weights = "" if own == heard else ", which has no weights of its own here"
    lines = [f"- It is heard through the vocoder {heard}{weights}."]
    lines.append("- It knows what its training songs had; what it never met, muze refuses by name.")
    if header.get("base"):
        lines.append(
            f"- It needs {header['base']['model']} beside it, in exactly the weights it was "
            "fine-tuned from."
        )
    yield "\n".join(lines)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
