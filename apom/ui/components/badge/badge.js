const REST_MS = 2000;              // the shortest time between two looks

export default function (component) {
  const here = remember(component, start);
  listen(here, "/api/events", () => { here.isOld = true; look(here); });
  drawBadge(here);
  return here.end;
}

function start(here) {
  here.link = here.root.querySelector("a");
  here.link.append(icon("line"), el("span", { class: "label" }), el("span", { class: "flight" }), el("span", { class: "need" }, icon("ATTENTION"), el("span")));
  here.known = shared("queue counts", () => ({ flight: 0, need: 0 }));            // another page has just counted
  here.link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    act(here, "open", NOBODY);
  }, here.while);
  document.addEventListener("visibilitychange", () => look(here), here.while);
  here.isOld = true;
  look(here);
}

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Counts again when something has happened, now and then, and only while somebody looks. */
async function look(here) {
  if (!here.isOld || here.rests || document.hidden) return;
  Object.assign(here, { isOld: false, rests: true });
  try {
    const found = await ask("GET", "/api/queue/summary");
    here.known.flight = found.reduce((sum, project) => sum + project.in_flight, 0);
    here.known.need = found.reduce((sum, project) => sum + (project.role === "VIEWER" ? 0 : project.attention), 0);
    if (!here.while.signal.aborted) drawBadge(here);
  } catch { here.isOld = true; }
  setTimeout(() => { here.rests = false; if (!here.while.signal.aborted) look(here); }, REST_MS);
}

function drawBadge(here) {
  const { labels } = here.data, { flight, need } = here.known, part = (name) => here.link.querySelector(name);
  const words = [flight && counted(labels, "inFlight", flight), need && counted(labels, "needs", need)].filter(Boolean);
  say(part(".label"), labels.queue);
  say(part(".flight"), flight ? flight.toLocaleString(labels.language) : "");
  part(".need").hidden = !need;
  say(part(".need span"), need.toLocaleString(labels.language));
  set(here.link, "aria-label", [labels.queue, ...words].join(", "));
  set(here.link, "title", words.join(", "));
}
