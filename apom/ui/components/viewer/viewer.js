const KEYS = { Escape: "close", ArrowLeft: "prev", ArrowRight: "next", f: "favorite", h: "headliner", z: "zoom", s: "frame", c: "talk", i: "in", o: "out", Delete: "trash", Backspace: "trash" };
const TURN_MS = 150;               // who leafs on does not want to read what stands beside
const PATIENCE_MS = 5000;          // Python has answered by then, or the take is not to be had
const TOOLS = [["prev", "left"], ["next", "right"], ["zoom", "zoom"], ["frame", "frame"], ["in", "in"], ["out", "out"], ["talk", "talk"], ["favorite", "heart"], ["headliner", "crown"], ["trash", "trash"], ["restore", "restore"]];

Object.assign(ICONS, { in: "M13 5H8v14h5M12 12h7", out: "M11 5h5v14h-5M12 12H5" });

export default function (component) {
  const here = remember(component, start), { item } = here.data;
  if (here.wants ? here.wants === item.id : !isAsked(here)) turnTo(here, item.id);
  draw(here);
  return here.end;
}

function start(here) {
  const { labels, item } = here.data;
  here.shelf = shelfOf(item.box_id);
  here.view = here.root.querySelector(".viewer");
  here.stage = here.root.querySelector(".stage");
  here.title = el("span", { class: "title" });
  here.stars = el("span", { class: "stars", role: "group", "aria-label": labels.rate });
  here.stars.append(...[1, 2, 3, 4, 5].map((n) => { const star = tool("rate", "star", fill(labels.rateTo, { n })); star.dataset.n = n; return star; }));
  here.tools = Object.fromEntries(TOOLS.map(([action, iconName]) => [action, tool(action, iconName, labels[action])]));
  const { prev, next, ...rest } = here.tools;
  here.root.querySelector(".bar").append(prev, next, here.title, ...Object.values(rest), here.stars);
  here.view.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) perform(here, button.dataset.act, event, Number(button.dataset.n));
  }, here.while);
  // The whole page listens: while one looks at a take, the arrow keys mean the take, wherever the focus was left.
  document.addEventListener("keydown", (event) => { if (onKey(here, event)) keep(event); }, here.while);
  startTalk(here);
  follow(here, here.shelf, ({ refused = [] }) => {
    draw(here);
    if (refused.length) notice(here, refused[0].detail);
  });
  here.while.signal.addEventListener("abort", () => { here.stage.querySelector("video, audio")?.pause(); leave(here); });
  here.view.focus({ preventScroll: true });
}

/** Back where one came from, at the take one has come to. */
function leave(here) {
  clearTimeout(here.turning);
  const { id, shelf } = here;
  setTimeout(() => shelf.back?.(id), 100);       // after Streamlit has put the focus where it was before
}

function onKey(here, event) {
  if ((event.ctrlKey || event.metaKey) && keyOf(event) === "z") return undoLast(here);
  const action = KEYS[keyOf(event)], stars = /^[0-5]$/.test(event.key) && Number(event.key);
  if ((!action && stars === false) || isTaken(event)) return false;
  if (!event.repeat || action === "prev" || action === "next") perform(here, action ?? "rate", event, stars);
  return true;
}

/** The take as it is now: on the shelf, else as Python knew it. */
function shown(here) {
  return view(here.shelf, here.id) ?? here.data.item;
}

function perform(here, action, event, n) {
  const { may, labels } = here.data, take = shown(here), { shelf } = here, isDone = may && take.status === "COMPLETED" && !take.trashed_at;
  if (action === "talk") return event.type === "keydown" ? beginTalk(here) : openTalk(here, !here.talks);
  if (action === "zoom") return zoom(here, event);
  if (action === "frame") return may && frame(here, take);
  if (action === "in" || action === "out") return may && trim(here, take, action);
  if (action === "close") return act(here, "close", here.id);
  if (action === "prev" || action === "next") return here.steps[action] && leaf(here, here.steps[action]);
  if (action === "favorite" && isDone) mark(shelf, [[take.id, { is_favorite: !take.is_favorite }]]);
  if (action === "headliner" && isDone) mark(shelf, [[take.id, { is_headliner: !take.is_headliner }]]);
  if (action === "rate" && isDone) mark(shelf, [[take.id, { rating: take.rating === n ? 0 : n }]]);
  if (action === "trash" && may && !take.trashed_at) RUNNING.includes(take.status) ? notice(here, labels.running) : throwAway(here, take);
  if (action === "restore" && may && take.trashed_at && !take.purged_at) { mark(shelf, [[take.id, { trashed: false }]]); goOn(here); }
}

