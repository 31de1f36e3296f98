"""The command that looks pictures and texts up in a corpus."""

from pathlib import Path
from typing import Annotated

import typer

from seedwitness.cli.base import app


@app.command()
def lookup(
    query: Annotated[
        str | None, typer.Argument(help="The path of an image, or a text; for tables also a URL.")
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            "--corpus",
            help="An index, a folder of clip-retrieval, a folder or file of parquet, or the "
            "address of a server of clip-retrieval; by default this project's index.",
        ),
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option("--clip", help="Folder of the CLIP model; by default that of the project."),
    ] = None,
    neighbours: Annotated[
        int | None, typer.Option("--neighbours", "-n", min=1, max=10_000, help="Hits to list.")
    ] = None,
    modality: Annotated[
        str | None,
        typer.Option(
            "--modality", help="What to search: `image` or `text`; by default the query's kind."
        ),
    ] = None,
    index: Annotated[
        str | None,
        typer.Option("--index", help="Name of the index on a server; by default its first."),
    ] = None,
    fetch: Annotated[
        bool,
        typer.Option("--fetch", help="Fetch the pictures behind the URLs of hits and hash them."),
    ] = False,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private", help="With --fetch: also from private addresses."),
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds for an answer or a picture.")
    ] = 30.0,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Serve the index to clients of clip-retrieval instead."),
    ] = False,
    host: Annotated[str, typer.Option("--host", help="With --serve: address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="With --serve: port; 0 for any.")] = 1234,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look an image or a text up in a corpus.

    A hit shows that a picture or a caption is in the corpus, not that a checkpoint was trained on
    it. The exit code is 1 if a server did not answer, else 0 whatever was found.
    """
    if modality not in (None, "image", "text"):
        raise typer.BadParameter("--modality is `image` or `text`.")
    if (query is None) != serve:
        raise typer.BadParameter("Name an image or a text, or --serve: one of them.")

    from seedwitness.commands import lookup as module
    from seedwitness.commands.lookup_lines import format_lines
    from seedwitness.commands.lookup_result import LookupOptions

    options = LookupOptions(
        corpus=corpus,
        clip=clip,
        neighbours=neighbours,
        modality=modality,  # type: ignore[arg-type]
        index_name=index,
        fetch=fetch,
        allow_private=allow_private,
        timeout=timeout,
    )
    if query is None:
        server, endpoints = module.serve(options, host, port)
        typer.echo(f"Serving {endpoints}; Ctrl-C ends it.")
        with server:
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return
    else:
        result = module.run_lookup(query, options)
        lines = [result.to_json().rstrip()] if as_json else format_lines(result)
        for line in lines:
            typer.echo(line)
        if not result.is_answered:
            raise typer.Exit(1)
