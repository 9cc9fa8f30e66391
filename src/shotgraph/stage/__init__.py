"""The procedural world: shots that are rendered rather than shot, so that the right answer is known."""
