const REST_MS = 2000;              // the shortest time between two looks

export default function (component) {
  const here = remember(component, start);
  listen(here, "/api/events", () => { here.isOld = true; look(here); });
  drawBadge(here);
  return here.end;
}

function start(here) {
  Object.assign(ICONS, {
    tray: "M4 13.5 6.5 5.5h11l2.5 8v5H4zM4 13.5h4.5l1.2 2.3h4.6l1.2-2.3H20",
    bell: "M12 4a5.5 5.5 0 0 0-5.5 5.5V14l-1.8 2.5h14.6L17.5 14V9.5A5.5 5.5 0 0 0 12 4zM10 19.5h4",
  });
  here.known = shared("queue counts", () => ({ flight: 0, need: 0, unread: 0, told: 0 }));            // another page has just counted
  for (const [name, shape] of [["inbox", "tray"], ["queue", "line"], ["notices", "bell"]]) {
    const link = here[name] = here.root.querySelector(`.${name}`);
    link.append(icon(shape), el("span", { class: "label" }), el("span", { class: "flight" }), el("span", { class: "need" }, ...(name === "queue" ? [icon("ATTENTION")] : []), el("span")));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      act(here, name, NOBODY);
    }, here.while);
  }
  document.addEventListener("visibilitychange", () => look(here), here.while);
  here.isOld = true;
  look(here);
}

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Counts again when something has happened, now and then, and only while somebody looks. */
async function look(here) {
  if (!here.isOld || here.rests || document.hidden) return;
  Object.assign(here, { isOld: false, rests: true });
  try {
    const ways = ["queue/summary", "inbox/unread", "notifications/unread"];
    const [found, said, told] = await Promise.all(ways.map((way) => ask("GET", `/api/${way}`)));
    here.known.flight = found.reduce((sum, project) => sum + project.in_flight, 0);
    here.known.need = found.reduce((sum, project) => sum + (project.role === "VIEWER" ? 0 : project.attention), 0);
    here.known.told = told.unread;
    here.known.unread = said.reduce((sum, project) => sum + project.unread, 0);
    if (!here.while.signal.aborted) drawBadge(here);
  } catch { here.isOld = true; }
  setTimeout(() => { here.rests = false; if (!here.while.signal.aborted) look(here); }, REST_MS);
}

function drawBadge(here) {
  const { labels } = here.data, { flight, need, unread, told } = here.known;
  drawWay(here, here.inbox, labels.inbox, 0, unread, [unread && counted(labels, "unread", unread)]);
  drawWay(here, here.notices, labels.notices, 0, told, [labels.notices, told && counted(labels, "unread", told)]);
  drawWay(here, here.queue, labels.queue, flight, need, [flight && counted(labels, "inFlight", flight), need && counted(labels, "needs", need)]);
}

function drawWay({ data: { labels } }, link, name, quiet, loud, words) {
  const part = (selector) => link.querySelector(selector), said = words.filter(Boolean);
  say(part(".label"), name);
  say(part(".flight"), quiet ? quiet.toLocaleString(labels.language) : "");
  part(".need").hidden = !loud;
  say(part(".need span"), loud.toLocaleString(labels.language));
  set(link, "aria-label", [name, ...said.filter((word) => word !== name)].join(", "));
  set(link, "title", said.join(", "));
}