/** The moment of the clip that is seen, as a picture of its own beside it. */
async function frame(here, take) {
  const { labels } = here.data, button = here.tools.frame, video = here.stage.querySelector("video");
  if (!video || button.disabled) return;
  button.disabled = true;
  video.pause();
  try {
    const made = await ask("POST", `/api/assets/${take.id}/frame`, { at_s: Math.min(video.currentTime, take.duration_s ?? Infinity) });
    notice(here, labels.framed, labels.look, () => leaf(here, made.id));
  } catch (problem) {
    notice(here, problem.message || labels.offline);
  }
  button.disabled = false;
}

/** In or out at the moment of the clip that is seen: where the shot begins or ends in the cut. */
async function trim(here, take, side) {
  const { labels } = here.data, video = here.stage.querySelector("video");
  if (!video || here.tools[side].hidden) return;
  if (!take.is_headliner) return notice(here, labels.trimNeeds);
  try {
    const at = Math.round(Math.min(video.currentTime, take.duration_s ?? Infinity) * 1000) / 1000;
    const { length_s: length } = await ask("PATCH", `/api/boxes/${take.box_id}`, { [`${side}_s`]: at });
    notice(here, fill(labels[side === "in" ? "inSet" : "outSet"], { at: at.toFixed(2), length: length.toFixed(2) }));
  } catch (problem) {
    notice(here, problem.message || labels.offline);
  }
}

/** To the trash, with a way back. */
function throwAway(here, { id, is_headliner: was }) {
  const { labels } = here.data, { shelf } = here;
  mark(shelf, [[id, { trashed: true }]]);
  if (!goOn(here)) return;
  notice(here, counted(labels, "trashed", 1), labels.undo, () => {
    mark(shelf, [[id, { trashed: false, ...(was && { is_headliner: true }) }]]);
    leaf(here, id);
  });
}

/** This take has left the list: on to the next one, else it closes; true when there was one. */
function goOn(here) {
  const on = here.steps.next ?? here.steps.prev;
  if (on) leaf(here, on); else act(here, "close", here.id);
  return Boolean(on);
}

/** Another take: its picture at once; Python brings the words beside it when one stays. */
function leaf(here, id) {
  here.wants = id;
  turnTo(here, id);
  draw(here);
  clearTimeout(here.turning);
  here.turning = setTimeout(() => { if (here.data.item.id !== id || isAsked(here)) act(here, "show", id); }, TURN_MS);
  clearTimeout(here.giving);
  here.giving = setTimeout(() => { if (here.wants === id) { here.wants = null; turnTo(here, here.data.item.id); draw(here); } }, TURN_MS + PATIENCE_MS);
}

/** Whether Python has yet to answer for a take, which may be one that was left again meanwhile. */
function isAsked(here) {
  return here.outbox.some(({ action }) => action === "show");
}

function turnTo(here, id) {
  if (here.data.item.id === here.wants && !isAsked(here)) here.wants = null;
  turnTalk(here, here.id, id);
  here.id = id;
}

/** The takes before and after this one; where it was when it has left the list. */
function place(here) {
  const { list } = here.shelf, at = list.indexOf(here.id), isListed = at >= 0;
  if (isListed) here.at = at;
  here.steps = { prev: list[(here.at ?? 0) - 1], next: here.at === undefined ? undefined : list[here.at + (isListed ? 1 : 0)] };
  if (isListed && at > list.length - 5) more(here.shelf);
  return isListed ? `${at + 1} / ${here.shelf.next ? Math.max(list.length, here.shelf.total) : list.length}` : "";
}

