// What others said, unread first; live, with answers in place. It asks our REST interface by itself.

const AT_ONCE = 100, MOST_READ = 200;
const NEWS = ["comment", "verdict", "hello", "caught_up"];

export default function (component) {
  const here = remember(component, start);
  listen(here, "/api/events", (event) => { if (NEWS.includes(event.type)) lookSoon(here); });
  return here.end;
}

function start(here) {
  const { labels } = here.data;
  Object.assign(here, { items: { unread: [], read: [] }, selected: new Set(), state: "new", project: "", nodes: new Map(), known: [] });
  here.projects = el("select", { "aria-label": labels.project }, el("option", { value: "" }, labels.allProjects), ...here.data.projects.map(([id, name]) => el("option", { value: id }, name)));
  here.projects.addEventListener("change", () => { here.project = here.projects.value; here.selected.clear(); readInbox(here); }, here.while);
  here.total = el("span", { class: "total", role: "status" });
  here.root.querySelector(".head").append(here.projects, here.total);
  here.allRead = el("button", { type: "button", class: "deed", "data-act": "allRead" }, labels.allRead);
  here.root.querySelector(".head").append(here.allRead);
  here.list = el("ul", { role: "list", "aria-label": labels.list });
  here.root.querySelector(".lists").append(here.list);
  here.bar = here.root.querySelector(".bar");
  here.root.addEventListener("click", (event) => onInboxClick(here, event), here.while);
  here.root.addEventListener("keydown", (event) => {
    if (event.target.matches?.("textarea")) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) sendAnswer(here, event.target.closest("li"), event.target.closest("li").item.visibility);
      if (event.key === "Escape") closeAnswer(event.target.closest("li"));
      event.stopPropagation();
    }
  }, here.while);
  readInbox(here);
}

/** What happens together is looked at once; 150 ms is at once for people. */
function lookSoon(here) {
  here.looking ??= setTimeout(() => { here.looking = null; readInbox(here); }, 150);
}

async function readInbox(here) {
  const turn = here.turn = (here.turn ?? 0) + 1, { labels } = here.data;
  const of = (isRead, limit) => `/api/inbox?${new URLSearchParams({ is_read: isRead, limit, ...(here.project && { project_id: here.project }) })}`;
  try {
    const [unread, read] = await Promise.all([ask("GET", of(false, MOST_READ)), ask("GET", of(true, AT_ONCE))]);
    if (turn !== here.turn) return;
    here.items = { unread: unread.items, read: read.items };
    Object.assign(here, { state: "ready", misses: 0, more: Boolean(unread.next) });
  } catch (problem) {
    if (turn !== here.turn || here.while.signal.aborted) return;
    here.misses = (here.misses ?? 0) + 1;
    if (here.state === "new") here.state = "failed";
    if (mayPass(problem)) setTimeout(() => { if (turn === here.turn && !here.while.signal.aborted) readInbox(here); }, patience(here.misses, problem));
  }
  drawInbox(here, labels);
}

/** Unread first; what one is answering stays where it is, whoever reads it meanwhile. */
function inOrder(here) {
  const found = [...here.items.unread, ...here.items.read], isOpen = ({ id }) => here.nodes.get(id)?.querySelector(".answer")?.hidden === false;
  const isNew = (item) => isOpen(item) ? here.nodes.get(item.id).wasNew : !item.is_read;
  const items = found.map((item) => ({ ...item, isNew: isNew(item) }));
  return items.sort((a, b) => b.isNew - a.isNew || b.at.localeCompare(a.at));
}

function drawInbox(here) {
  const { labels } = here.data, items = here.known = inOrder(here), known = new Set(items.map(({ id }) => id)), writes = here.root.activeElement;
  for (const id of here.selected) if (!known.has(id)) here.selected.delete(id);
  reconcile(here.list, here.nodes, items, () => makeItem(here), (node, item) => paintItem(here, node, item));
  if (writes?.matches("textarea") && here.root.activeElement !== writes) writes.focus();
  let before = null;
  for (const { id, isNew } of items) { set(here.nodes.get(id), "data-head", isNew === before ? null : labels.parts[isNew ? "unread" : "read"]); before = isNew; }
  const n = here.items.unread.length;
  say(here.total, here.state === "new" ? "" : n ? counted(labels, "unread", n) + (here.more ? "+" : "") : labels.noUnread);
  here.allRead.hidden = !here.items.unread.some(({ role }) => role !== "VIEWER");
  const isEmpty = here.state !== "new" && !known.size;
  teach(here.root.querySelector(".empty"), here.state === "failed" ? { empty: labels.failed[0], hint: labels.failed[1] } : { empty: labels.none[0], hint: labels.none[1] }, isEmpty);
  drawPicked(here);
}

