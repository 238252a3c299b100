// All results: what the filter lets through, though it is not all here. Marked by a job of the server.

const JOB_MS = 2000;               // a job is asked after so often where no event tells of it
const JUDGING = ["favorite", "rate", "trash", "restore"];
const OPEN_JOB = ["PENDING", "RUNNING", "PAUSED"];

/** Everything that is here is selected; where there is more, all of it is offered. */
async function pickAll(here) {
  const { shelf } = here, picked = new Set(here.items), { size } = picked;
  here.selected = picked;
  here.all = null;
  repick(here);
  if (!shelf.next || !here.data.may) return;
  try {
    const n = await ask("GET", `/api/assets/count?${new URLSearchParams(whichOf(shelf))}`);
    if (here.selected === picked && picked.size === size && n > size) here.all = { n, isTaken: false };
  } catch { /* then it is not offered */ }
  drawBars(here);
}

/** What the filter of the shelf says, as REST takes it. */
function whichOf({ box, filter }, more = {}) {
  const { type, favorites, rating, trashed } = filter;
  return { box_id: box, ...(type && { asset_type: type }), ...(rating && { min_rating: rating }), ...(favorites && { favorites }), ...(trashed && { trashed }), ...more };
}

/** The offer in the bar, and its answer. */
function drawAll(here) {
  const { all, data: { labels } } = here, button = here.bar.querySelector("[data-act=all]");
  if (all && !here.selected.size) here.all = null;
  button.hidden = !here.all || here.all.isTaken;
  if (here.all) say(button, counted(labels, "allResults", here.all.n));
  if (here.all?.isTaken) say(here.bar.querySelector(".picked-count"), counted(labels, "allPicked", here.all.n));
}

/** The offer is taken: what is done now is done to all of them. Its button goes, so the keys go back to the wall. */
function takeAll(here) {
  here.all.isTaken = true;
  drawBars(here);
  hold(here);
}

/** Orders the job; its progress is said until it is over. What is here says what a toggle means for the rest. */
async function markResults(here, deed, rating) {
  const { shelf, all: { n } } = here, done = chosen(here).map((id) => view(shelf, id)).filter((take) => take.status === "COMPLETED");
  const change = {
    favorite: { is_favorite: !done.every((take) => take.is_favorite) },
    rate: { rating: done.every((take) => take.rating === rating) ? 0 : rating },
    trash: { trashed: true },
    restore: { trashed: false },
  }[deed];
  const which = whichOf(shelf, "trashed" in change ? {} : { status: "COMPLETED" });
  handle(here, "clear");
  try {
    const job = await patiently(() => ask("POST", "/api/assets/mark-all", { mark: change, which }));
    here.job = { id: job.id, n, isThrow: deed === "trash" };
    told(here, job);
  } catch (problem) {
    notice(here, problem.message || here.data.labels.offline);
  }
}

/** Asks how far the job is; the last one to ask is answered. */
async function askAfter(here) {
  const { job } = here;
  clearTimeout(here.asking);
  if (!job) return;
  try {
    const found = await ask("GET", `/api/jobs/${job.id}`);
    if (here.job === job) told(here, found);
  } catch (problem) {
    if (mayPass(problem)) here.asking = setTimeout(() => askAfter(here), patience(2, problem));
  }
}

/** Says how far it is, with a way to stop it; at the end what came of it, with a way back where there is one. */
function told(here, { state, progress, result, error_message: error }) {
  const { labels } = here.data, { id, n, isThrow } = here.job, isOver = !OPEN_JOB.includes(state);
  const back = () => another(here, `/api/jobs/${id}/undo`), stop = () => another(here, `/api/jobs/${id}/cancel`);
  clearTimeout(here.asking);
  if (!isOver) {
    notice(here, fill(counted(labels, "working", n), { percent: Math.floor(progress * 100) }), isThrow ? labels.undo : labels.stop, isThrow ? back : stop);
    here.asking = setTimeout(() => askAfter(here), JOB_MS);
    return;
  }
  here.job = null;
  const changed = result?.changed ?? 0, why = Object.entries(result?.refused ?? {}).map(([said, n]) => `${counted(labels, "count", n)}: ${said}`);
  notice(here, [error, counted(labels, "changed", changed), ...why].filter(Boolean).join(" · "), labels.undo, isThrow && changed ? back : null);
  look(here.shelf);
}

/** Stops the job, or takes it back by another one, which is followed then. */
async function another(here, path) {
  try {
    const job = await patiently(() => ask("POST", path));
    here.job = { id: job.id, n: job.request.total, isThrow: false };
    told(here, job);
  } catch (problem) {
    notice(here, problem.message || here.data.labels.offline);
  }
}
