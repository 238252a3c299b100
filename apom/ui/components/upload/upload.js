export default function (component) {
  const here = remember(component, start);
  draw(here);
  return here.end;
}

function start(here) {
  here.uploads = uploadsOf(here.data.place);
  here.uploads.watch = () => draw(here);
  here.while.signal.addEventListener("abort", () => { here.uploads.watch = null; });
  here.rows = new Map();
  startZone(here);
  startRights(here);
  startList(here);
}

/** What is let go anywhere on the page is meant for the shot; a browser would open it instead. */
function startZone(here) {
  const { labels } = here.data, zone = here.zone = here.root.querySelector(".zone");
  here.picker = el("input", { type: "file", multiple: true, accept: here.data.accept, hidden: true, tabindex: -1, "aria-label": labels.choose });
  here.call = el("span", { class: "call" });
  zone.append(icon("up"), here.call, el("button", { type: "button", class: "words" }, labels.choose), el("span", { class: "sizes" }, labels.sizes), here.picker);
  zone.addEventListener("click", (event) => { if (event.target !== here.picker) here.picker.click(); }, here.while);
  here.picker.addEventListener("change", () => { offer(here, [...here.picker.files]); here.picker.value = ""; }, here.while);
  for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => { if (carries(event)) { keep(event); over(here, true); } }, here.while);
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(here, false); }, here.while);
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    keep(event);
    over(here, false);
    offer(here, filesOf(event.dataTransfer));
  }, here.while);
}

function carries({ dataTransfer }) {
  return dataTransfer?.types.includes("Files");
}

/** The files; a folder is one that is said to be none. */
function filesOf({ items, files }) {
  const folders = new Set([...items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory).map(({ name }) => name));
  return [...files].map((file) => (folders.has(file.name) ? { name: file.name, size: 0, isFolder: true } : file));
}

function over(here, isOver) {
  here.zone.classList.toggle("over", isOver);
  say(here.call, isOver ? here.data.labels.letGo : here.data.labels.drop);
}

/** Asks about the rights, once for all that came together. */
function offer(here, found) {
  const { labels } = here.data, folders = found.filter(({ isFolder }) => isFolder);
  for (const { name, size } of folders) here.uploads.files.push({ id: uuid(), name, size, sent: 0, state: "refused", said: labels.folder });
  here.offered = [...here.offered ?? [], ...found.filter(({ isFolder }) => !isFolder)];
  if (!here.data.asksRights) return go(here);
  draw(here);
  if (here.offered.length) here.rights.elements[0].focus();
}

function startRights(here) {
  const { labels, nameChars, rightsChars } = here.data, form = here.rights = here.root.querySelector(".rights");
  const field = (name, most, hint = "") => el("label", {}, el("span", {}, labels[name]), el("input", { name, maxlength: most, placeholder: hint, autocomplete: "off" }));
  here.whose = el("strong");
  here.send = el("button", { type: "submit", class: "main" });
  form.append(
    el("p", {}, here.whose, " ", el("span", {}, labels.why)),
    el("div", { class: "fields" }, field("owner", nameChars, labels.ownerHint), field("licence", nameChars, labels.licenceHint), field("note", rightsChars)),
    el("div", { class: "deeds" }, here.send, el("button", { type: "button" }, labels.leave)),
  );
  for (const [name, value] of Object.entries(lastRights())) if (form.elements[name]) form.elements[name].value = value;
  form.addEventListener("submit", (event) => { event.preventDefault(); go(here); }, here.while);
  form.querySelector("[type=button]").addEventListener("click", () => leave(here), here.while);
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") { keep(event); leave(here); } }, here.while);
}

function go(here) {
  const { asksRights } = here.data, rights = asksRights ? Object.fromEntries(new FormData(here.rights)) : {}, files = here.offered;
  if (asksRights) try { sessionStorage.setItem("apom rights", JSON.stringify(rights)); } catch { /* a private window */ }
  here.offered = [];
  line(here.uploads, files, rights);
  here.zone.querySelector("button").focus();
}

function leave(here) {
  here.offered = [];
  draw(here);
  here.zone.querySelector("button").focus();
}

