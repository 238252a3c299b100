// The wall: of thousands of takes only those in sight are in the document. A card keeps its node for as long as its take
// is in sight, so pictures never flicker; where it hangs is a transform. The page is what scrolls.

const GAP = 12, CAPTION = 30;      // px, as in gallery.css
const OVERSCAN = 0.5;              // of the height in sight, above and below
const SIZES = [{ least: 132, share: 0.3 }, { least: 220, share: 0.46 }, { least: 360, share: 1 }];   // S, M, L: px, or of the width

function startWall(here) {
  Object.assign(here, { wall: here.root.querySelector(".wall"), grid: here.root.querySelector(".rows"), hooks: here.root.querySelector(".cards") });
  Object.assign(here, { nodes: new Map(), rows: new Map(), items: [], columns: 1, focus: null });
  here.scroller = scrollerOf(here.root.host);
  here.player = el("video", { muted: true, loop: true, playsinline: true, preload: "none", disablepictureinpicture: true, tabindex: -1, "aria-hidden": "true" });
  here.player.muted = true;
  const scrolls = here.scroller === document.scrollingElement ? document : here.scroller;
  scrolls.addEventListener("scroll", () => soon(here), { ...here.while, passive: true });
  const sizes = new ResizeObserver(() => { measure(here); soon(here); });
  for (const box of [here.wall, here.scroller]) sizes.observe(box);
  every(here, 1000, () => tick(here));
  here.while.signal.addEventListener("abort", () => { sizes.disconnect(); play(here, null); });
}

/** What scrolls the page: Streamlit's main part, or the document. */
function scrollerOf(node) {
  for (let box = node; box; box = box.parentElement) if (/auto|scroll/.test(getComputedStyle(box).overflowY)) return box;
  return document.scrollingElement;
}

/** Columns and heights for this width. */
function measure(here) {
  const width = here.wall.clientWidth, { least, share } = SIZES[here.size];
  if (!width) return;
  here.columns = Math.max(1, Math.floor((width + GAP) / (Math.min(least, width * share) + GAP)));
  here.cell = (width - GAP * (here.columns - 1)) / here.columns;
  here.pitch = Math.round(here.cell * 9 / 16) + CAPTION + GAP;
  here.wall.style.setProperty("--cell", `${here.cell}px`);
}

/** The items anew: what is focused, selected and looked at stays where it is. */
function hang(here, items) {
  const at = here.items.indexOf(here.focus), hadFocus = here.wall.contains(here.root.activeElement);
  const there = new Set(items);
  here.items = items.slice(heldBack(here, items, there));
  here.held = items.length - here.items.length;
  for (const id of here.selected) if (!there.has(id)) here.selected.delete(id);
  if (!there.has(here.focus)) here.focus = here.items[Math.min(Math.max(at, 0), here.items.length - 1)] ?? null;
  arrange(here, true);
  if (hadFocus && !here.wall.contains(here.root.activeElement)) hold(here);
}

/** How many takes that have just come stay out of sight: none while the first row is looked at, so that nothing moves below. */
function heldBack(here, items, there) {
  const first = here.items.find((id) => there.has(id));
  return first && isBelow(here) ? items.indexOf(first) : 0;
}

/** Whether the first row was scrolled away. */
function isBelow(here) {
  return here.wall.getBoundingClientRect().top + here.pitch / 2 < edges(here)[0];
}

/** The upper and the lower edge of what is in sight, in px of the window. */
function edges({ scroller }) {
  if (scroller === document.scrollingElement) return [0, innerHeight];
  const { top, bottom } = scroller.getBoundingClientRect();
  return [Math.max(0, top), Math.min(innerHeight, bottom)];
}

/** How many places there are: for what is not here yet, too. */
function places(here) {
  const { next, total, filter } = here.shelf, more = here.items.length + here.columns;
  const isAll = !filter.type && !filter.favorites && !filter.rating && !filter.trashed;
  return next ? Math.max(more, isAll ? total - here.held : 0) : here.items.length;
}

/** The first and the last place in sight, or nearly. */
function inSight(here) {
  const top = here.wall.getBoundingClientRect().top, [above, below] = edges(here), margin = OVERSCAN * (below - above);
  const row = (y) => Math.floor((y - top) / here.pitch);
  return [Math.max(0, row(above - margin)) * here.columns, Math.min(places(here), (row(below + margin) + 1) * here.columns)];
}

function soon(here) {
  here.frame ??= requestAnimationFrame(() => { here.frame = null; if (!here.while.signal.aborted) arrange(here); });
}

