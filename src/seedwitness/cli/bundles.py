"""Commands for handing a report over: making a key, a bundle, and checking a bundle."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from seedwitness.cli.base import Target, app

DEFAULT_KEY = Path("~/.config/seedwitness/signing-key")
PASS_PHRASE = "SEEDWITNESS_PASSPHRASE"

PassPhrase = Annotated[
    str | None,
    typer.Option(
        "--pass-phrase",
        envvar=PASS_PHRASE,
        show_envvar=True,
        hidden=True,
        help="By default it is asked for, and not shown.",
    ),
]


@app.command()
def keygen(
    out: Annotated[Path, typer.Option("--out", help="File for the private key.")] = DEFAULT_KEY,
    pass_phrase: PassPhrase = None,
) -> None:
    """Make a key that signs bundles: ed25519, encrypted by a pass phrase."""
    from seedwitness.bundle.keys import generate_key

    phrase = pass_phrase or typer.prompt("Pass phrase", hide_input=True, confirmation_prompt=True)
    path = out.expanduser()
    fingerprint = generate_key(path, phrase)
    typer.echo(f"{path} is the private key: keep it, and a copy elsewhere. {path}.pub is public.")
    typer.echo("Give this to whoever gets bundles, by another way than the bundle:")
    typer.echo(f"  {fingerprint}")


@app.command()
def bundle(
    target: Target,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder, or file that ends in .zip; by default bundles/TARGET."),
    ] = None,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Leave out pictures and latents, and keep their hashes."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            envvar="SEEDWITNESS_SIGNING_KEY",
            show_envvar=True,
            help=f"Private key to sign with; by default {DEFAULT_KEY} if it is there.",
        ),
    ] = None,
    pass_phrase: PassPhrase = None,
    stamp_url: Annotated[
        str | None,
        typer.Option(
            "--stamp-url",
            envvar="SEEDWITNESS_STAMP_URL",
            show_envvar=True,
            help="Address of an authority that stamps by RFC 3161; it gets a hash.",
        ),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            "--authority",
            envvar="SEEDWITNESS_STAMP_AUTHORITY",
            show_envvar=True,
            help="The authority's root certificate, and others needed; PEM.",
        ),
    ] = None,
) -> None:
    """Seal the report of a target with all that the other party needs to check it."""
    from seedwitness.commands import bundle as module

    default = DEFAULT_KEY.expanduser()
    chosen = key.expanduser() if key else default if default.is_file() else None
    phrase = pass_phrase or ""
    if chosen and not phrase:
        phrase = typer.prompt(f"Pass phrase of {chosen}", hide_input=True, err=True)
    sealing = module.make_sealing(chosen, phrase, stamp_url, authority)
    for line in module.format_lines(module.make_bundle(target, out, sealing, is_redacted=redact)):
        typer.echo(line)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="Folder or ZIP file of a bundle.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The signer's public key, which you have from the signer."),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option("--authority", help="Certificates of the time stamp's authority; PEM."),
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Write the report again too, and compare it.")
    ] = False,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Make each cited image again; needs --checkpoint.")
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="Folder in which checkpoints are found by their hash."),
    ] = None,
    form: Annotated[
        Path | None,
        typer.Option("--form", help="Fill in the form of a second examiner: an HTML page."),
    ] = None,
    examiner: Annotated[
        str, typer.Option("--examiner", help="The second examiner's name, for --form.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a bundle offline: hashes, signatures, and every figure of the report.

    The exit code is 0 if all holds, 1 if something does not, 2 if this is no bundle, and 3 if all
    holds that is there, but nobody has signed it.
    """
    from seedwitness.bundle.results import FAILS, NO_BUNDLE
    from seedwitness.commands import verify as module
    from seedwitness.errors import BundleError

    if rerun and checkpoint is None:
        raise typer.BadParameter("--rerun needs --checkpoint FOLDER, where the weights are.")
    try:
        result, code = module.check_bundle(path, key, authority, with_page=page), None
    except BundleError as error:
        result, code = module.describe_no_bundle(path, error), NO_BUNDLE
    if code is None and rerun and result.exit_code != FAILS:
        result = module.add_rerun(result, path, checkpoint or Path())
    if form is not None:
        command = shlex.join(["seedwitness", *sys.argv[1:]])
        module.write_form(result, form, command, examiner)
    lines = [result.to_json().rstrip()] if as_json else module.format_lines(result)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(result.exit_code if code is None else code)