function draw(here) {
  const { may } = here.data, take = shown(here), name = nameOf(here, take);
  const looks = `${take.id} ${take.shown_url} ${take.status}`, position = place(here);
  if (here.looks !== looks) { here.looks = looks; here.stage.replaceChildren(media(here, take, name)); dressStage(here); }
  for (const id of Object.values(here.steps)) fetchAhead(here, id);
  set(here.view, "aria-label", name);
  here.title.replaceChildren(el("strong", {}, name), el("span", {}, position));
  for (const step of ["prev", "next"]) here.tools[step].disabled = !here.steps[step];
  here.tools.frame.hidden = !may || !take.file_url || take.asset_type !== "VIDEO" || Boolean(take.trashed_at);
  here.tools.in.hidden = here.tools.out.hidden = here.tools.frame.hidden || !here.data.trims;
  here.tools.zoom.hidden = !take.file_url || take.asset_type !== "IMAGE";
  for (const [action, on] of [["favorite", take.is_favorite], ["headliner", take.is_headliner]]) {
    press(here.tools[action], on);
    here.tools[action].disabled = !may || take.status !== "COMPLETED" || Boolean(take.trashed_at);
  }
  for (const star of here.stars.children) { press(star, Number(star.dataset.n) <= take.rating); star.disabled = here.tools.favorite.disabled; }
  here.tools.trash.hidden = !may || Boolean(take.trashed_at);
  here.tools.restore.hidden = !may || !take.trashed_at || Boolean(take.purged_at);
  drawTalk(here);
  aside(here, take);
}

/** What stands beside speaks of another take until Python has brought the right words: nothing in it may be pressed. */
function aside(here, take) {
  const words = wordsBeside(here), { item } = here.data;
  if (words) words.inert = here.id !== item.id;
  const news = `${take.id} ${take.status}`;
  if (here.id === item.id && take.status !== item.status && here.news !== news) { here.news = news; act(here, "show", take.id); }
}

/** The neighbours' pictures, so that they are there when one leafs on. */
function fetchAhead(here, id) {
  const take = id && view(here.shelf, id);
  if (take?.shown_url && take.asset_type === "IMAGE") new Image().src = take.shown_url;
}

/** A picture, a player, or the state of what is neither yet. */
function media(here, take, name) {
  const { labels } = here.data, url = take.status === "COMPLETED" ? take.shown_url ?? take.thumbnail_url : null;
  here.stage.className = "stage";
  here.isClose = false;
  press(here.tools.zoom, false);
  if (!url) return el("div", { class: "none" }, el("span", { class: `chip ${take.status === "ATTENTION" ? "loud" : ""}` }, icon(take.status), labels.status[take.status]), el("span", { class: "why" }, take.error_message ?? ""));
  if (take.asset_type === "VIDEO" && !take.purged_at) return el("video", { src: url, poster: take.thumbnail_url, controls: true, loop: true, playsinline: true, preload: "metadata", "aria-label": name });
  if (take.asset_type === "AUDIO" && !take.purged_at) return el("div", { class: "sound" }, el("img", { src: take.thumbnail_url, alt: "" }), el("audio", { src: url, controls: true, preload: "metadata", "aria-label": name }));
  const box = el("button", { type: "button", class: "picture", "data-act": "zoom", "aria-label": labels.zoom }), img = el("img", { decoding: "async", draggable: "false" });
  if (take.width) img.style.setProperty("--own-width", `${take.width}px`);     // known before the picture is here
  box.append(img, el("span", { class: "broken" }, icon("frame"), labels.broken));
  show(img, url, take.placeholder, name);
  return box;
}

/** Between the whole picture and its own pixels, around the point that was clicked. */
function zoom(here, event) {
  const img = here.stage.querySelector("img");
  if (!img) return;
  const before = img.getBoundingClientRect(), byMouse = event.clientX > 0;
  const x = byMouse ? (event.clientX - before.left) / before.width : 0.5, y = byMouse ? (event.clientY - before.top) / before.height : 0.5;
  const close = here.isClose = here.stage.classList.toggle("close");
  drawTalk(here);
  press(here.tools.zoom, close);
  if (close) here.stage.scrollTo(x * img.offsetWidth - here.stage.clientWidth / 2, y * img.offsetHeight - here.stage.clientHeight / 2);
}
