"""``python -m shotgraph``."""

import sys

from shotgraph.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
