"""Layered decomposition of a clip: atlases, deformations and mattes, fitted and edited. A torch library; it knows no node."""
