const HANDLE = ".open";

export default function (component) {
  const here = remember(component, start);
  const { items, labels } = here.data;
  set(here.list, "aria-label", labels.list);
  reconcile(here.list, here.nodes, items, make, (node, item) => paint(node, item, labels));
  here.list.hidden = items.length === 0;
  teach(here.root.querySelector(".empty"), labels, items.length === 0);
  rove(here.list, HANDLE);
  return here.end;
}

function start(here) {
  here.list = here.root.querySelector("ul");
  here.nodes = new Map();
  const cardOf = (event) => event.target.closest("[data-id]");
  here.list.addEventListener("click", (event) => {
    if (event.target.closest(HANDLE)) act(here, "open", cardOf(event).dataset.id);
  }, here.while);
  here.list.addEventListener("keydown", (event) => {
    if (!isTaken(event) && roam(event, here.list, HANDLE)) keep(event);
  }, here.while);
  here.list.addEventListener("focusin", (event) => rove(here.list, HANDLE, cardOf(event)), here.while);
}

function make() {
  const chips = el("span", { class: "chips" },
    el("span", { class: "chip loud" }, icon("ATTENTION"), el("span")),
    el("span", { class: "chip active" }, icon("PROCESSING"), el("span")));
  const text = el("span", { class: "text" }, el("strong"), el("span", { class: "counts" }), el("span", { class: "note" }));
  return el("li", {}, el("button", { type: "button", class: "open" }, el("span", { class: "frame mosaic" }, icon("frame")), chips, text));
}

function paint(node, item, labels) {
  const part = (name) => node.querySelector(name);
  set(node, "data-id", item.id);
  mosaic(part(".mosaic"), item);
  const active = `${item.active} ${labels.active}`, attention = item.attention > 1 ? `${labels.attention} · ${item.attention}` : labels.attention;
  say(part("strong"), item.name);
  set(part("strong"), "title", item.name);
  say(part(".counts"), item.counts_text);
  say(part(".note"), item.note);
  part(".note").hidden = !item.note;
  say(part(".loud > span"), attention);
  say(part(".active > span"), active);
  part(".loud").hidden = !item.attention;
  part(".active").hidden = !item.active;
}

/** One to four pictures; those that stay keep their nodes. */
function mosaic(frame, item) {
  while (frame.querySelectorAll(".tile").length > item.thumbs.length) frame.lastElementChild.remove();
  item.thumbs.forEach((thumb, at) => {
    const tile = frame.querySelectorAll(".tile")[at] ?? frame.appendChild(el("span", { class: "tile" }, picture()));
    show(tile.firstChild, thumb, item.placeholders[at], "");
  });
  set(frame, "data-count", item.thumbs.length);
}
