"""Pure array functions: no files, no devices, no nodes."""
