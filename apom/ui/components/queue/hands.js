// What is above the lists and below them, and what a click or a key does.

function startHead(here) {
  const { labels } = here.data, head = here.root.querySelector(".head");
  const projects = el("select", { "aria-label": labels.project, title: labels.project });
  const whose = el("span", { class: "whose", role: "group", "aria-label": labels.whose }, ...["everybody", "mine"].map((name) => el("button", { type: "button", "data-whose": name }, labels[name])));
  here.head = { projects, whose, count: el("span", { class: "total", role: "status" }), houses: el("ul", { class: "houses", role: "list", "aria-label": labels.providers }) };
  head.append(projects, whose, here.head.count, here.head.houses);
  projects.addEventListener("change", () => sift(here, { project: projects.value }), here.while);
  whose.addEventListener("click", (event) => { const { whose: name } = event.target.dataset; if (name) sift(here, { mine: name === "mine" }); }, here.while);
}

function sift(here, change) {
  Object.assign(here.filter, change);
  keepFor("apom queue", here.filter);
  Object.assign(here, { rows: new Map(), state: "new" });
  here.selected.clear();
  drawAll(here);
  readAll(here);
}

function drawHead(here) {
  const { labels } = here.data, { projects, whose, count, houses } = here.head;
  const known = new Map([...here.data.projects, ...here.summary.map(({ project_id: id, project_name: name }) => [id, name])]);
  const options = [["", labels.allProjects], ...[...known].sort(([, a], [, b]) => a.localeCompare(b))], shape = JSON.stringify(options);
  if (here.options !== shape) { here.options = shape; projects.replaceChildren(...options.map(([value, name]) => el("option", { value }, name))); }
  projects.value = here.filter.project;
  for (const button of whose.children) press(button, (button.dataset.whose === "mine") === here.filter.mine);
  const [attention, flight] = here.lists.map(({ items }) => items.length);
  say(count, here.state === "new" ? "" : [attention && counted(labels, "needs", attention), counted(labels, "inFlight", flight)].filter(Boolean).join(" · "));
  houses.replaceChildren(...here.health.filter(isTold).map((health) => drawHouse(here, health)));
}

/** Only providers that were asked: of the others there is nothing to tell. */
function isTold(health) {
  return health.in_flight || health.waiting || health.error_rate !== null || health.last_success_at;
}

function drawHouse(here, health) {
  const { labels } = here.data, isPaused = Boolean(health.paused_until), isIll = (health.error_rate ?? 0) >= 0.2;
  const time = (text) => new Date(text).toLocaleTimeString(labels.language, { hour: "2-digit", minute: "2-digit" });
  const state = isPaused ? fill(labels.paused, { time: time(health.paused_until) }) : isIll ? labels.ill : labels.well;
  const facts = [
    health.most ? fill(labels.atWork, { n: health.in_flight, most: health.most }) : counted(labels, "inFlight", health.in_flight),
    health.waiting && counted(labels, "waiting", health.waiting),
    health.error_rate !== null && fill(labels.errors, { share: Math.round(health.error_rate * 100) }),
    health.last_success_at && fill(labels.delivered, { time: time(health.last_success_at) }),
  ];
  const shape = isPaused ? "PENDING" : isIll ? "ATTENTION" : "check";
  return el("li", { class: isPaused || isIll ? "house loud" : "house" }, icon(shape), el("strong", {}, health.title), el("span", {}, state), el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")));
}

function startBar(here) {
  here.bar = here.root.querySelector(".bar");
  here.bar.addEventListener("click", (event) => {
    const deed = event.target.closest("[data-deed]")?.dataset.deed;
    if (deed) onDeed(here, deed, able(here, deed));
    if (event.target.closest("[data-act=clear]")) clearPicks(here);
  }, here.while);
  here.root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && here.selected.size && !event.target.closest("dialog")) { clearPicks(here); keep(event); }
  }, here.while);
}

/** The selected rows for which a deed is possible. */
function able(here, deed) {
  return [...here.selected].map((id) => here.rows.get(id)).filter((row) => row && deedsFor(row).includes(deed));
}

