// What is looked at: kept in the address, so that a view can be linked.

const PLAIN = {
  q: "", models: null, set: "", status: "", error: "", score: "", fail: false,
  sort: "plan", up: false, open: null, diff: null,
};
const view = { ...PLAIN };

/** Which way each order goes at first: the worst comes first. */
const SORTS = {
  plan: { text: "Order of the job", up: true },
  score: { text: "Score", up: true },
  spread: { text: "Models disagree", up: false },
  latency: { text: "Latency", up: false },
  cost: { text: "Cost", up: false },
  tokens: { text: "Tokens", up: false },
};

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const whole = (text) => (/^\d+$/.test(text || "") ? Number(text) : null);
  const known = told.getAll("model").map(modelNamed).filter(Boolean);
  Object.assign(view, PLAIN, {
    q: told.get("q") || "",
    models: known.length ? new Set(known.map((model) => model.nth)) : null,
    set: told.get("set") || "",
    status: told.get("status") || "",
    error: told.get("error") || "",
    score: told.get("score") || "",
    fail: told.get("fail") === "1",
    sort: told.get("sort") in SORTS ? told.get("sort") : "plan",
    open: whole(told.get("open")),
    diff: (told.get("diff") || "").match(/^(\d+)-(\d+)$/)?.slice(1).map(Number) || null,
  });
  view.up = told.has("up") ? told.get("up") === "1" : SORTS[view.sort].up;
  if (view.open !== null && view.open >= groups.count) view.open = null;
}

function address() {
  const told = new URLSearchParams();
  for (const name of ["q", "set", "status", "error", "score"]) {
    if (view[name]) told.set(name, view[name]);
  }
  for (const nth of view.models || []) told.append("model", models[nth].name);
  if (view.fail) told.set("fail", "1");
  if (view.sort !== "plan") told.set("sort", view.sort);
  if (view.up !== SORTS[view.sort].up) told.set("up", view.up ? "1" : "0");
  if (view.open !== null) told.set("open", String(view.open));
  if (view.open !== null && view.diff) told.set("diff", view.diff.join("-"));
  return `#${told}`;
}

/** Writes the view to the address; what is opened can be left again by going back. */
function keepAddress(isStep) {
  const next = address();
  if (next === location.hash || (next === "#" && !location.hash)) return;
  if (isStep) history.pushState(null, "", next);
  else history.replaceState(null, "", next);
}

/** Changes the view, and draws what hangs on it. */
function change(parts) {
  const before = view.open;
  Object.assign(view, parts);
  keepAddress(before === null && view.open !== null);
  const isOnlyOpen = Object.keys(parts).every((name) => name === "open" || name === "diff");
  if (!isOnlyOpen) draw();
  drawDetail();
}

/** Models that have a column. */
function shownModels() {
  return view.models ? models.filter((model) => view.models.has(model.nth)) : models;
}
