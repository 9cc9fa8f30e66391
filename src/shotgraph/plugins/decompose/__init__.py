"""A shot taken apart into layers with atlases, painted there, and put together again."""