/** Hangs what is in sight. `isNew`: paints what hangs already, too. */
function arrange(here, isNew = false) {
  if (!here.pitch) measure(here);
  if (!here.pitch) return;
  here.wall.style.height = `${Math.ceil(places(here) / here.columns) * here.pitch}px`;      // first: what is in sight depends on it
  const [from, to] = inSight(here), wanted = new Map();
  for (let at = from; at < to; at++) wanted.set(here.items[at] ?? `bone ${at}`, at);
  const pinned = here.items.indexOf(here.focus);        // the focus must not fall off the page
  if (pinned >= 0 && !wanted.has(here.focus)) wanted.set(here.focus, pinned);
  for (const [id, node] of here.nodes) if (!wanted.has(id)) { node.remove(); here.nodes.delete(id); }
  for (const [id, at] of wanted) {
    const known = here.nodes.get(id), node = known ?? make(here, id, at);
    if (!known) here.hooks.append(node);
    here.nodes.set(id, node);
    node.style.transform = `translate(${(at % here.columns) * (here.cell + GAP)}px, ${Math.floor(at / here.columns) * here.pitch}px)`;
    if (at < here.items.length && (!known || isNew)) paint(here, node, view(here.shelf, id));
  }
  line(here, new Set([...wanted.values()].filter((at) => at < here.items.length).map((at) => Math.floor(at / here.columns))));
  if (here.nodes.size && !here.nodes.has(here.playing)) play(here, null);
  tick(here);
  if (to > here.items.length - here.columns && here.shelf.next) more(here.shelf);
}

/** The rows, for who hears the page: they hold nothing, and own the cards. The one with the focus stays with its card. */
function line(here, wanted) {
  set(here.grid, "aria-rowcount", Math.ceil(places(here) / here.columns));
  set(here.grid, "aria-colcount", here.columns);
  for (const [at, row] of here.rows) if (!wanted.has(at)) { row.remove(); here.rows.delete(at); }
  for (const at of wanted) {
    const row = here.rows.get(at) ?? here.grid.appendChild(el("div", { role: "row" }));
    here.rows.set(at, row);
    set(row, "aria-rowindex", at + 1);
    const ids = here.items.slice(at * here.columns, (at + 1) * here.columns);
    set(row, "aria-owns", ids.map((id) => `take-${id}`).join(" "));
    ids.forEach((id, column) => { if (here.nodes.has(id)) set(here.nodes.get(id), "aria-colindex", column + 1); });
  }
}

/** A card without its take yet, or a bone: the place of a take that is on its way from the server. */
function make(here, id, at) {
  if (at >= here.items.length) return el("div", { class: "card bone", "aria-hidden": "true" }, el("div", { class: "frame" }));
  const { labels } = here.data;
  const pick = tool("pick", "check", labels.pick);
  pick.classList.add("pick");
  set(pick, "role", "checkbox");
  const tools = el("span", { class: "tools" }, tool("cancel", "cross", labels.cancel), tool("headliner", "crown", labels.headliner), tool("favorite", "heart", labels.favorite));
  const chips = el("span", { class: "facts" }, el("span", { class: "chip length" }, icon("play"), el("span")), el("span", { class: "chip stars" }, icon("star"), el("span")), el("span", { class: "chip remarks" }, icon("talk"), el("span")));
  const broken = el("span", { class: "broken" }, icon("frame"), labels.broken);
  const frame = el("div", { class: "frame" }, picture(), broken, el("span", { class: "state" }), el("button", { type: "button", class: "decide deed main", "data-act": "decide" }, labels.decide), chips, pick, tools);
  return el("div", { class: "card", role: "gridcell", id: `take-${id}`, "data-id": id }, frame, el("p", { class: "caption" }));
}

function paint(here, node, take) {
  const part = (name) => node.querySelector(name), { labels, may } = here.data, name = nameOf(here, take);
  const isDone = take.status === "COMPLETED", isPicked = here.selected.has(take.id), isHere = here.focus === take.id;
  node.take = take;
  set(node, "data-status", take.status);
  set(node, "aria-selected", String(isPicked));
  set(node, "aria-label", spoken(here, take, name));
  set(node, "title", take.error_message);
  node.classList.toggle("picked", isPicked);
  show(part("img"), take.thumbnail_url, take.placeholder, "");
  state(part(".state"), take, wordOf(here, take));
  part(".length").hidden = !isDone || take.asset_type === "IMAGE";
  say(part(".length span"), take.duration_s ? clock(take.duration_s) : "");
  part(".stars").hidden = !take.rating;
  say(part(".stars span"), String(take.rating));
  const { open, isNew } = here.talk?.get(take.id) ?? { open: 0 };
  part(".remarks").hidden = !open;
  part(".remarks").classList.toggle("loud", Boolean(isNew));
  say(part(".remarks span"), String(open));
  say(part(".caption"), [name, take.ai_model.split("/").at(-1)].filter(Boolean).join(" · "));
  set(part(".pick"), "aria-checked", String(isPicked));
  part(".decide").hidden = !may || take.status !== "ATTENTION" || Boolean(take.trashed_at);
  part("[data-act=cancel]").hidden = !may || !RUNNING.includes(take.status);
  for (const [action, on] of [["favorite", take.is_favorite], ["headliner", take.is_headliner]]) {
    const button = part(`[data-act=${action}]`);
    press(button, on);
    button.hidden = !isDone || !(may || on) || Boolean(take.trashed_at);
    button.disabled = !may;
  }
  tabTo(node, isHere);
}

