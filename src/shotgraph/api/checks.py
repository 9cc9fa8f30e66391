"""Checks that many nodes make before anything runs, in one voice."""

from __future__ import annotations

from shotgraph.api.context import QueryContext
from shotgraph.errors import GraphError


def require_same_size(
    ctx: QueryContext, *ports: str, like: str = "video", cure: str = "make it from the same picture"
) -> None:
    """Refuse streams of another size than the one they go with; for a node's `info`.

    Args:
        ctx: of a node that `like` is linked to.
        *ports: of streams; one that is not linked passes.
        like: port of the stream whose size they must have.
        cure: the end of the message.

    Raises:
        GraphError: the first of `ports` whose size differs.
    """
    wanted = ctx.headers[like]
    for port in ports:
        found = ctx.headers.get(port)
        if found is not None and (found.width, found.height) != (wanted.width, wanted.height):
            raise GraphError(
                f"{ctx.node}: {port} must be {wanted.width}x{wanted.height} like {like}, got {found.width}x{found.height}; {cure}"
            )
