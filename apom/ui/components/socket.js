// The events of a project: one socket for as long as a component lives, opened again when it breaks.

const PATIENCE_MS = 3000;          // a shorter gap is nobody's business
const LOOK_AGAIN_MS = 15_000;      // without a socket: a proxy may forbid it for good
const LONGEST_WAIT_MS = 30_000;
const REFUSED = 4404;              // signed out, or no longer in the project: the page's own guard says so

/**
 * Listens at `url` and calls `hear(event)`; {type: "caught_up"} stands for what may have been missed. Call it on each
 * run: a new `url` is a new line. A line that stays lost is said in the `.pill` of the component.
 */
function listen(here, url, hear) {
  here.hear = hear;
  here.pill ??= pillOf(here);
  say(here.pill, here.data.labels.lost);
  if (here.url === url) return;
  here.url = url;
  connect(here);
}

function pillOf(here) {
  here.tries = 0;
  addEventListener("online", () => connect(here), here.while);
  every(here, LOOK_AGAIN_MS, () => { if (here.lost) here.hear({ type: "caught_up" }); });
  here.while.signal.addEventListener("abort", () => { hangUp(here); clearTimeout(here.patience); });
  return here.root.querySelector(".pill");
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
  if (here.lost) here.hear({ type: "caught_up" });     // what happened meanwhile was not sent to us
  here.lost = false;
}

function closed(here, code) {
  here.lost = true;
  here.patience ??= setTimeout(() => { here.pill.hidden = false; }, PATIENCE_MS);
  if (code === REFUSED) here.hear({ type: "caught_up" });
  here.tries = code === REFUSED ? 9 : here.tries + 1;
  const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** here.tries);
  here.retry = setTimeout(() => connect(here), wait * (0.5 + Math.random()));
}

function heard(here, text) {
  let event = null;
  try { event = JSON.parse(text); } catch { /* not ours */ }
  if (event && typeof event === "object") here.hear(event);
}
