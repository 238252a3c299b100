// Three lists: what needs somebody, what is on its way, what failed. Of each only the rows in sight are in the document; the
// others are the padding above and below. The page is what scrolls.

const BEYOND = 400;                // px above and below that are there already
const KINDS = ["attention", "flight", "failed"];
const STEP_NAMES = ["WAITING", "SENDING", "AT_PROVIDER", "STORING"];
const GUESS_PX = { attention: 132, flight: 84, failed: 104 };

function startLists(here) {
  const { labels } = here.data;
  here.scroller = scrollerOf(here.root.host);
  here.lists = KINDS.map((kind) => makeList(here, kind, labels));
  here.root.querySelector(".lists").append(...here.lists.map((list) => list.section));
  const scrolls = here.scroller === document.scrollingElement ? document : here.scroller;
  scrolls.addEventListener("scroll", () => soon(here), { ...here.while, passive: true });
  const sizes = new ResizeObserver(() => { const width = here.root.querySelector(".lists").clientWidth; if (width !== here.width) for (const list of here.lists) list.heights.clear(); here.width = width; soon(here); });
  sizes.observe(here.root.querySelector(".lists"));
  sizes.observe(here.scroller);
  here.while.signal.addEventListener("abort", () => sizes.disconnect());
}

function makeList(here, kind, labels) {
  const all = el("input", { type: "checkbox", class: "all", "aria-label": labels.pickAll[kind] });
  const count = el("span", { class: "count" });
  const title = el("h2", { id: `queue-${kind}` }, ...(kind === "attention" ? [icon("ATTENTION")] : []), el("span", {}, labels.kinds[kind]), count);
  const ul = el("ul", { role: "list", "aria-labelledby": `queue-${kind}` });
  const list = { kind, all, count, ul, section: el("section", { class: kind, hidden: true }, el("header", {}, all, title), ul), items: [], nodes: new Map(), heights: new Map() };
  all.addEventListener("change", () => pickAll(here, list, all.checked), here.while);
  ul.addEventListener("click", (event) => onRow(here, event), here.while);
  ul.addEventListener("keydown", (event) => { if (onRowKey(here, list, event)) keep(event); }, here.while);
  ul.addEventListener("focusin", (event) => focusOn(list, event.target.closest("li")), here.while);
  return list;
}

/** What scrolls the page: Streamlit's main part, or the document. */
function scrollerOf(node) {
  for (let box = node; box; box = box.parentElement) if (/auto|scroll/.test(getComputedStyle(box).overflowY)) return box;
  return document.scrollingElement;
}

function soon(here) {
  here.frame ??= requestAnimationFrame(() => { here.frame = null; if (!here.while.signal.aborted) for (const list of here.lists) drawList(here, list); });
}

/** Puts every row into its list; what was selected and is gone is selected no more. */
function sortOut(here) {
  for (const list of here.lists) list.items = [];
  for (const row of here.rows.values()) here.lists[kindOf(row)].items.push(row);
  for (const { kind, items } of here.lists) items.sort(kind === "failed" ? (a, b) => b.at - a.at : (a, b) => a.at - b.at);
  for (const id of here.selected) if (!here.rows.has(id)) here.selected.delete(id);
}

function kindOf({ status }) {
  return status === "ATTENTION" ? 0 : ["PENDING", "PROCESSING"].includes(status) ? 1 : 2;
}

/** Draws what of a list is in sight. Rows that turn out to be higher or lower than was guessed make it look again. */
function drawList(here, list, again = 2) {
  const { kind, items, ul, heights, nodes } = list;
  list.section.hidden = !items.length;
  if (!items.length) { ul.replaceChildren(); nodes.clear(); return; }
  say(list.count, items.length.toLocaleString(here.data.labels.language));
  drawAllBox(here, list);
  const { from, to, above, below } = windowOf(here, list), hadFocus = ul.contains(here.root.activeElement) && focusedRow(here);
  ul.style.paddingTop = `${above}px`;
  ul.style.paddingBottom = `${below}px`;
  reconcile(ul, nodes, items.slice(from, to), () => makeRow(here, kind), (node, item) => paintRow(here, node, item, items.indexOf(item), items.length));
  let isOff = false;
  for (const [id, node] of nodes) { const height = node.offsetHeight; isOff ||= height && heights.get(id) !== height; if (height) heights.set(id, height); }
  if (!ul.querySelector("li[data-here]")) focusOn(list, ul.firstElementChild);
  if (hadFocus && !ul.contains(here.root.activeElement)) ul.querySelector(".pick")?.focus({ preventScroll: true });
  if (isOff && again) drawList(here, list, again - 1);
}

function focusedRow(here) {
  return here.root.activeElement?.closest?.("li");
}

/** Which rows are in sight, and the height of those above and below. */
function windowOf(here, { kind, items, ul, heights }) {
  const [top, bottom] = edgesOf(here), start = ul.getBoundingClientRect().top, guess = heights.values().next().value ?? GUESS_PX[kind];
  let y = start, from = 0, to = 0, above = 0, below = 0;
  for (const [at, { id }] of items.entries()) {
    const height = heights.get(id) ?? guess;
    if (y + height < top - BEYOND) { above += height; from = at + 1; to = at + 1; }
    else if (y < bottom + BEYOND) to = at + 1;
    else below += height;
    y += height;
  }
  if (from >= items.length) { from = items.length - 1; to = items.length; above -= heights.get(items[from].id) ?? guess; }     // scrolled past it: one row keeps the place
  if (to === from) { to = from + 1; below -= heights.get(items[from].id) ?? guess; }
  return { from, to, above: Math.max(0, above), below: Math.max(0, below) };
}

