"""``shotgraph verify``: judge a written movie by the one it was made from."""

from __future__ import annotations

import click

from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.errors import VerifyError
from shotgraph.io.verify import Check, compare


@click.command(name="verify")
@click.argument("output")
@click.argument("source")
@json_option
def command(output: str, source: str, as_json: bool) -> None:
    """Compare OUTPUT with SOURCE: timecode, rate, count, times, colour, sound; everything but the pixels."""
    checks = compare(output, source)
    failed = [check.name for check in checks if check.failed]
    if as_json:
        fields = ("name", "expected", "got", "ok", "declared")
        rows = [{name: getattr(check, name) for name in fields} for check in checks]
        print_json({"output": output, "source": source, "ok": not failed, "checks": rows})
    else:
        headings = ("PROPERTY", "VERDICT", "EXPECTED", "GOT")
        print_table(headings, [(check.name, _verdict(check), check.expected, check.got) for check in checks])
    if failed:
        raise VerifyError(f"verify: {output} must equal {source}, got another {', '.join(failed)}; do not deliver it")


def _verdict(check: Check) -> str:
    if check.ok:
        return "equal" if check.expected == check.got else "kept"
    return "declared loss" if check.declared else "DIFFERS"
