const BURST_MS = 200;              // messages that come together are one rerun

export default function (component) {
  const here = remember(component, start);
  listen(here, here.data.url, (event) => report(here, event));
  return here.end;
}

function start(here) {
  // It draws nothing in its place, so it takes no room in the column either.
  const place = here.root.host?.closest("[data-testid=stElementContainer]");
  if (place) place.style.position = "absolute";
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(here); }, here.while);
  here.while.signal.addEventListener("abort", () => clearTimeout(here.burst));
}

/** One trigger for a burst, and none while nobody looks. */
function report(here, event) {
  here.event = event;
  here.burst ??= setTimeout(() => { here.burst = null; flush(here); }, BURST_MS);
}

function flush(here) {
  if (!here.event || document.hidden || here.burst) return;
  here.component.setTriggerValue("event", here.event);
  here.event = null;
}
