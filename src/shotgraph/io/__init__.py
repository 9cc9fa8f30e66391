"""Media in and out of files; the only place that knows codecs and containers."""