function drawPicked(here) {
  const { labels } = here.data, { bar, selected } = here;
  bar.hidden = !selected.size;
  here.root.querySelector(".lists").classList.toggle("picking", selected.size > 0);
  if (bar.hidden) return;
  const deed = (name) => el("button", { type: "button", class: "deed", "data-act": name }, labels[name]);
  bar.replaceChildren(el("span", { class: "picked-count", role: "status" }, fill(labels.picked, { n: selected.size })), deed("markRead"), deed("markUnread"), deed("resolve"), tool("clear", "cross", labels.clear));
}

function makeItem(here) {
  const { labels } = here.data;
  return el("li", {},
    el("input", { type: "checkbox", class: "pick" }),
    el("a", { class: "shown", href: "#", "data-act": "open" }, el("span", { class: "frame" }, picture(), icon("frame"), el("span", { class: "region" }))),
    el("div", { class: "words" },
      el("p", { class: "by" }, el("b"), el("span", { class: "from" }), el("span", { class: "chip inside" }, icon("lock"), labels.internal), el("time")),
      el("p", { class: "where" }),
      el("p", { class: "verdict" }),
      el("p", { class: "text" }),
      el("div", { class: "deeds" }),
      el("div", { class: "answer", hidden: true })));
}

function paintItem(here, node, item) {
  const { labels } = here.data, part = (name) => node.querySelector(name), mine = item.role !== "VIEWER";
  node.item = item;
  node.wasNew = item.isNew;
  node.classList.toggle("unread", item.isNew);
  node.classList.toggle("picked", here.selected.has(item.id));
  node.classList.toggle("resolved", item.is_resolved);
  part(".pick").checked = here.selected.has(item.id);
  part(".pick").hidden = !mine;
  set(part(".pick"), "aria-label", fill(labels.pick, { name: item.author_name }));
  show(part("img"), item.thumbnail_url, item.placeholder, "");
  drawRegionOn(part(".region"), item.region);
  say(part(".by b"), item.author_name);
  say(part(".from"), item.link_label ? fill(labels.through, { name: item.link_label }) : labels.member);
  part(".inside").hidden = item.kind === "verdict" || item.visibility === "CLIENT";
  say(part("time"), new Date(item.at).toLocaleString(labels.language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }));
  set(part("time"), "datetime", item.at);
  const take = item.take_number && fill(item.asset_type === "VIDEO" ? labels.clip : labels.take, { n: item.take_number });
  const moment = item.timecode_s !== null && [item.timecode_s, item.end_s].filter((s) => s !== null).map(stamp).join(" – ");
  say(part(".where"), [item.project_name, `${item.box_code} ${item.box_name}`, take, item.round_number && fill(labels.round, { n: item.round_number }), moment].filter(Boolean).join(" · "));
  set(part(".shown"), "aria-label", fill(labels.open, { name: `${item.box_code} ${item.box_name}` }));
  part(".shown").hidden = !item.asset_id;
  const verdict = part(".verdict");
  verdict.hidden = !item.verdict;
  if (item.verdict && verdict.dataset.verdict !== item.verdict) { verdict.dataset.verdict = item.verdict; verdict.replaceChildren(icon(item.verdict === "APPROVED" ? "check" : "changes"), labels.verdicts[item.verdict]); }
  say(part(".text"), item.text);
  part(".text").hidden = !item.text;
  drawDeeds(here, node, item, mine);
}

function drawDeeds(here, node, item, mine) {
  const { labels } = here.data, isComment = item.kind === "comment";
  const names = [isComment && item.asset_id && "reply", mine && isComment && (item.is_resolved ? "reopen" : "resolve"), mine && (item.is_read ? "markUnread" : "markRead"), mine && isComment && item.visibility === "CLIENT" && (item.is_hidden ? "unhide" : "hide")].filter(Boolean);
  if (node.deeds === names.join()) return;
  node.deeds = names.join();
  node.querySelector(".deeds").replaceChildren(...names.map((name) => el("button", { type: "button", class: "deed", "data-act": name }, labels[name])));
}

/** Where on the picture it points. */
function drawRegionOn(box, region) {
  box.replaceChildren();
  if (!region) return;
  const [x, y, w, h] = region.kind === "box" ? [region.x, region.y, region.width, region.height] : region.kind === "pin" ? [region.x, region.y, 0, 0] : boundsOf(region.lines.flat());
  const mark = el("i", { class: region.kind === "pin" ? "spot" : "box" });
  Object.assign(mark.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: w ? `${w * 100}%` : "", height: h ? `${h * 100}%` : "" });
  box.append(mark);
}