/** The upper and the lower edge of what is in sight, in px of the window. */
function edgesOf({ scroller }) {
  if (scroller === document.scrollingElement) return [0, innerHeight];
  const { top, bottom } = scroller.getBoundingClientRect();
  return [Math.max(0, top), Math.min(innerHeight, bottom)];
}

/** The rows in sight that move by themselves. */
function inSight(here) {
  return here.lists.filter(({ kind }) => kind !== "failed").flatMap(({ nodes }) => [...nodes.keys()]);
}

function makeRow(here, kind) {
  const { labels } = here.data;
  const words = el("div", { class: "words" },
    el("p", { class: "title" }, el("a", { class: "name" }), el("span", { class: "where" })),
    el("p", { class: "prompt" }), el("p", { class: "about" }));
  const row = el("li", {}, el("input", { type: "checkbox", class: "pick" }), el("a", { class: "frame", tabindex: -1, "aria-hidden": "true" }, picture(), icon("frame")), words);
  if (kind === "flight") row.append(el("div", { class: "way" }, el("span", { class: "track", "aria-hidden": "true" }, ...STEP_NAMES.map(() => el("i"))), el("p", { class: "now" }, el("strong"), el("span", { class: "time" }), el("span", { class: "place" }))));
  else words.append(el("p", { class: "said" }));
  row.append(el("div", { class: "deeds", role: "group", "aria-label": labels.decide }));
  return row;
}

function paintRow(here, node, item, at, count) {
  const part = (name) => node.querySelector(name), { labels } = here.data, name = nameOfRow(here, item);
  node.item = item;
  set(node, "data-id", item.id);
  set(node, "aria-posinset", at + 1);
  set(node, "aria-setsize", count);
  set(node, "aria-busy", here.busy.has(item.id) ? "true" : null);
  const pick = part(".pick"), url = `/box?box=${item.box_id}&take=${item.id}`;
  pick.checked = here.selected.has(item.id);
  pick.disabled = item.role === "VIEWER";
  set(pick, "aria-label", fill(labels.pick, { name }));
  node.classList.toggle("picked", pick.checked);
  show(part("img"), item.thumbnail_url, item.placeholder, "");
  for (const link of node.querySelectorAll("a")) set(link, "href", url);
  say(part(".name"), name);
  say(part(".where"), item.project_name);
  say(part(".prompt"), item.prompt_text);
  set(part(".prompt"), "title", item.prompt_text);
  const cost = item.cost_estimate ? `${item.cost_estimate} ${labels.units[item.cost_unit] ?? item.cost_unit ?? ""}`.trim() : "";
  say(part(".about"), [item.model_title, item.created_by === here.data.me ? "" : item.created_by_name, cost].filter(Boolean).join(" · "));
  if (part(".said")) say(part(".said"), item.error_message ?? (item.status === "CANCELLED" ? labels.arrived : ""));
  if (part(".way")) paintWay(here, node, item);
  const deeds = deedsFor(item);
  if (node.deeds !== deeds.join()) part(".deeds").replaceChildren(...deedButtons(here, deeds));
  node.deeds = deeds.join();
  for (const button of part(".deeds").children) button.disabled = here.busy.has(item.id);
  tabToRow(node, node.hasAttribute("data-here"));
}

function nameOfRow({ data: { labels } }, item) {
  return `${item.box_code} ${item.box_name} · ${fill(item.asset_type === "VIDEO" ? labels.clip : labels.take, { n: item.number })}`;
}

/** How far it is: a track for the eye, and words. */
function paintWay(here, node, item) {
  const { labels } = here.data, now = Math.max(0, STEP_NAMES.indexOf(item.step)), track = node.querySelector(".track");
  [...track.children].forEach((bit, at) => { set(bit, "class", at < now ? "over" : at === now ? "on" : null); });
  say(node.querySelector(".now strong"), labels.steps[STEP_NAMES[now]]);
  say(node.querySelector(".place"), item.position ? fill(labels.place, { n: item.position.toLocaleString(labels.language) }) : "");
  set(node.querySelector(".now"), "title", fill(labels.ordered, { time: new Date(item.at).toLocaleString(labels.language) }));
  tickRow(here, node);
}

/** The time a take has been at its step, by the server's clock. */
function tickRow(here, node) {
  const time = node.querySelector(".time");
  if (time) say(time, clock((Date.now() - here.skew - Date.parse(node.item.since)) / 1000));
}

function tickTimes(here) {
  for (const node of here.lists[1].nodes.values()) tickRow(here, node);
}

/** In each list one row is in the tab order, with all of its controls. */
function focusOn(list, row) {
  if (!row || row.hasAttribute("data-here")) return;
  for (const other of list.ul.querySelectorAll("li[data-here]")) { other.removeAttribute("data-here"); tabToRow(other, false); }
  row.setAttribute("data-here", "");
  tabToRow(row, true);
}

function tabToRow(row, isHere) {
  for (const part of row.querySelectorAll(".pick, .name, .deed")) part.tabIndex = isHere ? 0 : -1;
}
