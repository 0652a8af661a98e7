// What chooses and sorts the answers.

const controls = {};

function select(name, label, options) {
  const element = el("select", { id: `by-${name}`, "aria-label": label, onchange: () => change({ [name]: element.value }) },
    options.map(([value, text]) => el("option", { value }, visible(text))));
  controls[name] = element;
  return element;
}

/** Letters of a scorer's column that some answer has. */
function scoreOptions() {
  const used = (scorer) => ["f", "p", "b", "s"].filter((letter) => scorer.pass.includes(letter));
  return scorers.flatMap((scorer) => used(scorer).map((letter) => [`${scorer.column}:${PASS[letter]}`, `${scorer.column}: ${PASS[letter]}`]));
}

function buildControls() {
  const scoreList = scoreOptions();
  const hasScores = scorers.some((scorer) => scorer.value.some((value) => !Number.isNaN(value)));
  const sorts = Object.entries(SORTS).filter(([name]) => hasScores || (name !== "score" && name !== "spread"));
  controls.q = el("input", { type: "search", id: "q", placeholder: "Search prompts and answers  /", "aria-label": "Search prompts and answers", maxlength: "300", oninput: () => typed() });
  controls.fail = el("button", { type: "button", class: "toggle", id: "fail", title: "Failures only (f)", onclick: () => change({ fail: !view.fail }) }, "Failures only");
  controls.up = el("button", { type: "button", class: "plain", id: "up", onclick: () => change({ up: !view.up }) });
  const sort = select("sort", "Sort by", sorts.map(([name, { text }]) => [name, text]));
  sort.onchange = () => change({ sort: sort.value, up: SORTS[sort.value].up });
  fill(byId("controls"),
    controls.q, controls.fail,
    index.names.sets.length > 1 ? select("set", "Prompt set", [["", "All prompt sets"], ...index.names.sets.map((set) => [set, set])]) : null,
    select("status", "Status", [["", "Any status"], ...Object.values(STATUS).map((status) => [status, status])]),
    scoreList.length ? select("score", "Score", [["", "Any score"], ...scoreList]) : null,
    index.names.errors.length ? select("error", "Error", [["", "Any error"], ...index.names.errors.map((error) => [error, error])]) : null,
    el("span", { class: "joined" }, sort, controls.up),
    models.length > 1 ? modelButtons() : null);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", reset);
}

function modelButtons() {
  controls.models = models.map(({ nth, name }) => el("button", { type: "button", class: "toggle", onclick: () => toggleModel(nth) }, swatch(colourOf(name)), visible(name)));
  return el("div", { class: "models", role: "group", "aria-label": "Models" }, controls.models);
}

/** The first click on a model shows it alone; others then join it. */
function toggleModel(nth) {
  const chosen = new Set(view.models || []);
  if (chosen.has(nth)) chosen.delete(nth);
  else chosen.add(nth);
  change({ models: chosen.size && chosen.size < models.length ? chosen : null });
}

function reset() {
  change({ ...PLAIN });
}

/** Waits for a pause in typing before it looks. */
function typed() {
  clearTimeout(controls.timer);
  controls.timer = setTimeout(() => change({ q: controls.q.value.trim() }), 160);
}

/** Shows in the controls what the view says. */
function drawControls() {
  if (document.activeElement !== controls.q) controls.q.value = view.q;
  for (const name of ["set", "status", "score", "error", "sort"]) {
    if (controls[name]) controls[name].value = view[name];
    controls[name]?.classList.toggle("on", name !== "sort" && view[name] !== "");
  }
  controls.fail.setAttribute("aria-pressed", String(view.fail));
  controls.up.textContent = view.up ? "\u2191" : "\u2193";
  controls.up.title = view.up ? "The least first" : "The most first";
  controls.up.setAttribute("aria-label", controls.up.title);
  (controls.models || []).forEach((button, nth) => button.setAttribute("aria-pressed", String(Boolean(view.models?.has(nth)))));
}