function boundsOf(points) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y), x = Math.min(...xs), y = Math.min(...ys);
  return [x, y, Math.max(...xs) - x, Math.max(...ys) - y];
}

/** 65.25 -> "1:05.2" */
function stamp(seconds) {
  const tenths = Math.round(seconds * 10 - 0.001), s = Math.floor(tenths / 10);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}.${tenths % 10}`;
}

function onInboxClick(here, event) {
  const row = event.target.closest("li"), name = event.target.closest("[data-act]")?.dataset.act;
  if (event.target.matches(".pick")) { here.selected.has(row.item.id) ? here.selected.delete(row.item.id) : here.selected.add(row.item.id); return drawInbox(here); }
  if (!name) return;
  event.preventDefault();
  const ids = row ? [row.item.id] : [...here.selected];
  const deeds = {
    open: () => { if (row.item.role !== "VIEWER" && !row.item.is_read) markItems(here, ids, { is_read: true }); act(here, "open", row.item.asset_id); },
    allRead: () => markItems(here, here.items.unread.filter(({ role }) => role !== "VIEWER").map(({ id }) => id), { is_read: true }, "undoRead"),
    markRead: () => markItems(here, ids, { is_read: true }), markUnread: () => markItems(here, ids, { is_read: false }),
    resolve: () => markItems(here, ids, { is_resolved: true, is_read: true }), reopen: () => markItems(here, ids, { is_resolved: false }),
    hide: () => markItems(here, ids, { is_hidden: true }), unhide: () => markItems(here, ids, { is_hidden: false }),
    clear: () => { here.selected.clear(); drawInbox(here); },
    reply: () => openAnswer(here, row), quit: () => closeAnswer(row),
    sendClient: () => sendAnswer(here, row, "CLIENT"), sendInside: () => sendAnswer(here, row, "INTERNAL"),
  };
  deeds[name]?.();
}

/** Marks them at once here, then at the server. */
async function markItems(here, ids, marks) {
  const { labels } = here.data;
  if (!ids.length) return;
  try {
    for (let i = 0; i < ids.length; i += AT_ONCE) await ask("POST", "/api/inbox/marks", { ids: ids.slice(i, i + AT_ONCE), ...marks });
    here.selected.clear();
    if (marks.is_read && ids.length > 1) notice(here, counted(labels, "marked", ids.length), labels.undo, () => markItems(here, ids, { is_read: false }));
  } catch (problem) { notice(here, problem.message || labels.offline); }
  readInbox(here);
}

function openAnswer(here, row) {
  const { labels } = here.data, box = row.querySelector(".answer");
  if (!box.hidden) return box.querySelector("textarea").focus();      // what is written there stays
  const isClient = row.item.visibility === "CLIENT" && row.item.role !== "VIEWER";
  const field = el("textarea", { rows: 2, maxlength: 2000, "aria-label": labels.reply, placeholder: fill(labels.replyTo, { name: row.item.author_name }) });
  box.replaceChildren(field, el("div", { class: "ways" }, ...(isClient ? [el("button", { type: "button", class: "deed main", "data-act": "sendClient" }, labels.sendClient)] : []), el("button", { type: "button", class: isClient ? "deed" : "deed main", "data-act": "sendInside" }, labels.sendInside), el("button", { type: "button", class: "deed", "data-act": "quit" }, labels.quit)));
  box.hidden = false;
  field.focus();
}

function closeAnswer(row) {
  row.querySelector(".answer").hidden = true;
}

/** What was written stays until it has arrived. */
async function sendAnswer(here, row, visibility) {
  const { labels } = here.data, field = row.querySelector("textarea"), text = field.value.trim(), { item } = row;
  if (!text || row.sends) return;
  row.sends = true;
  try {
    await ask("POST", `/api/assets/${item.asset_id}/comments`, { text, visibility, answers: item.id });
    closeAnswer(row);
    notice(here, visibility === "CLIENT" ? labels.sentClient : labels.sentInside);
  } catch (problem) {
    return notice(here, problem.message || labels.offline);
  } finally { row.sends = false; }        // marking is no reason to hold the next answer back
  if (!item.is_read && item.role !== "VIEWER") await ask("POST", "/api/inbox/marks", { ids: [item.id], is_read: true }).catch((problem) => notice(here, problem.message || labels.offline));
  readInbox(here);
}
