"""The built-in nodes; they register like anybody's."""
