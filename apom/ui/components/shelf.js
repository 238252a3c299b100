// The takes of one box as this page knows them. The gallery and the big view look at the same shelf, and it outlives
// both: what was marked reaches the server wherever one goes next (marks.js).

const FIRST = 100, MORE = 500;     // takes in the first page, and in those after it
const AT_ONCE = 100;               // takes asked for by their ids
const GATHER_MS = 100;             // what changes together is asked for together
const RUNNING = ["PENDING", "PROCESSING"];
const EVERYTHING = { type: "", favorites: false, rating: 0, trashed: false };

/** The one shelf of a box on this page. */
function shelfOf(box) {
  return shared(`shelf ${box}`, () => {
    const shelf = {
      box, filter: { ...EVERYTHING }, ears: new Set(),
      takes: new Map(),            // id -> the take as the server said it last
      order: [],                   // the ids of the pages so far, newest first
      next: null, end: null,       // the cursor of the next page; the take it follows
      list: [],                    // the ids to show: of `order`, what the filter lets through
      total: 0,                    // takes in the box, where not all are here
      state: "new", problem: "",   // new, ready, or failed with a sentence
      turn: 0, turning: null, misses: 0, stale: new Set(),
      skew: 0,                     // our clock minus the server's, in ms
      comments: [], verdicts: [], isTalkRead: false,  // what was said of its takes, oldest first; verdicts newest first, where somebody wants them
      waiting: [], sent: [], wishes: new Map(), front: undefined, acked: new Map(), tries: 0,     // marks.js
    };
    keepMarks(shelf);
    return shelf;
  });
}

/** Calls `ear(news)` after each change until the mount ends. */
function follow(here, shelf, ear) {
  shelf.ears.add(ear);
  here.while.signal.addEventListener("abort", () => shelf.ears.delete(ear));
}

/** Something changed: works out the list anew and says so. `news`: what only some want to know. */
function tell(shelf, news = {}) {
  reckon(shelf);
  shelf.list = shelf.order.filter((id) => passes(view(shelf, id), shelf.filter));
  for (const ear of shelf.ears) ear(news);
}

/** Whether a filter lets a take through. */
function passes(take, { type, favorites, rating, trashed }) {
  return Boolean(take.trashed_at) === trashed && (!type || take.asset_type === type) && (!favorites || take.is_favorite) && take.rating >= rating;
}

/** Another filter, from the first page on. */
function sift(shelf, filter) {
  Object.assign(shelf, { filter: { ...shelf.filter, ...filter }, order: [], next: null, end: null, state: "new" });
  tell(shelf);
  return look(shelf);
}

/** Looks at the server's list again, as far down as it is here. */
async function look(shelf) {
  clearTimeout(shelf.again);
  const turn = ++shelf.turn, wanted = Math.max(FIRST, shelf.order.length), since = performance.now(), found = [];
  try {
    let cursor = null;
    do {
      const page = await ask("GET", pageOf(shelf, Math.min(MORE, wanted - found.length), cursor));
      if (turn !== shelf.turn) return;
      found.push(...page.items);
      cursor = page.next;
      shelf.skew = page.skew;
    } while (cursor && found.length < wanted);
    Object.assign(shelf, { order: [], state: "ready", problem: "", misses: 0 });
    bind(shelf, { items: found, next: cursor }, since);
    await recount(shelf);
  } catch (problem) {
    if (turn !== shelf.turn) return;
    shelf.misses += 1;
    shelf.problem = problem.message;
    if (!shelf.order.length) shelf.state = "failed";
    if (mayPass(problem) && shelf.ears.size) shelf.again = setTimeout(() => look(shelf), patience(shelf.misses, problem));
  }
  tell(shelf);
  if (shelf.owed) { shelf.owed = false; look(shelf); }
}

/** The next page, once, whoever asks for it; resolves to whether it came. */
function more(shelf) {
  if (!shelf.next) return Promise.resolve(false);
  return shelf.turning ??= turnPage(shelf);
}

async function turnPage(shelf) {
  const { turn, next } = shelf, since = performance.now();
  let page = null;
  try {
    page = await ask("GET", pageOf(shelf, MORE, next));
    if (turn === shelf.turn) bind(shelf, page, since);
    shelf.misses = 0;
  } catch (problem) {
    shelf.misses += 1;
    await new Promise((done) => setTimeout(done, patience(shelf.misses, problem)));
  }
  shelf.turning = null;            // before the news: who hears them may want the next page
  tell(shelf);
  return page !== null;
}

/** All of it; resolves to whether all is here. */
async function rest(shelf) {
  while (shelf.next && await more(shelf));
  return !shelf.next;
}

/** How many takes the box has, asked for only while not all are here. */
async function recount(shelf) {
  if (shelf.next) shelf.total = (await ask("GET", `/api/boxes/${shelf.box}`)).assets_count;
}

function pageOf({ box, filter }, limit, cursor) {
  const query = new URLSearchParams({ limit });
  if (cursor) query.set("cursor", cursor);
  if (filter.type) query.set("asset_type", filter.type);
  if (filter.rating) query.set("min_rating", filter.rating);
  for (const flag of ["favorites", "trashed"]) if (filter[flag]) query.set(flag, "true");
  return `/api/boxes/${box}/assets?${query}`;
}