/** What was said of the last files in this tab is likely true of the next. */
function lastRights() {
  try { return JSON.parse(sessionStorage.getItem("apom rights")) ?? {}; } catch { return {}; }
}

function startList(here) {
  const { labels } = here.data;
  here.drop = here.root.querySelector(".drop");
  here.list = here.drop.querySelector("ul");
  here.sum = el("strong");
  here.bad = el("span", { class: "fault" });
  here.ender = el("button", { type: "button", class: "words" });
  set(here.list, "aria-label", labels.files);
  here.drop.querySelector("header").append(here.sum, here.bad, here.ender);
  here.ender.addEventListener("click", () => endAll(here), here.while);
  here.list.addEventListener("click", (event) => {
    const button = event.target.closest("button"), each = button && event.target.closest("li").item;
    if (each) (each.state === "stuck" ? retryUpload : stopUpload)(here.uploads, each);
  }, here.while);
}

/** Stops what is under way; where nothing is, the list is cleared. */
function endAll(here) {
  if (isUnderWay(here.uploads)) for (const each of here.uploads.files) stopUpload(here.uploads, each);
  else here.uploads.files.length = 0;
  draw(here);
}

function draw(here) {
  const { data: { labels }, offered = [], uploads: { files } } = here;
  if (!here.zone.classList.contains("over")) say(here.call, labels.drop);
  here.rights.hidden = !offered.length;
  say(here.whose, counted(labels, "whose", offered.length));
  say(here.send, counted(labels, "upload", offered.length));
  here.drop.hidden = !files.length;
  reconcile(here.list, here.rows, files, () => row(), (node, each) => paint(node, each, labels));
  sumUpload(here, files, labels);
  if (!here.data.allow.includes("done")) return;
  for (const each of files.filter(({ state, take, isTold }) => state === "done" && take && !isTold)) { each.isTold = true; act(here, "done", each.take); }
}

function sumUpload(here, files, labels) {
  const done = files.filter(({ state }) => state === "done").length, bad = files.filter(({ state }) => ["refused", "stuck"].includes(state)).length;
  const isOpen = isUnderWay(here.uploads);
  say(here.sum, isOpen ? fill(labels.underWay, { done, n: files.length }) : counted(labels, "over", done));
  say(here.bad, bad ? counted(labels, "refused", bad) : "");
  say(here.ender, isOpen ? labels.stopAll : labels.clear);
  say(here.drop.querySelector("[role=status]"), isOpen ? "" : [here.sum.textContent, here.bad.textContent].filter(Boolean).join(", "));
}

function row() {
  const button = el("button", { type: "button", class: "tool" }, icon("cross"));
  return el("li", {}, el("span", { class: "name" }), el("span", { class: "size" }), el("progress", { max: 1 }), el("span", { class: "said" }), button);
}

function paint(node, each, labels) {
  const { name, size, sent, state, said, twin } = each, [title, bytes, bar, words, button] = node.children;
  node.item = each;
  node.className = state;
  say(title, name);
  say(bytes, sized(size, labels.language));
  bar.hidden = state !== "sending" && state !== "waiting";
  bar.value = size ? sent / size : 0;
  set(bar, "aria-label", name);
  say(words, { waiting: labels.waiting, sending: sent < size ? `${Math.floor(100 * bar.value)} %` : labels.looking, done: twin ? labels.twin : labels.done, stopped: labels.stopped, stuck: said || labels.stuck, refused: said }[state]);
  button.hidden = !OPEN_UPLOAD.includes(state) && state !== "stuck";
  button.className = state === "stuck" ? "words" : "tool";
  if (button.dataset.state !== state) button.replaceChildren(state === "stuck" ? labels.again : icon("cross"));
  button.dataset.state = state;
  set(button, "aria-label", state === "stuck" ? null : fill(labels.stop, { name }));
}

function sized(bytes, language) {
  const [unit, value] = bytes < 1e3 ? ["byte", bytes] : bytes < 1e6 ? ["kilobyte", bytes / 1e3] : bytes < 1e9 ? ["megabyte", bytes / 1e6] : ["gigabyte", bytes / 1e9];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}
