"""The doors over HTTP: the same methods, the same records, the same errors.

`connect(url, token)` is `apom.studio.Workspace`, `RemoteStudio(url)` signs in and registers, `OperatorClient` is
`apom.studio.Operator`.
"""

from apom.client.operator import OperatorClient
from apom.client.studio import RemoteStudio, connect
from apom.client.workspace import RemoteWorkspace

__all__ = ["OperatorClient", "RemoteStudio", "RemoteWorkspace", "connect"]
