// The review page: what a link shows, live, and where one is in it. It asks our REST interface with the link's own cookie.

const NOWHERE = "00000000000000000000000000000000";
const ENDED = [404, 401];
const GATHER_MS = 150, SPREAD_MS = 700;

Object.assign(ICONS, {
  pause: "M8.5 5.5v13M15.5 5.5v13",
  before: "M6 5.5v13M18.5 5.5v13L9 12z",
  after: "M18 5.5v13M5.5 5.5v13L15 12z",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  full: "M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15",
  compare: "M12 3.5v17M4 6.5h5v11H4zM15 6.5h5v11h-5z",
  loop: "M17 3.5 20 6.5l-3 3M4 11V9a2.5 2.5 0 0 1 2.5-2.5H20M7 20.5l-3-3 3-3M20 13v2a2.5 2.5 0 0 1-2.5 2.5H4",
  load: "M12 4v10.5M7.5 10.5 12 15l4.5-4.5M5 19.5h14",
});

export default function review(component) {
  const here = remember(component, start);
  return here.end;
}

function start(here) {
  Object.assign(here, { room: null, at: 0, mode: "cut", isMuted: false, compares: false });
  here.link = /^[0-9a-f]{32}$/.test(here.data.link) ? here.data.link : NOWHERE;
  here.page = here.root.querySelector(".review");
  startTop(here);
  startPlayer(here);
  startDrawing(here);
  startStrip(here);
  startTalk(here);
  document.addEventListener("keydown", (event) => { if (here.room && onReviewKey(here, event)) keep(event); }, here.while);
  knock(here);
}

const at = (here, path) => `/api/review/${here.link}${path}`;

/** At the door: in, or the password, or the words of a link that does not open. */
async function knock(here) {
  try {
    const { asks_password: asks } = await ask("GET", at(here, ""));
    if (asks) return askPassword(here);
    await comeIn(here);
    listen(here, at(here, "/events"), (event) => hearReview(here, event));
  } catch (problem) {
    if (isOver(problem)) return leaveForGood(here);
    if (here.while.signal.aborted) return;
    here.misses = (here.misses ?? 0) + 1;
    setTimeout(() => knock(here), patience(here.misses, problem));
  }
}

function isOver({ status }) {
  return ENDED.includes(status);
}

/** The same words whatever became of the link, and nothing of what it showed. */
function leaveForGood(here) {
  hangUp(here);
  clearTimeout(here.patience);
  if (here.pill) here.pill.hidden = true;
  stopPlayer(here);
  Object.assign(here, { room: null, comments: [], draft: null, isGone: true });
  for (const name of [".top", ".strip", ".talk", ".judge", ".parts", ".dots", ".wipe", ".canvas"]) here.root.querySelector(name).replaceChildren();
  here.root.querySelector(".notice").hidden = true;
  const { labels } = here.data;
  veil(here, "lock", labels.gone[0], labels.gone[1]);
}

/** One sentence over everything. */
function veil(here, iconName, title, hint, ...more) {
  const box = here.root.querySelector(".veil");
  box.replaceChildren(icon(iconName), el("h1", {}, title), el("p", {}, hint), ...more);
  box.hidden = false;
  set(here.page, "data-state", "veiled");
}

function askPassword(here) {
  const { labels } = here.data, field = el("input", { type: "password", autocomplete: "off", "aria-label": labels.password, placeholder: labels.password });
  const problem = el("p", { class: "problem", role: "alert" }), button = el("button", { type: "submit", class: "main-deed" }, labels.enter);
  const form = el("form", {}, field, button, problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await ask("POST", at(here, "/password"), { password: field.value });
      knock(here);
    } catch (refused) {
      if (refused.status === 404) return leaveForGood(here);
      say(problem, refused.message || labels.offline);
      field.select();
    }
    button.disabled = false;
  });
  veil(here, "lock", labels.locked[0], labels.locked[1], form);
  field.focus();
}

/** Reads all of it anew. One stays at the shot one looks at. `isVisit`: what is shown counts as seen from now on. */
async function comeIn(here, isVisit = true) {
  const [room, found] = await Promise.all([isVisit ? ask("POST", at(here, "/visit")) : ask("GET", at(here, "/room")), readComments(here)]);
  if (here.isGone) return;
  const known = here.room;
  if (known && known.round_id !== room.round_id && isBusy(here)) return offerRound(here, room, found);
  if (known && known.round_id !== room.round_id) sayRound(here, room);
  enter(here, room, found);
}

async function readComments(here) {
  return (await askAll((query) => at(here, `/comments?${query}`))).reverse();
}

function enter(here, room, comments) {
  const shot = here.room?.shots[here.at];
  Object.assign(here, { room, comments });
  here.at = Math.max(0, shot ? room.shots.findIndex(({ box_id: id }) => id === shot.box_id) : room.shots.findIndex(({ take }) => take));
  const { labels } = here.data;
  if (!room.shots.length) return veil(here, "play", room.project_name, labels.nothing);
  here.root.querySelector(".veil").hidden = true;
  set(here.page, "data-state", "open");
  set(here.page, "data-talks", room.can_comment || comments.length > 0);
  cutRoom(here);
  drawReview(here);
}

