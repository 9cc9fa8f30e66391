"""Reading, writing and plain picture operations."""
