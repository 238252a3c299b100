"""How the process is, part by part, and what to do about what is not well. Pure."""

from __future__ import annotations

from apom import __version__
from apom.engine import Vitals
from apom.jobs import Vitals as JobVitals
from apom.models import Health, HealthPart

LATE_S = 5.0  # a tick is due four times a second


def examine(*, store: bool, engine: Vitals, jobs: JobVitals) -> Health:
    """What the parts say of themselves. `store`: whether it has just answered."""
    parts = (_store(store), _engine(engine), _jobs(engine, jobs))
    return Health(
        ok=all(part.ok for part in parts),
        version=__version__,
        store=store,
        engine_age_s=engine.age_s,
        in_flight=engine.in_flight,
        parts=parts,
    )


def _store(answers: bool) -> HealthPart:
    if answers:
        return HealthPart(name="store", ok=True, says="It answers.")
    return HealthPart(
        name="store",
        ok=False,
        says="It does not answer. See whether the database runs and its disk has room; apom goes on by itself then.",
    )


def _engine(vitals: Vitals) -> HealthPart:
    if vitals.age_s is None and vitals.is_replaced:
        says = "The engine of another process works on this store. This one goes on by itself when that one ends."
    elif vitals.age_s is None:
        says = "It does not run, so nothing is sent or fetched. If it does not come back in a minute, restart apom."
    elif vitals.age_s >= LATE_S:
        says = (
            f"Its last tick was {vitals.age_s:.0f} seconds ago, so what is in flight waits; nothing is lost. If this"
            " stays, restart apom."
        )
    else:
        return HealthPart(name="engine", ok=True, says=f"It ticks, with {vitals.in_flight} in flight.")
    return HealthPart(name="engine", ok=False, says=says)


def _jobs(engine: Vitals, jobs: JobVitals) -> HealthPart:
    if jobs.alive < jobs.threads:
        dead = jobs.threads - jobs.alive
        says = (
            f"{dead} of {jobs.threads} threads have died, so long work is late or waits. Restart apom; it goes on then."
        )
        return HealthPart(name="jobs", ok=False, says=says)
    if not jobs.threads or engine.age_s is None:
        return HealthPart(name="jobs", ok=False, says="Long work waits until the engine runs here.")
    return HealthPart(name="jobs", ok=True, says="Long work is done as it comes.")
