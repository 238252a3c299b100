// What the queue holds, as this page knows it: read whole once, then only what has changed, at most once a second.

const PULSE_MS = 1000;             // the shortest time between two looks
const LOOK_MS = 4000;              // steps and places in line move without a word being said
const TOGETHER = 100;              // rows asked for at once
const WHOLE_FROM = 300;            // so many changes are cheaper read as a whole
const PAGE_ROWS = 500, MOST_FAILED = 200;

/** Reads all of it; what was asked for before and comes later is not heard. */
async function readAll(here) {
  const turn = ++here.turn, found = [];
  here.stale.clear();
  Object.assign(here, { asks: true, isVague: false, looked: Date.now() });
  try {
    let cursor = null;
    do {
      const page = await ask("GET", queueUrl(here, { limit: PAGE_ROWS, cursor }));
      if (turn !== here.turn) return;
      found.push(...page.items);
      here.skew = page.skew;
      cursor = page.next;
    } while (cursor);
    const failed = await ask("GET", queueUrl(here, { limit: MOST_FAILED, status: "FAILED" }));
    await readAround(here);
    if (turn !== here.turn) return;
    here.rows = new Map([...found, ...failed.items].map((item) => [item.asset_id, asRow(item)]));
    Object.assign(here, { state: "ready", problem: "", misses: 0 });
  } catch (problem) {
    if (turn !== here.turn) return;
    here.misses = (here.misses ?? 0) + 1;
    here.problem = problem.message;
    if (!here.rows.size) here.state = "failed";
    if (mayPass(problem)) setTimeout(() => { if (turn === here.turn && !here.while.signal.aborted) readAll(here); }, patience(here.misses, problem));
  }
  here.asks = false;
  drawAll(here);
}

/** What stands around the rows: the projects, and how the providers are. */
async function readAround(here) {
  [here.summary, here.health] = await Promise.all([ask("GET", "/api/queue/summary"), ask("GET", "/api/providers/health")]);
  here.around = Date.now();
}

function queueUrl({ filter, data }, { limit, cursor, status }) {
  const query = new URLSearchParams({ limit });
  if (cursor) query.set("cursor", cursor);
  if (status) query.set("status", status);
  if (filter.project) query.set("project_id", filter.project);
  if (filter.mine) query.set("created_by", data.me);
  return `/api/queue?${query}`;
}

function asRow(item) {
  return { ...item, id: item.asset_id, at: Date.parse(item.ordered_at) };
}

/** An event: what it speaks of is asked for at the next pulse. */
function hearOf(here, { type, asset_id: one, asset_ids: many }) {
  const ids = many?.length ? many : one ? [one] : [];
  if (type === "asset_status_changed" || type === "assets_changed") for (const id of ids) here.stale.add(id);
  if (type === "hello" || type === "caught_up" || (type === "assets_changed" && !ids.length)) here.isVague = true;
}

/** Once a second: looks at what has changed, and at what is in sight and moves by itself. */
async function pulse(here) {
  tickTimes(here);
  if (document.hidden || here.asks || here.state === "new") return;
  if (here.isVague || here.stale.size > WHOLE_FROM) return readAll(here);
  const isDue = Date.now() - (here.looked ?? 0) >= LOOK_MS;
  const ids = [...new Set([...here.stale, ...(isDue ? inSight(here) : [])])].slice(0, TOGETHER);
  if (ids.length) await reread(here, ids);
}

/** Asks for these rows again; what is not there any more is done. */
async function reread(here, ids) {
  const { turn } = here;
  here.asks = true;
  for (const id of ids) here.stale.delete(id);
  try {
    const found = await ask("GET", `/api/queue/items?${ids.map((id) => `id=${id}`).join("&")}`);
    if (Date.now() - (here.around ?? 0) >= LOOK_MS) await readAround(here);
    if (turn !== here.turn) return;
    here.looked = Date.now();
    for (const id of ids) here.rows.delete(id);
    for (const item of found) if (isWanted(here, item)) here.rows.set(item.asset_id, asRow(item));
    drawAll(here);
  } catch (problem) {
    if (mayPass(problem)) for (const id of ids) here.stale.add(id);
  } finally {
    here.asks = false;
  }
}

function isWanted({ filter, data }, item) {
  return (!filter.project || item.project_id === filter.project) && (!filter.mine || item.created_by === data.me);
}