function drawBar(here) {
  const { labels } = here.data, { bar, selected } = here;
  bar.hidden = !selected.size;
  here.root.querySelector(".lists").classList.toggle("picking", selected.size > 0);
  if (bar.hidden) return;
  const deeds = Object.keys(labels.deeds).filter((deed) => deed !== "paste_task_id").map((deed) => [deed, able(here, deed).length]).filter(([, n]) => n);
  const shape = `${selected.size} ${deeds.join()}`;
  if (here.shape === shape) return;
  here.shape = shape;
  const held = here.root.activeElement?.dataset?.deed;
  bar.replaceChildren(el("span", { class: "picked-count", role: "status" }, fill(labels.picked, { n: selected.size.toLocaleString(labels.language) })),
    ...deeds.map(([deed, n]) => deedButton(here, deed, n)), tool("clear", "cross", labels.clear));
  if (held) bar.querySelector(`[data-deed=${held}]`)?.focus();
}

function onRow(here, event) {
  const row = event.target.closest("li"), deed = event.target.closest("[data-deed]")?.dataset.deed;
  if (deed) return onDeed(here, deed, [row.item]);
  if (event.target.matches(".pick")) return pickRow(here, row.item.id, event.shiftKey);
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  act(here, "open", row.item.id);
}

/** Up and down from row to row, on the same control; X selects. */
function onRowKey(here, list, event) {
  const row = event.target.closest("li"), step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return false;
  if (keyOf(event) === "x") { if (!row.item || row.item.role !== "VIEWER") pickRow(here, row.item.id, event.shiftKey, true); return true; }
  const to = step && (step > 0 ? row.nextElementSibling : row.previousElementSibling);
  if (!to) return false;
  const same = event.target.matches(".name") ? ".name" : event.target.dataset.deed ? `[data-deed=${event.target.dataset.deed}]` : ".pick";
  focusOn(list, to);
  (to.querySelector(same) ?? to.querySelector(".name")).focus();
  return true;
}

/** Selects a row or not; with Shift all from the one before. */
function pickRow(here, id, isRange, isKey = false) {
  const { items } = here.lists[kindOf(here.rows.get(id))], at = items.findIndex((row) => row.id === id), from = items.findIndex((row) => row.id === here.anchor);
  const on = !here.selected.has(id);
  const some = isRange && from >= 0 ? items.slice(Math.min(from, at), Math.max(from, at) + 1) : [items[at]];
  for (const row of some) if (row.role !== "VIEWER") on ? here.selected.add(row.id) : here.selected.delete(row.id);
  here.anchor = id;
  repickRows(here);
}

function pickAll(here, { items }, on) {
  for (const row of items) if (row.role !== "VIEWER") on ? here.selected.add(row.id) : here.selected.delete(row.id);
  repickRows(here);
}

function drawAllBox(here, { all, items }) {
  const mine = items.filter((row) => row.role !== "VIEWER"), n = mine.filter((row) => here.selected.has(row.id)).length;
  all.hidden = !mine.length;
  all.checked = n > 0 && n === mine.length;
  all.indeterminate = n > 0 && n < mine.length;
}

function repickRows(here) {
  for (const list of here.lists) drawList(here, list);
  drawBar(here);
}

function clearPicks(here) {
  here.selected.clear();
  repickRows(here);
}

/** Does it, shows at once that it is under way, and says in one sentence what came of it. */
async function onDeed(here, deed, rows) {
  const mark = (ids, on) => { for (const id of ids) on ? here.busy.add(id) : here.busy.delete(id); repickRows(here); };
  const ids = rows.map(({ id }) => id), sum = await doDeed(here, deed, rows, (begun) => mark(begun, true));
  mark(ids, false);
  if (!sum) return;
  notice(here, sumUp(here, deed, sum));
  for (const id of ids) here.selected.delete(id);
  for (const id of [...ids, ...sum.takes.map((take) => take.id)]) here.stale.add(id);
  drawBar(here);
  here.looked = 0;
  pulse(here);
}
