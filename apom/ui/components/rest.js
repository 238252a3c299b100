// How scripts ask our REST interface, and how long they wait before they ask again.

const TIMEOUT_MS = 20_000;
const RETRY_MS = 500, LONGEST_RETRY_MS = 15_000;

/** Asks our REST interface. Raises an Error whose message is a sentence, with `status` (0: no answer) and `wait` in ms. */
async function ask(method, path, body = null) {
  let answer, said;
  try {
    answer = await fetch(path, {
      method, keepalive: method !== "GET", signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    said = answer.status === 204 ? null : await answer.json();
  } catch {
    throw Object.assign(new Error(""), { status: answer && !answer.ok ? answer.status : 0, wait: 0 });
  }
  if (answer.ok) return said?.items ? { ...said, skew: Date.now() - Date.parse(answer.headers.get("date")) || 0 } : said;
  throw Object.assign(new Error(said.detail), { status: answer.status, wait: 1000 * answer.headers.get("retry-after") });
}

const MOST_ITEMS = 5000;

/** All pages of a list, newest first as they come. `pageAt(query)`: where a page of it is. */
async function askAll(pageAt) {
  const found = [];
  let cursor = null;
  do {
    const page = await ask("GET", pageAt(new URLSearchParams({ limit: 500, ...(cursor && { cursor }) })));
    found.push(...page.items);
    cursor = page.next;
  } while (cursor && found.length < MOST_ITEMS);
  return found;
}

/** Whether the same may go well a little later. */
function mayPass({ status }) {
  return status === 0 || status === 429 || status >= 500;
}

/** Does it, again when it was too often. */
async function patiently(act) {
  for (let misses = 1; ; misses++) {
    try { return await act(); } catch (problem) {
      if (problem.status !== 429) throw problem;
      await new Promise((done) => setTimeout(done, patience(misses, problem)));
    }
  }
}

/** How long to wait after so many misses. */
function patience(misses, { wait = 0 } = {}) {
  return Math.max(wait, Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** (misses - 1)) * (0.75 + Math.random() / 2));
}
