// The review page: what a link shows, live, and where one is in it. It asks our REST interface with the link's own cookie.

const NOWHERE = "00000000000000000000000000000000";
const ENDED = [404, 401];
const GATHER_MS = 150, SPREAD_MS = 700;

export default function review(component) {
  const here = remember(component, start);
  return here.end;
}

function start(here) {
  here.link = /^[0-9a-f]{32}$/.test(here.data.link) ? here.data.link : NOWHERE;
  here.page = here.root.querySelector(".review");
  here.house = houseOf(here);
  startTop(here);
  startPlayer(here);
  startDrawing(here);
  startStrip(here);
  startTalk(here);
  document.addEventListener("keydown", (event) => { if (here.room && onReviewKey(here, event)) keep(event); }, here.while);
  knock(here);
}

/** What the film asks of the page around it (player.js). */
function houseOf(here) {
  here.lookedAt = new Set();
  return {
    redraw: () => drawReview(here),
    turned: () => carryDraft(here),
    stirred: () => dropDrawing(here),
    drawn: () => { drawDots(here); drawRegions(here); },
    timed: () => drawDraftTime(here),
    fits: (width, height) => fitCanvas(here, width, height),
    looked: (id) => { if (!here.lookedAt.has(id)) { here.lookedAt.add(id); ask("POST", at(here, `/shots/${id}/looked`)).catch(() => {}); } },
  };
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

function onReviewKey(here, event) {
  return onFilmKey(here, event, { c: () => here.field.focus(), Escape: () => dropDrawing(here) });
}
