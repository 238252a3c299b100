export default function (component) {
  const here = remember(component, start);
  listen(here, "/api/events", (event) => hearOf(here, event));
  return here.end;
}

function start(here) {
  Object.assign(here, { rows: new Map(), state: "new", selected: new Set(), stale: new Set(), busy: new Set(), turn: 0, skew: 0, health: [], summary: [] });
  here.filter = { project: "", mine: false, ...kept(`apom queue`) };
  startHead(here);
  startLists(here);
  startBar(here);
  here.empty = here.root.querySelector(".empty");
  here.empty.addEventListener("click", (event) => { if (event.target.closest("button")) readAll(here); }, here.while);
  every(here, PULSE_MS, () => pulse(here));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(here); }, here.while);
  readAll(here);
}

/** This tab remembers what was chosen. */
function kept(name) {
  try { return JSON.parse(sessionStorage.getItem(name)) ?? {}; } catch { return {}; }
}

function keepFor(name, value) {
  try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* a private window */ }
}

function drawAll(here) {
  const { state, data: { labels } } = here;
  sortOut(here);
  drawHead(here);
  for (const list of here.lists) drawList(here, list);
  drawBar(here);
  const isEmpty = state !== "new" && !here.rows.size, [empty, hint] = labels[state === "failed" ? "failed" : isSifted(here) ? "noMatch" : "none"];
  set(here.root.querySelector(".lists"), "aria-busy", state === "new" ? "true" : null);
  teach(here.empty, { empty, hint: state === "failed" ? here.problem || hint : hint }, isEmpty);
  const retry = here.empty.querySelector("button");
  if (state === "failed" && isEmpty && !retry) here.empty.append(el("button", { type: "button", class: "deed" }, labels.retry));
  if (state !== "failed") retry?.remove();
}

function isSifted({ filter }) {
  return Boolean(filter.project || filter.mine);
}
