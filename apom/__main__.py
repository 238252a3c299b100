"""`python -m apom`."""

import sys

from apom.cli import main

sys.exit(main())
