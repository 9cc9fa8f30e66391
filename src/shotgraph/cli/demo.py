"""``shotgraph demo``: the main job on a shot that it makes itself."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="demo")
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@click.pass_context
def command(ctx: click.Context, folder: Path) -> int:
    """Render a shot with one painted frame into FOLDER, run the `propagate` preset on it, and say where the result is."""
    from shotgraph.cli.run import command as run
    from shotgraph.stage.demo import make_demo_shot

    click.echo(f"rendering {folder.resolve()}")
    shot = make_demo_shot(folder.resolve())
    click.echo(f"plate  {shot.plate}\npaint  {shot.paint}\n\nshotgraph run review {shot.root}\n")
    arguments = ["review", str(shot.root), "--target", "out", "--target", "review"]
    code = run.main(args=arguments, prog_name="shotgraph run", standalone_mode=False, parent=ctx)
    if not code:
        click.echo(f"\nThe edited shot and its review, side by side, are in {shot.root / 'out'}")
    return int(code or 0)
