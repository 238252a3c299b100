// Files on their way to the server, in pieces. They belong to the page, not to a component: a rerun or a look at another
// page of this tab does not end them.

const FIRST_BYTES = 65_536;        // enough to be refused by: what is sent in vain is little
const PIECE_BYTES = 32 << 20;
const AT_ONCE = 2;
const TRIES = 8;                   // of a piece, in a row
const OPEN_UPLOAD = ["waiting", "sending"];

/** The uploads to a place below /api: a box, or where archives go. `watch` hears of every change. */
function uploadsOf(place) {
  return shared(`uploads ${place}`, () => {
    const uploads = { place, files: [], watch: null, running: 0 };
    addEventListener("beforeunload", (event) => { if (isUnderWay(uploads)) event.preventDefault(); });
    return uploads;
  });
}

function isUnderWay({ files }) {
  return files.some(({ state }) => OPEN_UPLOAD.includes(state));
}

/** Takes files into the line. */
function line(uploads, files, rights) {
  for (const file of files) uploads.files.push({ id: uuid(), file, name: file.name, size: file.size, sent: 0, state: "waiting", said: "", rights });
  pump(uploads);
}

function pump(uploads) {
  for (const each of uploads.files) if (uploads.running < AT_ONCE && each.state === "waiting") run(uploads, each);
  uploads.watch?.();
}

async function run(uploads, each) {
  uploads.running++;
  Object.assign(each, { state: "sending", said: "", life: new AbortController() });
  try {
    const { take, twin } = await sendWhole(uploads, each);  // an archive is a job: no take
    Object.assign(each, { state: "done", take: take?.id, twin: Boolean(twin), sent: each.size, file: null });
  } catch (problem) {
    if (each.state === "sending") Object.assign(each, { state: mayPass(problem) ? "stuck" : "refused", said: problem.message });
  }
  uploads.running--;
  pump(uploads);
}

/** Piece after piece, each tried again from where the server says that it is. */
async function sendWhole(uploads, each) {
  const path = `/api/${uploads.place}/${each.id}`;
  for (let misses = 0, isSure = !each.sent; ;) {
    try {
      const arriving = isSure ? await sendPiece(uploads, each, path) : await ask("GET", path);
      const done = arriving.done ?? arriving.job;
      if (done) return done;
      if (isSure) misses = 0;
      Object.assign(each, { sent: arriving.bytes });
      isSure = true;
    } catch (problem) {
      isSure = false;
      if (each.life.signal.aborted || ++misses === TRIES || !(mayPass(problem) || problem.status === 409)) throw problem;
      await new Promise((done) => setTimeout(done, patience(misses, problem)));
    }
  }
}

function sendPiece(uploads, each, path) {
  const { file, sent, size, name, rights } = each, piece = file.slice(sent, sent + (sent ? PIECE_BYTES : FIRST_BYTES));
  const query = new URLSearchParams({ name, size, offset: sent, ...rights });
  return put(`${path}?${query}`, piece, each.life.signal, (bytes) => { each.sent = sent + Math.min(bytes, piece.size); uploads.watch?.(); });
}

/** As `ask`, for bytes, and says how many are on their way. (fetch does not tell.) */
function put(url, bytes, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(), fail = (status, detail = "", wait = 0) => reject(Object.assign(new Error(detail), { status, wait }));
    signal.addEventListener("abort", () => { request.abort(); fail(0); }, { once: true });
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onerror = () => fail(0);
    request.onload = () => {
      const said = told(request.responseText);
      if (request.status < 300 && said) resolve(said);
      else fail(request.status < 300 ? 0 : request.status, said?.detail, 1000 * request.getResponseHeader("retry-after"));
    };
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(bytes);
  });
}

function told(text) {
  try { return JSON.parse(text); } catch { return null; }
}

/** Stops one; what was sent of it is forgotten by the server after a day. */
function stopUpload(uploads, each) {
  if (!OPEN_UPLOAD.includes(each.state)) return;
  each.state = "stopped";
  each.life?.abort();
  pump(uploads);
}

function retryUpload(uploads, each) {
  each.state = "waiting";
  pump(uploads);
}

/** crypto.randomUUID is for https alone. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
