// What stands around the wall: the filters above it, the bar of a selection below, the sheet of keys.

const FILTERS = [["", "all"], ["IMAGE", "images"], ["VIDEO", "clips"]];
const STARS = [1, 2, 3, 4, 5];

function startBars(here) {
  const { labels } = here.data;
  here.filters = here.root.querySelector(".filters");
  here.bar = here.root.querySelector(".bar");
  here.sheet = here.root.querySelector(".sheet");
  here.question = here.root.querySelector(".question");
  const kinds = el("span", { class: "kinds", role: "group", "aria-label": labels.kinds }, ...FILTERS.map(([type, name]) => el("button", { type: "button", "data-type": type }, labels[name])));
  const least = el("select", { "aria-label": labels.least, title: labels.least }, el("option", { value: 0 }, labels.anyRating), ...STARS.map((n) => el("option", { value: n }, `${"★".repeat(n)}${n < 5 ? "+" : ""}`)));
  const size = el("input", { type: "range", min: 0, max: SIZES.length - 1, step: 1, value: here.size, "aria-label": labels.size, title: labels.size });
  here.parts = { kinds, least, size, favorites: flag("favorites", "heart", labels.favorites), trashed: flag("trashed", "trash", labels.trash), count: el("span", { class: "count", role: "status" }) };
  here.filters.append(kinds, here.parts.favorites, least, here.parts.trashed, here.parts.count, size, tool("keys", "keys", labels.keys));
  here.filters.addEventListener("click", (event) => onFilter(here, event.target.closest("button")), here.while);
  least.addEventListener("change", () => filter(here, { rating: Number(least.value) }), here.while);
  size.addEventListener("input", () => resize(here, Number(size.value)), here.while);
  fillBar(here);
  fillSheet(here);
}

function flag(name, iconName, label) {
  return el("button", { type: "button", class: "flag", "data-flag": name, "aria-label": label, title: label }, icon(iconName), el("span", {}, label));
}

function onFilter(here, button) {
  if (!button) return;
  const { type, flag, act } = button.dataset;
  if (act === "keys") here.sheet.showModal();
  else if (flag) filter(here, { [flag]: !here.shelf.filter[flag] });
  else filter(here, { type });
}

/** Another filter; this tab remembers it for this shot. */
function filter(here, change) {
  here.selected.clear();
  here.all = null;
  here.items = [];
  sift(here.shelf, change);
  keepFor(sessionStorage, `apom filter ${here.shelf.box}`, here.shelf.filter);
}

function resize(here, size) {
  const at = isBelow(here) ? here.items.indexOf(here.focus) : -1;
  here.size = size;
  keepFor(localStorage, "apom gallery size", size);
  measure(here);
  arrange(here);
  if (at < 0) return;
  reveal(here, at);
  arrange(here);
}

/** The bar: what may be done with the selection. */
function fillBar(here) {
  const { labels } = here.data, rating = el("span", { class: "rating", role: "group", "aria-label": labels.rate });
  rating.append(...STARS.map((n) => { const star = tool("rate", "star", fill(labels.rateTo, { n })); star.dataset.n = n; return star; }));
  here.bar.append(el("span", { class: "picked-count", role: "status" }), words("all", ""), tool("favorite", "heart", labels.favorite), tool("headliner", "crown", labels.headliner), rating,
    tool("trash", "trash", labels.toTrash), words("restore", labels.restore), words("purge", labels.purge), tool("clear", "cross", labels.clear));
  here.bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button?.dataset.act === "all") takeAll(here);
    else if (button) judge(here, button.dataset.act, Number(button.dataset.n));
  }, here.while);
}

function words(action, label) {
  return el("button", { type: "button", class: "words", "data-act": action }, label);
}

function fillSheet(here) {
  const { labels } = here.data, close = tool("close", "cross", labels.closeSheet);
  const rows = labels.sheet.map(([keys, what]) => el("div", {}, el("dt", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("dd", {}, what)));
  set(here.sheet, "aria-label", labels.keyboard);
  here.sheet.append(el("header", {}, el("strong", {}, labels.keyboard), close), el("dl", {}, ...rows));
  here.sheet.addEventListener("click", (event) => { if (event.target === here.sheet || event.target.closest("[data-act=close]")) here.sheet.close(); }, here.while);
}

/** Paints filters and bar for what is on the wall now. */
function drawBars(here) {
  const { labels, may } = here.data, { filter: now, next, total, state } = here.shelf, { kinds, least, count } = here.parts;
  for (const button of kinds.children) press(button, button.dataset.type === now.type);
  for (const name of ["favorites", "trashed"]) press(here.parts[name], now[name]);
  least.value = now.rating;
  const n = here.items.length + here.held, isAll = places(here) > here.items.length + here.columns;
  say(count, state === "new" ? "" : counted(labels, "count", isAll ? total : n) + (next && !isAll ? "+" : ""));
  const takes = chosen(here).map((id) => view(here.shelf, id)), part = (act) => here.bar.querySelector(`[data-act=${act}]`);
  here.bar.hidden = !here.selected.size;
  here.wall.classList.toggle("picking", here.selected.size > 0);
  if (here.bar.hidden) return;
  say(here.bar.querySelector(".picked-count"), fill(labels.picked, { n: here.selected.size }));
  for (const act of ["favorite", "headliner", "trash"]) part(act).hidden = !may || now.trashed;
  here.bar.querySelector(".rating").hidden = !may || now.trashed;
  for (const act of ["restore", "purge"]) part(act).hidden = !may || !now.trashed;
  press(part("favorite"), takes.every((take) => take.is_favorite));
  press(part("headliner"), takes.length === 1 && takes[0].is_headliner);
  part("headliner").hidden ||= takes.length > 1;
  drawAll(here);
  for (const act of ["headliner", "purge"]) part(act).hidden ||= Boolean(here.all?.isTaken);
  const rated = takes.every((take) => take.rating === takes[0].rating) ? takes[0].rating : 0;
  for (const star of here.bar.querySelectorAll("[data-act=rate]")) press(star, Number(star.dataset.n) <= rated);
}

/** Asks what cannot be undone; resolves to whether it may be. */
function really(here, text, label) {
  const { labels } = here.data, answer = el("button", { type: "submit", value: "yes", class: "primary" }, label);
  here.question.replaceChildren(el("form", { method: "dialog" }, el("p", {}, text), el("button", { type: "submit", value: "" }, labels.keep), answer));
  here.question.returnValue = "";
  here.question.showModal();
  return new Promise((done) => { here.question.onclose = () => done(here.question.returnValue === "yes"); });
}
