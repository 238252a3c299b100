// A short word about what was done, with a way to undo it.

const NOTICE_MS = 8000;

/** Says something in the `.notice` of the component, for eight seconds after the mouse has left it. */
function notice(here, text, label = "", undo = null) {
  const box = here.root.querySelector(".notice");
  here.undo = undo;
  box.replaceChildren(el("p", {}, text));
  if (undo) box.append(el("button", { type: "button" }, label));
  box.hidden = false;
  box.onclick = (event) => { if (event.target.closest("button")) undoLast(here); };
  box.onpointerenter = () => clearTimeout(here.fading);
  box.onpointerleave = () => fade(here, box);
  fade(here, box);
}

function fade(here, box) {
  clearTimeout(here.fading);
  here.fading = setTimeout(() => { box.hidden = true; here.undo = null; }, NOTICE_MS);
}

/** Undoes what the notice speaks of; true when there was something. */
function undoLast(here) {
  const undo = here.undo;
  here.undo = null;
  here.root.querySelector(".notice").hidden = true;
  undo?.();
  return Boolean(undo);
}
