export default function (component) {
  const here = remember(component, start);
  const { labels, is_new: isNew } = here.data;
  const part = (name) => here.root.querySelector(name);
  say(part("h1"), labels.title);
  say(part(".intro"), labels.intro);
  say(part("label[for=apom-username]"), labels.username);
  say(part("label[for=apom-password]"), labels.password);
  set(here.reveal, "aria-label", labels.reveal);
  set(here.reveal, "title", labels.reveal);
  set(part("#apom-password"), "autocomplete", isNew ? "new-password" : "current-password");
  if (!here.submit.disabled) say(here.submit, labels.submit);
  return here.end;
}

function start(here) {
  const form = here.form = here.root.querySelector("form"), password = form.elements.password;
  here.submit = form.querySelector(".submit");
  here.reveal = form.querySelector(".reveal");
  here.reveal.append(icon("eye"));
  here.reveal.addEventListener("click", () => {
    const visible = password.type === "password";
    password.type = visible ? "text" : "password";
    press(here.reveal, visible);
    password.focus();
  }, here.while);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(here); }, here.while);
  form.addEventListener("input", () => complain(here, ""), here.while);
  if (document.activeElement === document.body) form.elements.username.focus();
}

/** Posts the form; what was typed stays when it is refused. */
async function send(here) {
  const { url, next, labels } = here.data, { username, password } = here.form.elements;
  if (here.submit.disabled) return;
  if (!username.value.trim() || !password.value) return complain(here, labels.missing, username.value.trim() ? password : username);
  complain(here, "");
  busy(here, true);
  try {
    const answer = await fetch(url, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: username.value.trim(), password: password.value }),
    });
    if (answer.ok) return location.assign(ours(next));      // the button stays busy until the page is gone
    const problem = await answer.json().catch(() => ({}));
    refuse(here, problem);
  } catch {
    complain(here, labels.unreachable);
  }
  busy(here, false);
}

function refuse(here, problem) {
  const field = problem.field === "username" ? here.form.elements.username : here.form.elements.password;
  complain(here, typeof problem.detail === "string" && problem.detail ? problem.detail : here.data.labels.failed, field);
}

function busy(here, on) {
  here.submit.disabled = on;
  say(here.submit, on ? here.data.labels.busy : here.data.labels.submit);
}

/** Says what is wrong below the fields; "" takes it back. */
function complain(here, text, field = null) {
  say(here.form.querySelector(".problem"), text);
  for (const input of here.form.querySelectorAll("input")) {
    set(input, "aria-invalid", input === field ? "true" : null);
    set(input, "aria-describedby", input === field ? "apom-problem" : null);
  }
  field?.focus();
}

/** A path of this site, else the first page: nobody is led elsewhere from a sign-in. */
function ours(next) {
  const path = /^\/(?![/\\])/.test(next ?? "") ? next : "/";
  return new URL(path, location.origin).origin === location.origin ? path : "/";
}
