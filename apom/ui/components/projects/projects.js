export default function (component) {
  const here = remember(component, start);
  deal(here, make, (node, item) => paint(node, item, here.data.labels));
  return here.end;
}

function start(here) {
  cards(here, here.root.querySelector("ul"), (card, action) => act(here, action, card.dataset.id));
}

function make() {
  const text = el("span", { class: "text" }, el("strong"), el("span", { class: "counts" }), el("span", { class: "note" }));
  return el("li", {}, el("button", { type: "button", class: "open", "data-act": "open" }, el("span", { class: "frame mosaic" }, icon("frame")), badges(), text));
}

function paint(node, item, labels) {
  const part = (name) => node.querySelector(name);
  mosaic(part(".mosaic"), item);
  count(node, item, labels);
  say(part("strong"), item.name);
  set(part("strong"), "title", item.name);
  say(part(".counts"), item.counts_text);
  say(part(".note"), item.note);
  part(".note").hidden = !item.note;
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
