const HANDLE = ".open";
const sameOrder = (a, b) => a.join() === b.join();

export default function (component) {
  const here = remember(component, start);
  draw(here);
  return here.end;
}

function start(here) {
  here.list = here.root.querySelector("ol");
  here.nodes = new Map();
  const cardOf = (event) => event.target.closest("[data-id]");
  here.list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]"), card = cardOf(event);
    if (card && button) perform(here, card, button.dataset.act, button);
  }, here.while);
  here.list.addEventListener("keydown", (event) => {
    const move = event.altKey && { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later" }[event.key];
    if (move) { perform(here, cardOf(event), move, event.target); keep(event); }
    else if (!isTaken(event) && roam(event, here.list, HANDLE)) keep(event);
  }, here.while);
  here.list.addEventListener("focusin", (event) => rove(here.list, HANDLE, cardOf(event)), here.while);
}

/** Opens, or moves by one place: at once here, then in the data. */
function perform(here, card, action, focus) {
  const id = card.dataset.id;
  if (!here.data.allow.includes(action)) return;
  if (action === "open") return act(here, action, id);
  const order = [...here.list.children].map((node) => node.dataset.id), from = order.indexOf(id), to = from + (action === "later" ? 1 : -1);
  if (to < 0 || to >= order.length) return;
  order.splice(to, 0, ...order.splice(from, 1));
  wish(here, "order", order, () => draw(here));
  draw(here);
  (focus.disabled ? card.querySelector(HANDLE) : focus).focus();
  say(here.root.querySelector("[role=status]"), fill(here.data.labels.moved, { code: card.item.code, place: to + 1, count: order.length }));
  act(here, action, id);
}

/** The items in the wished order, as long as it speaks of the same shots. */
function ordered(here) {
  const { items } = here.data, byId = new Map(items.map((item) => [item.id, item]));
  const order = wished(here, "order", items.map((item) => item.id), sameOrder);
  return order.length === items.length && order.every((id) => byId.has(id)) ? order.map((id) => byId.get(id)) : items;
}

function draw(here) {
  const { labels } = here.data, items = ordered(here);
  set(here.list, "aria-label", labels.list);
  reconcile(here.list, here.nodes, items, () => make(labels), (node, item) => paint(here, node, item));
  items.forEach((item, at) => {
    const node = here.nodes.get(item.id);
    node.querySelector("[data-act=earlier]").disabled = at === 0;
    node.querySelector("[data-act=later]").disabled = at === items.length - 1;
  });
  here.list.hidden = items.length === 0;
  teach(here.root.querySelector(".empty"), labels, items.length === 0);
  rove(here.list, HANDLE);
}

function make(labels) {
  const open = el("button", { type: "button", class: "open", "data-act": "open" }, el("span", { class: "frame" }, picture()), icon("frame"));
  const text = el("p", { class: "text" }, el("strong", { class: "code" }), el("span", { class: "name" }));
  const tools = el("span", { class: "tools" }, tool("earlier", "left", labels.earlier), tool("later", "right", labels.later));
  const chips = el("span", { class: "chips" },
    el("span", { class: "chip loud" }, icon("ATTENTION"), el("span")),
    el("span", { class: "chip active" }, icon("PROCESSING"), el("span")));
  return el("li", {}, open, chips, tools, text, el("p", { class: "status" }));
}

function paint(here, node, item) {
  const part = (name) => node.querySelector(name), { labels, allow } = here.data;
  node.item = item;
  set(node, "data-id", item.id);
  node.classList.toggle("bare", !item.thumb);
  show(part("img"), item.thumb, item.placeholder, "");
  const active = `${item.active} ${labels.active}`, attention = item.attention > 1 ? `${labels.attention} · ${item.attention}` : labels.attention;
  set(part(".open"), "aria-label", [item.code, item.name, item.status_text, item.active && active, item.attention && attention].filter(Boolean).join(", "));
  say(part(".code"), item.code);
  say(part(".name"), item.name);
  set(part(".name"), "title", item.name);
  say(part(".status"), item.status_text);
  say(part(".loud span"), attention);
  say(part(".active span"), active);
  part(".loud").hidden = !item.attention;
  part(".active").hidden = !item.active;
  part(".tools").hidden = !allow.includes("earlier") && !allow.includes("later");
}
