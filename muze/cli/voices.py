"""``muze voices``: who can sing a song's words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from muze.core.registry import Registry
    from muze.voice.consent import Consent
    from muze.voice.registry import RegisteredVoice, VoiceRegistry

app = typer.Typer(
    no_args_is_help=True, help="List the voices that sing; register those of people who consent."
)

MANY = 4
"""Languages that a table names; of more it tells how many."""
ASKED = {
    "speaker": "Whose voice is it",
    "granted_by": "Who consents (the speaker, or who may for them)",
    "purpose": "What may the voice be used for",
    "granted_on": "Consent was given on (2026-03-31)",
    "valid_until": "It holds until (the last day)",
}
"""What is asked for a consent, and how."""

AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Folder = Annotated[
    Path | None,
    typer.Option("--voices", help="Folder of registered voices; else MUZE_VOICES, else the usual."),
]
Name = Annotated[str, typer.Argument(help="What the voice is called.")]


@app.command("list")
def list_voices(
    backend: Annotated[
        str | None, typer.Option("--backend", help="A voice backend, as `muze plugins list` says.")
    ] = None,
    voices: Folder = None,
    json: AsJson = False,
) -> None:
    """List the registered voices and those of every backend installed, or those of one backend."""
    from muze.core.errors import MuzeError
    from muze.core.registry import Registry

    registry = Registry()
    if backend is not None:
        found = [_rows(registry, backend)]
    else:
        found = [_registered_rows(_registry(voices))]
        for name in registry.names("voice"):
            try:
                found.append(_rows(registry, name))
            except MuzeError as fault:  # one that cannot be asked hides no other
                print(f"{name}: {fault}", file=sys.stderr)
    rows = [row for some in found for row in some]
    if json:
        _print_json(rows)
        return
    from rich.table import Table
    from rich.text import Text

    from muze.cli.tables import console

    table = Table("backend", "voice", "languages", box=None, pad_edge=False)
    for row in rows:
        if row["backend"] is None:
            table.add_row(Text("registered"), Text(row["voice"]), Text(row["consent"]))
            continue
        spoken = row["languages"]
        few = ", ".join(spoken[:MANY]) + (f" and {len(spoken) - MANY} more" * (len(spoken) > MANY))
        table.add_row(Text(row["backend"]), Text(row["voice"]), Text(few))
    console(to_stderr=False).print(table)


@app.command("add")
def add(
    name: Name,
    recordings: Annotated[
        list[Path], typer.Argument(help="Recordings of the speaker, or a folder of them.")
    ],
    consent: Annotated[
        Path | None,
        typer.Option("--consent", help="The speaker's consent in YAML; at a terminal it is asked."),
    ] = None,
    voices: Folder = None,
    json: AsJson = False,
) -> None:
    """Register a voice, with its speaker's consent; its folder goes to stdout."""
    from muze.core.registry import Registry
    from muze.report import open_report
    from muze.voice.consent import asked_consent, read_consent
    from muze.voice.registering import register_voice

    def consented(references: list[Path]) -> Consent:
        if consent is not None:
            return read_consent(consent, references)
        told = {key: typer.prompt(question, err=True) for key, question in ASKED.items()}
        return asked_consent(told, references)

    if consent is None and not _asks():
        keys = ", ".join([*ASKED, "reference_sha256"])
        raise typer.BadParameter(f"give --consent, a YAML file with {keys}; see docs/voices.md")
    with open_report() as report:
        voice, quality = register_voice(
            name, recordings, consented, Registry(), _registry(voices), report
        )
    for told in quality.warnings:
        print(f"warning: the recording {told}", file=sys.stderr)
    if json:
        _print_json(_info(voice))
    else:
        print(voice.folder)


@app.command("info")
def info(name: Name, voices: Folder = None, json: AsJson = False) -> None:
    """Tell what is known of a registered voice: its recordings, its consent, what keeps it."""
    told = _info(_registry(voices).find(name))
    if json:
        _print_json(told)
        return
    for key, value in told.items():
        for number, text in enumerate(value if isinstance(value, list) else [value]):
            print(f"{key if number == 0 else '':<12}{text}")


