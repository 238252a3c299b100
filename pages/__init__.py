"""The screens: functions only, one file each. They load through the workspace, show, and act."""
