"""`python -m apom`."""

import sys

try:
    from apom.cli import main
except ModuleNotFoundError as error:  # before anything was installed
    if error.name is None or error.name.startswith("apom"):
        raise
    sys.exit(f"apom: The package {error.name} is missing. Install what is in requirements.txt.")

sys.exit(main())