/** Of all cards one is in the tab order, and its buttons after it. */
function tabTo(node, isHere) {
  node.tabIndex = isHere ? 0 : -1;
  for (const button of node.querySelectorAll("button")) button.tabIndex = isHere ? 0 : -1;
}

/** How many threads of each take are open, and whether a client's words are unread. */
function countTalk({ comments }) {
  const talk = new Map();
  for (const { asset_id: id, parent_comment_id: parent, is_resolved: isDone, is_read: isRead, user_id: by } of comments) {
    const known = talk.get(id) ?? { open: 0, isNew: false };
    talk.set(id, { open: known.open + (!parent && !isDone), isNew: known.isNew || (!isRead && !by) });
  }
  return talk;
}

/** All of it in words. */
function spoken({ data: { labels }, talk }, take, name) {
  const { open = 0 } = talk?.get(take.id) ?? {};
  const marks = [take.is_favorite && labels.isFavorite, take.is_headliner && labels.isHeadliner, take.rating && fill(labels.rated, { n: take.rating }), open && counted(labels, "remarks", open)];
  return [name, wordOf({ data: { labels } }, take), ...marks, take.error_message].filter(Boolean).join(", ");
}

/** What has become of a take: its files may be cleaned away, or lost. */
function wordOf({ data: { labels } }, take) {
  return take.purged_at ? labels.purged : take.missing_at ? labels.missing : labels.status[take.status];
}

/** The state as shape and word; the message of a failure below. */
function state(node, { status, purged_at: purged, missing_at: missing, error_message: error }, word) {
  const of = purged ? "trash" : missing ? "ATTENTION" : status;
  node.hidden = of === "COMPLETED";
  if (node.dataset.of !== of) {
    node.dataset.of = of;
    node.replaceChildren(el("span", { class: `chip ${of === "ATTENTION" ? "loud" : ""}` }, icon(of), el("span", {}, word), el("span", { class: "time" })), el("span", { class: "why" }));
  }
  say(node.querySelector(".why"), error);
}

/** The time a take has been in flight, by the server's clock. */
function tick(here) {
  for (const { take, lastChild } of here.nodes.values()) {
    if (!take || !RUNNING.includes(take.status)) continue;
    const time = lastChild.parentElement.querySelector(".time");
    say(time, clock((Date.now() - here.shelf.skew - Date.parse(take.created_at)) / 1000));
  }
}

/** One silent player for the whole wall: it goes where the mouse is. */
function play(here, card) {
  const take = card?.take, id = take?.preview_url ? take.id : null;
  if (here.playing === id) return;
  here.playing = id;
  here.player.pause();
  here.player.removeAttribute("src");
  here.player.load();
  here.player.remove();
  if (!id || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  here.player.src = take.preview_url;
  card.querySelector("img").after(here.player);
  here.player.play().catch(() => {});     // the mouse has left again
}

/** Brings the focus to a take, and the take into sight. */
function hold(here, id = here.focus) {
  const at = here.items.indexOf(id);
  if (at < 0) return here.wall.focus({ preventScroll: true });
  const before = here.nodes.get(here.focus);
  here.focus = id;
  if (before) tabTo(before, false);
  reveal(here, at);
  arrange(here);
  const node = here.nodes.get(id);
  tabTo(node, true);
  node.focus({ preventScroll: true });
}

/** Scrolls as little as it takes: below the filters, above the bar. */
function reveal(here, at) {
  const y = here.wall.getBoundingClientRect().top + Math.floor(at / here.columns) * here.pitch, [top, bottom] = edges(here);
  const above = top + here.filters.offsetHeight + GAP, below = bottom - (here.bar.hidden ? GAP : here.bar.offsetHeight + 32);
  const by = y < above ? y - above : Math.max(0, Math.min(y + here.pitch - below, y - above));
  if (by) here.scroller.scrollBy({ top: by, behavior: "instant" });
}