@app.command("remove")
def remove(
    name: Name,
    voices: Folder = None,
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Leave what services keep of it as it is.")
    ] = False,
) -> None:
    """Remove a registered voice, and all that was made of it; what is gone goes to stdout."""
    from muze.core.registry import Registry
    from muze.voice.registering import remove_voice

    removed = remove_voice(name, Registry(), _registry(voices), local_only)
    for told in (*removed.clones, *removed.files):
        print(told)
    for told in removed.left:
        print(f"still kept by {told}", file=sys.stderr)


@app.command("extract")
def extract(
    song: Annotated[Path, typer.Argument(help="A song with a voice in it.")],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", help="Folder for vocal.wav, music.wav, quality.json.")
    ],
    separator: Annotated[
        str, typer.Option("--separator", help="Who takes it apart; auto is the best there is.")
    ] = "auto",
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or mps.")] = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Write over files there.")] = False,
    json: AsJson = False,
) -> None:
    """Take the voice out of a song, and tell what it is worth as a reference."""
    from muze.core.registry import Registry
    from muze.pipelines.extract_voice import extract_voice
    from muze.report import open_report

    with open_report() as report:
        done = extract_voice(song, output_dir, Registry(), report, separator, device, force)
    weak = "" if done.trained else "; consonants stay in the music, and leads may count as voice"
    print(f"separated by {done.separator}{weak}", file=sys.stderr)
    for told in (*done.quality.errors, *done.quality.warnings):
        print(f"warning: the voice {told}", file=sys.stderr)
    if json:
        paths = {"vocal": str(done.vocal), "music": str(done.music), "report": str(done.report)}
        _print_json({**paths, "separator": done.separator, "quality": done.quality.to_json()})
    else:
        print(done.vocal)
        print(done.music)


def _asks() -> bool:
    """Whether there is somebody to be asked."""
    return sys.stdin.isatty()


def _registry(folder: Path | None) -> VoiceRegistry:
    from muze.voice.registry import VoiceRegistry

    return VoiceRegistry(folder)


def _rows(registry: Registry, name: str) -> list[dict[str, Any]]:  # Any: JSON
    """Return the voices of a backend, with its default settings."""
    cls = registry.get("voice", name)
    with registry.blame(name, "list its voices"):
        backend = cls(cls.Config())
        return [
            {"backend": name, "voice": voice, "languages": list(backend.languages(voice))}
            for voice in backend.voices()
        ]


def _registered_rows(voices: VoiceRegistry) -> list[dict[str, Any]]:  # Any: JSON
    return [
        {"backend": None, "voice": name, "languages": [], "consent": _consent_told(voices, name)}
        for name in voices.names()
    ]


def _consent_told(voices: VoiceRegistry, name: str) -> str:
    from muze.core.errors import MuzeError
    from muze.voice.consent import all_lines

    try:
        return f"consent until {voices.find(name).consent().valid_until}"
    except MuzeError as fault:
        return f"may not be used: {all_lines(fault)}"


def _info(voice: RegisteredVoice) -> dict[str, Any]:  # Any: JSON
    from muze.core.errors import MuzeError
    from muze.voice.consent import all_lines

    card = voice.card
    told: dict[str, Any] = {"voice": voice.name, "folder": str(voice.folder)}
    told["added"] = str(card.added)
    told["recordings"] = [f"{name} sha256:{found}" for name, found in card.references.items()]
    try:
        consent = voice.consent()
        told |= {
            "speaker": consent.speaker, "granted by": consent.granted_by,
            "purpose": consent.purpose, "granted on": str(consent.granted_on),
            "valid until": str(consent.valid_until), "consent": consent.id,
        }  # fmt: skip
    except MuzeError as fault:
        told["consent"] = f"may not be used: {all_lines(fault)}"
    told["quality"] = [f"{key} {value}" for key, value in card.quality.items() if value]
    told["embedding"] = "by Resemblyzer" if voice.embedding() is not None else "none"
    told["kept by"] = [f"{backend}: {made}" for backend, made in card.clones.items()] or "nobody"
    return told


def _print_json(told: Any) -> None:  # Any: JSON
    import json as json_format

    print(json_format.dumps(told, indent=2, ensure_ascii=False))
