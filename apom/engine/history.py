"""How the models have been doing: how long they take, and when a provider last delivered."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from datetime import datetime
from statistics import median

from apom.errors import ApomError
from apom.models import Generation
from apom.store import Store, generations

log = logging.getLogger("apom.engine")
REMEMBERED = 25  # arrivals of a model, for its running median
READ = 500
LONGEST_S = 3600.0  # a longer one says more about a clock or a night's sleep than about the model


class History:
    """In memory; begins with what the rows say."""

    def __init__(self, store: Store) -> None:
        self.delivered: dict[str, datetime] = {}
        self._took: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        try:
            with store.read() as tx:
                arrivals = generations.lately(tx, READ)
        except ApomError:
            log.warning("how long the models take could not be read", exc_info=True)
            return
        for provider, model, at, took_s in arrivals:
            self.delivered[provider] = at
            self._note(f"{provider}/{model}", took_s)

    def took(self, generation: Generation, seconds: float) -> None:
        """One was ready so long after it was sent."""
        self._note(f"{generation.provider}/{generation.model}", seconds)

    def _note(self, model: str, seconds: float) -> None:
        if 0 < seconds < LONGEST_S:
            self._took[model].append(seconds)

    def expected_s(self, generation: Generation) -> float | None:
        """The running median of its model; None for one that never delivered."""
        took = self._took.get(f"{generation.provider}/{generation.model}")
        return median(took) if took else None
