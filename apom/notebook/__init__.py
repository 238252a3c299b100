"""apom in a notebook or a script: open, sign in, wait, show, save.

`apom.open` and the others are these; `import apom` alone loads nothing of it.
"""

from apom.notebook.door import OpenStudio, connect, open
from apom.notebook.drawing import Shown, save, show

__all__ = ["OpenStudio", "Shown", "connect", "open", "save", "show"]
