// Hands: what mouse, touch and keys mean on the wall, and what is then done.

const LONG_PRESS_MS = 450, STILL_PX = 10;
const KEYS = { f: "favorite", h: "headliner", x: "pick", " ": "open", Enter: "open", Delete: "trash", Backspace: "trash" };

function listenToHands(here) {
  const on = (type, act) => here.wall.addEventListener(type, (event) => act(event, event.target.closest("[data-id]")), here.while);
  on("click", (event, card) => card && onClick(here, event, card.dataset.id));
  on("pointerdown", (event, card) => onTouch(here, event, card?.dataset.id));
  on("pointermove", (event) => { if (Math.hypot(event.x - here.down?.x, event.y - here.down?.y) > STILL_PX) clearTimeout(here.pressing); });
  for (const end of ["pointerup", "pointercancel"]) on(end, () => clearTimeout(here.pressing));
  on("contextmenu", (event) => { if (here.down?.pointerType === "touch") event.preventDefault(); });
  on("pointerover", (event, card) => { if (event.pointerType === "mouse") play(here, card); });
  on("pointerleave", () => play(here, null));
  on("focusin", (event, card) => card && settleOn(here, card.dataset.id));
  here.root.addEventListener("keydown", (event) => { if (onKey(here, event)) keep(event); }, here.while);
}

/** A click opens; with Ctrl or Shift, and as soon as something is selected, it selects. */
function onClick(here, event, id) {
  const button = event.target.closest("[data-act]");
  if (here.wasLong) return void (here.wasLong = false);
  if (button && button.dataset.act !== "pick") return handle(here, button.dataset.act, [id]);
  if (!button && event.target.closest(".tools")) return;                       // beside a button: not meant to open
  if (event.shiftKey) return pickRange(here, id);
  if (button || event.ctrlKey || event.metaKey || here.selected.size) return pick(here, id);
  handle(here, "open", [id]);
}

/** A finger that stays selects. */
function onTouch(here, event, id) {
  clearTimeout(here.pressing);
  here.down = event;
  here.wasLong = false;
  if (event.pointerType === "touch" && id) here.pressing = setTimeout(() => { here.wasLong = true; pick(here, id); }, LONG_PRESS_MS);
}

/** Does what a key says; true when it was one of ours. Keys of a button or a field stay theirs. */
function onKey(here, event) {
  const target = event.composedPath()[0], isField = target.closest("input, select, dialog"), onCard = here.wall.contains(target);
  const key = keyOf(event), isPlain = !event.altKey && !event.ctrlKey && !event.metaKey;
  if (isField || event.defaultPrevented || event.altKey) return false;
  if (key === "?" && isPlain) { here.sheet.showModal(); return true; }
  if (key === "Escape" && here.selected.size) { handle(here, "clear"); return true; }
  if (key === "z" && !isPlain) return undoLast(here);
  if (!onCard || (target.closest("button") && (key === " " || key === "Enter"))) return false;
  if (key === "a" && !isPlain) { pickAll(here); return true; }
  if (!isPlain) return false;
  if (/^[0-5]$/.test(key) && !event.shiftKey) return once(event, () => judge(here, "rate", Number(key)));
  if (KEYS[key]) return once(event, () => key === " " || key === "Enter" ? handle(here, "open", [here.focus]) : judge(here, KEYS[key]));
  return walk(here, key, event.shiftKey);
}

/** A key that is held down is one gesture. */
function once(event, act) {
  if (!event.repeat) act();
  return true;
}

/** Moves the focus by rows and columns; with Shift the selection grows along. */
function walk(here, key, isSelecting) {
  const { items, columns } = here, at = items.indexOf(here.focus), [top, bottom] = edges(here);
  const page = columns * Math.max(1, Math.floor((bottom - top) / here.pitch) - 1);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: page, PageUp: -page };
  if (key === "End" && here.shelf.next) { rest(here.shelf).then((isAll) => isAll && walk(here, key, isSelecting)); return true; }
  const to = { Home: 0, End: items.length - 1 }[key] ?? (steps[key] && Math.min(Math.max(at + steps[key], key === "ArrowUp" ? at % columns : 0), items.length - 1));
  if (to === undefined) return false;
  if (isSelecting) pickRange(here, items[to], items[at]);
  hold(here, items[to]);
  return true;
}