/** An event of the project: what it speaks of is asked for; where it may have been missed, all that is here is. */
function learn(shelf, { type, box_id: box, asset_id: one, asset_ids: many }) {
  if (type === "comment" || type === "verdict") return box === shelf.box && hearTalk(shelf);
  if (type === "hello" || type === "caught_up") hearTalk(shelf);
  const ids = many?.length ? [...many] : (one ? [one] : []), isVague = type === "assets_changed" && box === shelf.box && !ids.length;
  if (ids.length > AT_ONCE && box === shelf.box && shelf.state !== "new") return lookSoon(shelf);
  if (type === "hello" || type === "caught_up" || isVague) return shelf.state === "new" ? void (shelf.owed = true) : void look(shelf);
  if (type === "boxes_changed" && box === shelf.box) ids.push(...shelf.order.filter((id) => shelf.takes.get(id).is_headliner));
  const ours = ids.filter((id) => box === shelf.box || shelf.takes.has(id));
  if (ours.length) refresh(shelf, ours);
}

/** Looks again, once for all that many tell of at the same time. */
function lookSoon(shelf) {
  shelf.looking ??= setTimeout(() => { shelf.looking = null; look(shelf); }, RETRY_MS);
}

/** What was said of the takes is read anew, once for all that changes together. */
function hearTalk(shelf) {
  shelf.talking ??= setTimeout(async () => {
    shelf.talking = null;
    await readTalk(shelf);
  }, GATHER_MS);
}

async function readTalk(shelf) {
  const turn = shelf.talkTurn = (shelf.talkTurn ?? 0) + 1;
  try {
    const [comments, verdicts] = await Promise.all([askAll((query) => `/api/comments?box_id=${shelf.box}&${query}`), shelf.project ? ask("GET", `/api/projects/${shelf.project}/verdicts?box_id=${shelf.box}`) : []]);
    if (turn !== shelf.talkTurn) return;
    Object.assign(shelf, { comments: comments.reverse(), verdicts, talkMisses: 0, isTalkRead: true });
    tell(shelf);
  } catch (problem) {
    shelf.talkMisses = (shelf.talkMisses ?? 0) + 1;
    if (mayPass(problem) && shelf.ears.size && turn === shelf.talkTurn) setTimeout(() => hearTalk(shelf), patience(shelf.talkMisses, problem));
  }
}

/** Asks for these takes, together with others that change meanwhile, one question at a time. */
function refresh(shelf, ids) {
  for (const id of ids) shelf.stale.add(id);
  shelf.refreshing ??= setTimeout(async () => {
    await reread(shelf);
    shelf.refreshing = null;
    if (shelf.stale.size) refresh(shelf, []);
  }, GATHER_MS);
}

async function reread(shelf) {
  const ids = [...shelf.stale].slice(0, AT_ONCE), since = performance.now();
  for (const id of ids) shelf.stale.delete(id);
  try {
    const found = await ask("GET", `/api/assets?${ids.map((id) => `id=${id}`).join("&")}`);
    shelve(shelf, found, since);
    for (const id of missing(ids, found)) drop(shelf, id);
    await recount(shelf);
    tell(shelf);
  } catch (problem) {
    if (!mayPass(problem)) return;
    for (const id of ids) shelf.stale.add(id);
    await new Promise((done) => setTimeout(done, patience(1, problem)));
  }
}

function missing(ids, found) {
  const there = new Set(found.map((take) => take.id));
  return ids.filter((id) => !there.has(id));
}

/** Puts a page behind those that are here. */
function bind(shelf, { items, next }, since) {
  shelf.next = null;
  shelve(shelf, items, since);
  Object.assign(shelf, { next, end: items.length ? shelf.takes.get(items.at(-1).id) : shelf.end });
}

/** Puts takes where they belong. `since`: when they were asked for; what was marked after that is newer. */
function shelve(shelf, takes, since) {
  const known = new Set(shelf.order);
  for (const take of takes) {
    const dated = { ...take, at: instant(take.created_at) };
    if ((shelf.acked.get(take.id) ?? -1) < since) shelf.takes.set(take.id, dated);
    if (take.box_id !== shelf.box) drop(shelf, take.id);
    else if (!known.has(take.id) && !(shelf.next && newestFirst(dated, shelf.end) > 0)) shelf.order.push(take.id);   // else it comes with its page
  }
  shelf.order.sort((a, b) => newestFirst(shelf.takes.get(a), shelf.takes.get(b)));
}

function drop(shelf, id) {
  shelf.takes.delete(id);
  shelf.order = shelf.order.filter((other) => other !== id);
}

/** As the server orders them. */
function newestFirst(a, b) {
  return a.at === b.at ? (a.id < b.id ? 1 : -1) : (a.at < b.at ? 1 : -1);
}

/** A time of the server that sorts as text: the fraction it leaves out is there. */
function instant(time) {
  return time.slice(0, 19) + (/\.\d+/.exec(time)?.[0] ?? ".").padEnd(7, "0");
}

/** What people call a take, for good. */
function nameOf({ data: { labels } }, take) {
  return fill({ VIDEO: labels.clip, AUDIO: labels.sound }[take.asset_type] ?? labels.take, { n: take.number });
}

/** What a browser may forget or forbid. */
function kept(storage, name, otherwise) {
  try { return JSON.parse(storage.getItem(name)) ?? otherwise; } catch { return otherwise; }
}

function keepFor(storage, name, value) {
  try { storage.setItem(name, JSON.stringify(value)); } catch { /* a private window */ }
}