function drawReview(here) {
  drawTop(here);
  drawStrip(here);
  drawTalk(here);
  drawPlayer(here);
}

/** Whether something would be lost or interrupted. */
function isBusy(here) {
  return here.plays || Boolean(here.draft?.text) || Boolean(here.shape);
}

/** A new round while one looks or writes: it waits until one wants it. */
function offerRound(here, room, comments) {
  const { labels } = here.data;
  notice(here, fill(labels.newRound, { n: room.round_number }), labels.lookAtIt, () => { stopPlayer(here); enter(here, room, comments); });
}

function sayRound(here, room) {
  notice(here, fill(here.data.labels.newRound, { n: room.round_number }));
}

/** Something changed: look again, once for all that changes together, and not all who look at the same moment. */
function hearReview(here, { type }) {
  if (here.isGone) return;
  if (type === "hello" && !here.helloed) { here.helloed = true; return; }
  here.isVisit ||= type !== "comment" && type !== "verdict";
  here.isRoom ||= type !== "comment";
  here.looking ??= setTimeout(async () => {
    const { isVisit, isRoom } = here;
    Object.assign(here, { looking: null, isVisit: false, isRoom: false });
    try {
      if (isRoom) await comeIn(here, isVisit); else await readMore(here);
      here.misses = 0;
    } catch (problem) {
      if (isOver(problem)) return leaveForGood(here);
      here.misses = (here.misses ?? 0) + 1;
      if (mayPass(problem)) setTimeout(() => { if (!here.while.signal.aborted) hearReview(here, { type }); }, patience(here.misses, problem));
    }
  }, GATHER_MS + SPREAD_MS * Math.random());
}

/** What was said meanwhile. */
async function readMore(here) {
  const found = await readComments(here);
  if (!here.room) return;
  here.comments = found;
  drawReview(here);
}

function startTop(here) {
  here.top = here.root.querySelector(".top");
  here.top.addEventListener("click", (event) => { if (event.target.closest(".changed")) toChanged(here); }, here.while);
}

function drawTop(here) {
  const { labels } = here.data, { room } = here, judged = room.shots.filter(({ take }) => take);
  const approved = judged.filter(({ verdict }) => verdict === "APPROVED").length, n = room.shots.filter(({ changed }) => changed).length;
  const facts = [fill(labels.round, { n: room.round_number }), new Date(room.published_at).toLocaleDateString(labels.language, { day: "numeric", month: "long" })];
  const parts = [el("div", { class: "whole" }, el("h1", {}, room.project_name), el("p", {}, facts.join(" · "), room.note ? el("span", { class: "note", title: room.note }, ` · ${room.note}`) : ""))];
  if (n) parts.push(el("button", { type: "button", class: "changed", title: labels.changedHint }, el("i"), counted(labels, "changed", n)));
  if (room.can_approve) parts.push(el("span", { class: "score", role: "status" }, icon("check"), fill(labels.score, { n: approved, all: judged.length })));
  if (room.can_download && judged.length) parts.push(el("a", { class: "load-all", href: at(here, "/takes.zip"), download: "", title: labels.loadAllHint }, icon("load"), el("span", {}, labels.loadAll)));
  here.top.replaceChildren(...parts);
}

/** The next shot that has changed. */
function toChanged(here) {
  const { shots } = here.room, order = [...shots.keys()].map((i) => (here.at + 1 + i) % shots.length);
  goTo(here, order.find((i) => shots[i].changed) ?? here.at);
}

/** To the beginning of a shot. */
function goTo(here, index) {
  here.at = index;
  here.compares = false;
  seek(here, index, 0);
  carryDraft(here);
  drawReview(here);
  const { box_id: id } = here.room.shots[index];
  here.lookedAt ??= new Set();
  if (!here.lookedAt.has(id)) { here.lookedAt.add(id); ask("POST", at(here, `/shots/${id}/looked`)).catch(() => {}); }
}

function step(here, by) {
  const { shots } = here.room;
  for (let i = here.at + by; shots[i]; i += by) if (shots[i].take) return goTo(here, i);
}

function onReviewKey(here, event) {
  if (isTaken(event) || event.target.closest?.("button, a") && event.key === " ") return false;
  const keys = {
    " ": () => toggle(here), k: () => toggle(here), ArrowLeft: () => nudge(here, event.shiftKey ? -1 : -1 / (here.room.fps || 24)),
    ArrowRight: () => nudge(here, event.shiftKey ? 1 : 1 / (here.room.fps || 24)), ArrowUp: () => step(here, -1), ArrowDown: () => step(here, 1),
    m: () => mute(here), f: () => fullscreen(here), c: () => here.field.focus(), Escape: () => dropDrawing(here),
  };
  const deed = keys[keyOf(event)];
  if (!deed) return false;
  deed();
  return true;
}
