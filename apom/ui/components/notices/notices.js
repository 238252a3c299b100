// What one was told, newest first; live. It asks our REST interface by itself.

const PAGE = 50;
const NEWS = ["notified", "hello", "caught_up"];

Object.assign(ICONS, {
  talk: "M4 6a1.5 1.5 0 0 1 1.5-1.5h13A1.5 1.5 0 0 1 20 6v9a1.5 1.5 0 0 1-1.5 1.5H11L6.5 20v-3.5h-1A1.5 1.5 0 0 1 4 15z",
  coin: "M12 4.5c4.4 0 7.5 1.5 7.5 3.5S16.4 11.5 12 11.5 4.5 10 4.5 8s3.1-3.5 7.5-3.5zM4.5 8v8c0 2 3.1 3.5 7.5 3.5s7.5-1.5 7.5-3.5V8M4.5 12c0 2 3.1 3.5 7.5 3.5s7.5-1.5 7.5-3.5",
  stack: "M4 8.5 12 4.5l8 4-8 4zM4 12.5l8 4 8-4M4 16l8 4 8-4",
});
const SIGNS = { COMMENT: "talk", VERDICT: "check", ATTENTION: "ATTENTION", BUDGET: "coin", BATCH: "stack", WEBHOOK: "ATTENTION" };

export default function (component) {
  const here = remember(component, start);
  listen(here, "/api/events", (event) => { if (NEWS.includes(event.type)) lookSoon(here); });
  return here.end;
}

function start(here) {
  const { labels } = here.data, head = here.root.querySelector(".head");
  Object.assign(here, { items: [], unread: 0, state: "new", only: false, pages: 1, nodes: new Map() });
  here.total = el("span", { class: "total", role: "status" });
  here.filter = el("button", { type: "button", class: "deed", "data-act": "filter", "aria-pressed": "false" }, labels.onlyUnread);
  here.allRead = el("button", { type: "button", class: "deed", "data-act": "allRead" }, labels.allRead);
  head.append(here.total, here.filter, here.allRead);
  here.list = el("ul", { role: "list", "aria-label": labels.list });
  here.more = el("button", { type: "button", class: "deed further", "data-act": "more", hidden: true }, labels.more);
  here.root.querySelector(".lists").append(here.list, here.more);
  here.root.addEventListener("click", (event) => onClick(here, event), here.while);
  read(here);
}

/** What happens together is looked at once; 150 ms is at once for people. */
function lookSoon(here) {
  here.looking ??= setTimeout(() => { here.looking = null; read(here); }, 150);
}

async function read(here) {
  const turn = here.turn = (here.turn ?? 0) + 1;
  try {
    const [first, { unread }] = await Promise.all([page(here, null), ask("GET", "/api/notifications/unread")]);
    let items = first.items, next = first.next;
    for (let n = 1; n < here.pages && next; n++) { const following = await page(here, next); items = items.concat(following.items); next = following.next; }
    if (turn !== here.turn) return;
    Object.assign(here, { items, next, unread, state: "ready", misses: 0 });
  } catch (problem) {
    if (turn !== here.turn || here.while.signal.aborted) return;
    here.misses = (here.misses ?? 0) + 1;
    if (here.state === "new") here.state = "failed";
    if (mayPass(problem)) setTimeout(() => { if (turn === here.turn && !here.while.signal.aborted) read(here); }, patience(here.misses, problem));
  }
  draw(here);
}

function page(here, cursor) {
  return ask("GET", `/api/notifications?${new URLSearchParams({ unread: here.only, limit: PAGE, ...(cursor && { cursor }) })}`);
}

function draw(here) {
  const { labels } = here.data, { items, unread } = here, isEmpty = here.state !== "new" && !items.length;
  reconcile(here.list, here.nodes, items, () => make(here), (node, item) => paint(here, node, item));
  say(here.total, here.state !== "ready" ? "" : unread ? counted(labels, "unread", unread) : labels.noUnread);
  here.allRead.hidden = !unread;
  here.filter.hidden = here.state !== "ready" || (!unread && !here.only);
  press(here.filter, here.only);
  here.more.hidden = !here.next;
  here.list.hidden = !items.length;
  const words = here.state === "failed" ? labels.failed : here.only ? labels.noneUnread : labels.none;
  teach(here.root.querySelector(".empty"), { empty: words[0], hint: words[1] }, isEmpty);
}

function make(here) {
  const { labels } = here.data;
  const seen = el("button", { type: "button", class: "seen", "data-act": "read", title: labels.read }, icon("check"));
  return el("li", {},
    el("span", { class: "dot" }),
    el("span", { class: "sign" }, picture()),
    el("div", { class: "words" }, el("a", { class: "title", "data-act": "open" }, el("span", { class: "sr" }), el("span")), el("p", { class: "text" }), el("p", { class: "where" })),
    seen);
}

function paint(here, node, item) {
  const { labels } = here.data, part = (name) => node.querySelector(name);
  node.item = item;
  node.className = `${item.kind} ${item.is_read ? "" : "unread"}`;
  if (part(".sign svg")?.dataset.icon !== SIGNS[item.kind]) { part(".sign svg")?.remove(); part(".sign").append(icon(SIGNS[item.kind])); }
  show(part("img"), item.thumbnail_url, item.placeholder, "");
  say(part(".title .sr"), item.is_read ? "" : `${labels.isNew}: `);
  say(part(".title").lastElementChild, item.title);
  set(part(".title"), "href", item.path);
  say(part(".text"), item.text);
  part(".text").hidden = !item.text;
  const at = new Date(item.at).toLocaleString(labels.language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  say(part(".where"), [item.project_name, at].filter(Boolean).join(" · "));
  set(part(".seen"), "aria-label", `${labels.read}: ${item.title}`);
  set(part(".seen"), "data-off", item.is_read);
  part(".seen").disabled = item.is_read;
}

function onClick(here, event) {
  const row = event.target.closest("li"), name = event.target.closest("[data-act]")?.dataset.act ?? (row ? "open" : null);
  if (name === "open" && (event.ctrlKey || event.metaKey || event.shiftKey || event.button)) return;
  const deeds = {
    open: () => { event.preventDefault(); act(here, "open", row.item.id); },
    read: () => mark(here, [row.item.id]),
    allRead: () => mark(here, null),
    filter: () => { here.only = !here.only; here.pages = 1; read(here); },
    more: () => { here.pages++; read(here); },
  };
  deeds[name]?.();
}

/** Marks them at once here, then at the server. */
async function mark(here, ids) {
  for (const item of here.items) if ((!ids || ids.includes(item.id)) && !item.is_read) { item.is_read = true; here.unread--; }
  draw(here);
  try { await ask("POST", "/api/notifications/read", { ids }); } catch (problem) { notice(here, problem.message || here.data.labels.offline); }
  read(here);
}
