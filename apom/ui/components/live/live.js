const BURST_MS = 200;              // messages that come together are one rerun
const PATIENCE_MS = 3000;          // a shorter gap is nobody's business
const LOOK_AGAIN_MS = 15_000;      // without a socket: a proxy may forbid it for good
const LONGEST_WAIT_MS = 30_000;
const REFUSED = 4404;              // signed out, or no longer in the project: the page's own guard says so

export default function (component) {
  const here = remember(component, start);
  say(here.pill, here.data.labels.lost);
  if (here.url !== here.data.url) { here.url = here.data.url; connect(here); }
  return here.end;
}

function start(here) {
  here.pill = here.root.querySelector(".pill");
  here.tries = 0;
  // It draws nothing in its place, so it takes no room in the column either.
  const place = here.root.host?.closest("[data-testid=stElementContainer]");
  if (place) place.style.position = "absolute";
  document.addEventListener("visibilitychange", () => { if (!document.hidden) flush(here); }, here.while);
  addEventListener("online", () => connect(here), here.while);
  every(here, LOOK_AGAIN_MS, () => { if (here.lost) report(here, { type: "caught_up" }); });
  here.while.signal.addEventListener("abort", () => { hangUp(here); clearTimeout(here.burst); clearTimeout(here.patience); });
}

function connect(here) {
  hangUp(here);
  const url = new URL(here.url, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = here.socket = new WebSocket(url);
  socket.onopen = () => opened(here);
  socket.onmessage = ({ data }) => { here.tries = 0; heard(here, data); };
  socket.onclose = ({ code }) => closed(here, code);
}

/** Lets go of the socket without a word. */
function hangUp(here) {
  clearTimeout(here.retry);
  if (!here.socket) return;
  here.socket.onopen = here.socket.onmessage = here.socket.onclose = null;
  here.socket.close();
}

function opened(here) {
  clearTimeout(here.patience);
  here.patience = null;
  here.pill.hidden = true;
  if (here.lost) report(here, { type: "caught_up" });     // what happened meanwhile was not sent to us
  here.lost = false;
}

function closed(here, code) {
  here.lost = true;
  here.patience ??= setTimeout(() => { here.pill.hidden = false; }, PATIENCE_MS);
  if (code === REFUSED) report(here, { type: "caught_up" });
  here.tries = code === REFUSED ? 9 : here.tries + 1;
  const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** here.tries);
  here.retry = setTimeout(() => connect(here), wait * (0.5 + Math.random()));
}

function heard(here, text) {
  let event = null;
  try { event = JSON.parse(text); } catch { /* not ours */ }
  if (event && typeof event === "object") report(here, event);
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
