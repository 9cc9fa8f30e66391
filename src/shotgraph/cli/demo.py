"""``shotgraph demo``: the main job on a shot that it makes itself."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="demo")
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@click.option("--paint", is_flag=True, help="Carry one painted frame through a shot instead; needs no model.")
@click.pass_context
def command(ctx: click.Context, folder: Path, paint: bool) -> int:
    """Render a shot into FOLDER, edit it by prompt with the bundled model, and judge the result against the truth."""
    root = folder.resolve()
    click.echo(f"rendering {root}")
    return _paint(ctx, root) if paint else _prompt(ctx, root)


def _prompt(ctx: click.Context, root: Path) -> int:
    from shotgraph.stage.demo import demo_edit, make_demo_shot, report_of

    edit, shot = demo_edit(), make_demo_shot(root)
    click.echo(f"plate   {shot.plate}\nsource  {edit.source_prompt}\nprompt  {edit.target_prompt}\n")
    code = _run(ctx, "edit-prompt", root)
    if code:
        return code
    result = max((root / "out").glob(f"{shot.folder.name}_v*.mov"))
    report = report_of(shot.plate, result, edit)
    asked = report.asked
    click.echo(
        f"\nasked       {asked.attribute} {asked.before} -> {asked.after}: right in {report.gained} of {report.frames} frames\n"
        f"background  {report.background_psnr_db:.1f} dB to the plate, where nothing was asked for\n"
        f"timecode    {report.timecodes[0]} before, {report.timecodes[1]} after\n"
        f"\nThe edited shot and its review, side by side, are in {root / 'out'}"
    )
    return 0


def _paint(ctx: click.Context, root: Path) -> int:
    from shotgraph.stage.paintshot import make_paint_shot

    shot = make_paint_shot(root)
    click.echo(f"plate  {shot.plate}\npaint  {shot.paint}\n")
    code = _run(ctx, "review", shot.root)
    if not code:
        click.echo(f"\nThe edited shot and its review, side by side, are in {shot.root / 'out'}")
    return code


def _run(ctx: click.Context, preset: str, root: Path) -> int:
    from shotgraph.cli.run import command as run

    click.echo(f"shotgraph run {preset} {root} --target out --target review\n")
    arguments = [preset, str(root), "--target", "out", "--target", "review"]
    return int(run.main(args=arguments, prog_name="shotgraph run", standalone_mode=False, parent=ctx) or 0)
