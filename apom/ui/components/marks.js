// What people think of takes, on its way to the server: shown at once, sent in small batches, one after the other, kept
// until the server has it. A mark says how something shall be, never "the other way round", so sending twice is harmless.

const GESTURE_MS = 150;            // keys pressed together go together
const BATCH = 200;                 // the server takes no more at once
const ACKED_MS = 60_000;           // an answer that was asked for before that has long come

/** Marks takes: `marks` is a list of [id, {is_favorite?, rating?, is_headliner?, trashed?}]. */
function mark(shelf, marks) {
  for (const [id, change] of marks) queue(shelf.waiting, id, change);
  tell(shelf);
  post(shelf, GESTURE_MS);
}

/** Two words on one take are one mark; but a headliner, and what goes to the trash, keep their turn among the others. */
function queue(waiting, id, change) {
  const last = waiting.findLast(([other]) => other === id);
  const isPlain = [change, last?.[1]].every((each) => each && !("is_headliner" in each) && !("trashed" in each));
  if (isPlain) Object.assign(last[1], change); else waiting.push([id, { ...change }]);
}

/** A take as it is with what was marked and not yet confirmed; undefined for one that is not here. */
function view(shelf, id) {
  const take = shelf.takes.get(id), wish = shelf.wishes.get(id), { front } = shelf;
  if (!take || (!wish && front === undefined)) return take;
  const { trashed = Boolean(take.trashed_at), ...marks } = wish ?? {};
  return { ...take, ...marks, is_headliner: front === undefined ? take.is_headliner : front === id, trashed_at: trashed ? take.trashed_at ?? "now" : null };
}

/** Works out what is wished for, and which headliner: undefined where the server's stands, null for none. */
function reckon(shelf) {
  const { takes, sent, waiting, wishes } = shelf;
  wishes.clear();
  shelf.front = undefined;
  for (const [id, change] of [...sent, ...waiting]) {
    wishes.set(id, { ...wishes.get(id), ...change });
    const isFront = shelf.front === undefined ? takes.get(id)?.is_headliner : shelf.front === id;
    if (change.is_headliner) shelf.front = id;
    else if (isFront && (change.is_headliner === false || change.trashed)) shelf.front = null;
  }
}

/** Sends what waits, in `ms` at the earliest; while something is being sent it goes right after. */
function post(shelf, ms) {
  clearTimeout(shelf.posting);
  shelf.posting = setTimeout(() => send(shelf), ms);
}

async function send(shelf) {
  if (shelf.sent.length || !shelf.waiting.length) return;
  shelf.sent = shelf.waiting.splice(0, BATCH);
  const news = {};
  let pause = 0;
  try {
    const { takes, refused } = await ask("POST", "/api/assets/marks", bodyOf(shelf.sent));
    shelf.tries = 0;
    settle(shelf, takes);
    news.refused = refused;
  } catch (problem) {
    if (mayPass(problem)) {
      shelf.tries += 1;
      pause = patience(shelf.tries, problem);
      shelf.waiting.unshift(...shelf.sent);
    } else {
      news.refused = shelf.sent.map(([id]) => ({ asset_id: id, detail: problem.message }));
    }
  }
  shelf.sent = [];
  tell(shelf, news);
  if (shelf.waiting.length) post(shelf, pause);
}

function bodyOf(marks) {
  return { marks: marks.map(([id, change]) => ({ asset_id: id, ...change })) };
}

/** The server's answer is the truth, from when it was given. */
function settle(shelf, takes) {
  const now = performance.now();
  for (const { id } of takes) shelf.acked.delete(id);
  shelve(shelf, takes, now);
  for (const { id } of takes) shelf.acked.set(id, now);
  for (const [id, at] of shelf.acked) if (at < now - ACKED_MS) shelf.acked.delete(id);
}

/** How many marks could not be sent for a while. */
function stuck({ tries, waiting, sent }) {
  return tries > 1 ? waiting.length + sent.length : 0;
}

/** Who leaves with marks that were not sent sends them on the way out; where that cannot work, the browser asks first. */
function keepMarks(shelf) {
  addEventListener("pagehide", () => {
    const body = JSON.stringify(bodyOf([...shelf.sent, ...shelf.waiting].slice(-BATCH)));
    if (shelf.waiting.length) fetch("/api/assets/marks", { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body }).catch(() => {});
  });
  addEventListener("beforeunload", (event) => { if (stuck(shelf) || shelf.waiting.length > BATCH) event.preventDefault(); });
  addEventListener("online", () => post(shelf, 0));
  document.addEventListener("visibilitychange", () => { if (document.hidden) send(shelf); });
}
