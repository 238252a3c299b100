const sameOrder = (a, b) => a.join() === b.join();

export default function (component) {
  const here = remember(component, start);
  draw(here);
  return here.end;
}

function start(here) {
  cards(here, here.root.querySelector("ol"), (card, action, button) => perform(here, card, action, button), (event, card) => {
    const move = event.altKey && { ArrowLeft: "earlier", ArrowUp: "earlier", ArrowRight: "later", ArrowDown: "later" }[event.key];
    if (move) perform(here, card, move, event.target);
    return Boolean(move);
  });
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
  const items = ordered(here);
  deal(here, make, (node, item) => paint(here, node, item), items);
  items.forEach((item, at) => {
    const node = here.nodes.get(item.id);
    node.querySelector("[data-act=earlier]").disabled = at === 0;
    node.querySelector("[data-act=later]").disabled = at === items.length - 1;
  });
}

function make(labels) {
  const open = el("button", { type: "button", class: "open", "data-act": "open" }, el("span", { class: "frame" }, picture()), icon("frame"));
  const text = el("p", { class: "text" }, el("strong", { class: "code" }), el("span", { class: "name" }));
  const tools = el("span", { class: "tools" }, tool("earlier", "left", labels.earlier), tool("later", "right", labels.later));
  return el("li", {}, el("div", { class: "top" }, open, badges(), el("span", { class: "chip loud unread", hidden: true }), tools), text, el("p", { class: "status" }));
}

function paint(here, node, item) {
  const part = (name) => node.querySelector(name), { labels, allow } = here.data;
  node.classList.toggle("bare", !item.thumb);
  show(part("img"), item.thumb, item.placeholder, "");
  set(part(".open"), "aria-label", [item.code, item.name, item.status_text, ...count(node, item, labels)].filter(Boolean).join(", "));
  say(part(".code"), item.code);
  say(part(".name"), item.name);
  set(part(".name"), "title", item.name);
  say(part(".status"), item.status_text);
  set(node, "data-progress", item.progress);
  const unread = part(".unread");
  unread.hidden = !item.unread;
  say(unread, item.unread ? counted(labels, "unread", item.unread) : "");
  part(".tools").hidden = !allow.includes("earlier") && !allow.includes("later");
}