/** What a gesture means: the selection, or without one the take that has the focus. */
function chosen(here) {
  if (here.selected.size) return here.items.filter((id) => here.selected.has(id));
  return here.focus ? [here.focus] : [];
}

function pick(here, id) {
  if (!here.selected.delete(id)) here.selected.add(id);
  here.all = null;
  here.anchor = id;
  settleOn(here, id);
  repick(here);
}

/** From the take that was picked last to this one. */
function pickRange(here, id, from = here.focus) {
  const { items } = here, ends = [here.selected.has(here.anchor) ? here.anchor : from, id].map((end) => items.indexOf(end));
  here.all = null;
  here.anchor = items[ends[0]];
  here.selected = new Set(items.slice(Math.min(...ends), Math.max(...ends) + 1));
  repick(here);
}

function repick(here) {
  arrange(here, true);
  drawBars(here);
}

/** The focus is on this card now. */
function settleOn(here, id) {
  if (id === here.focus) return;
  const before = here.nodes.get(here.focus);
  here.focus = id;
  if (before) tabTo(before, false);
  tabTo(here.nodes.get(id), true);
}

/** Does something to what is chosen, or to all results. */
function judge(here, deed, n = 0) {
  if (here.all?.isTaken && JUDGING.includes(deed)) markResults(here, deed, n);
  else handle(here, deed, chosen(here), n);
}

/** Does something to takes: at once on the wall, then on the server. */
function handle(here, deed, ids = [], n = 0) {
  const { shelf, data: { may } } = here, takes = ids.map((id) => view(shelf, id)), isTrash = shelf.filter.trashed;
  const done = isTrash ? [] : takes.filter((take) => take.status === "COMPLETED");
  if (deed === "open" && ids.length) return act(here, "open", ids[0]);
  if (deed === "pick") return ids.length && pick(here, here.focus);
  if (deed === "clear") { here.selected.clear(); repick(here); return here.wall.contains(here.root.activeElement) || hold(here); }
  if (!may || !takes.length) return;
  if (deed === "favorite") markAll(here, done, { is_favorite: !done.every((take) => take.is_favorite) });
  if (deed === "headliner" && done.length === 1) markAll(here, done, { is_headliner: !done[0].is_headliner });
  if (deed === "rate") markAll(here, done, { rating: done.every((take) => take.rating === n) ? 0 : n });
  if (deed === "cancel") cancel(here, takes[0]);
  if (deed === "decide") decide(here, takes[0]);
  if (deed === "restore") markAll(here, takes, { trashed: false });
  if (deed === "trash" || deed === "purge") isTrash ? purge(here, takes) : throwAway(here, takes);
}

function markAll(here, takes, change) {
  if (takes.length) mark(here.shelf, takes.map(({ id }) => [id, change]));
}

/** To the trash, without a question: there is a way back. */
function throwAway(here, takes) {
  const { shelf, data: { labels } } = here, free = takes.filter((take) => !RUNNING.includes(take.status));
  if (!free.length) return notice(here, labels.running);
  markAll(here, free, { trashed: true });
  notice(here, counted(labels, "trashed", free.length), labels.undo, () => {
    mark(shelf, free.map(({ id, is_headliner: was }) => [id, { trashed: false, ...(was && { is_headliner: true }) }]));
    hold(here, free[0].id);
  });
}

/** For good, after a question. */
async function purge(here, takes) {
  const { shelf, data: { labels } } = here;
  if (!await really(here, counted(labels, "purgeQuestion", takes.length), labels.purge)) return;
  for (const { id } of takes) {
    try {
      await patiently(() => ask("DELETE", `/api/assets/${id}`));
      drop(shelf, id);
    } catch (problem) {
      hear(here, { refused: [{ asset_id: id, detail: problem.message || labels.offline }] });
      if (mayPass(problem)) break;
    }
    tell(shelf);
  }
}

/** What can be done about a take that needs somebody. */
async function decide(here, { id }) {
  const sum = await offerDeeds(here, id);
  if (!sum) return;
  refresh(here.shelf, [id, ...sum.takes.map((take) => take.id)]);
  if (sum.refused.length) hear(here, { refused: sum.refused });
}

/** Stops what was not sent yet. */
async function cancel(here, { id }) {
  try {
    shelve(here.shelf, [await ask("POST", `/api/assets/${id}/cancel`)], performance.now());
    tell(here.shelf);
  } catch (problem) {
    hear(here, { refused: [{ asset_id: id, detail: problem.message || here.data.labels.offline }] });
  }
}
