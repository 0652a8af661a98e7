// Models compared, in tables: scores with their intervals, cost, times, tokens, errors.

const scoresOf = (part) => (Array.isArray(part.scores) ? part.scores : []);

/** Every column that some scorer fills, in the job's order. */
function scoreColumns() {
  const stated = Array.isArray(summary.scorers) ? summary.scorers.map((scorer) => scorer.column) : [];
  const seen = summary.by_model.flatMap((model) => scoresOf(model).map((one) => one.column));
  return [...new Set([...stated, ...seen])];
}

/** Whether the scores of a model add up to one: where there is more than one of them. */
const hasOverall = () => summary.by_model.some((part) => isNumber(part.score) && scoresOf(part).length > 1);

function scoreOf(part, column) {
  return scoresOf(part).find((one) => one.column === column);
}

const hasInterval = (one) => isNumber(one.low) && isNumber(one.high);

/** A mean with its 95 % interval, drawn as a dot with whiskers. */
function scoreCell(one) {
  if (!one || !isNumber(one.value)) return el("td", { class: "score quiet" }, one ? "not scored" : "\u2013");
  const whisker = el("span", { class: "whisker", "aria-hidden": "true" }, el("i"), el("b"));
  const [low, high] = hasInterval(one) ? [one.low, one.high] : [one.value, one.value];
  whisker.style.setProperty("--low", low);
  whisker.style.setProperty("--high", high);
  whisker.style.setProperty("--at", one.value);
  const interval = hasInterval(one) ? `${score(one.low)} to ${score(one.high)}` : "";
  return el("td", { class: "score", title: scoreTitle(one) },
    el("span", { class: "value" }, score(one.value)), whisker, el("span", { class: "quiet below" }, interval));
}

function scoreTitle(one) {
  const parts = [
    isNumber(one.scored) && `${plural(one.scored, "answer")} scored over ${plural(one.prompts ?? 0, "prompt")}`,
    one.passed || one.failed ? `${count(one.passed || 0)} passed, ${count(one.failed || 0)} failed` : null,
    one.skipped ? `${count(one.skipped)} skipped` : null,
    one.broken ? `${count(one.broken)} broken` : null,
    isNumber(one.flip_rate) ? `flips on ${percent(one.flip_rate)} of prompts` : null,
    hasInterval(one) ? "95 % interval" : null,
  ];
  return parts.filter(Boolean).join("; ");
}

/** An amount, and below it how many it lacks. */
function costCell(part) {
  const isKnown = part.cost_usd !== null;
  const lacks = isKnown && part.unpriced ? `+ ${count(part.unpriced)} unpriced` : null;
  return el("td", { class: isKnown ? "number" : "number quiet", title: costTitle(part.cost_usd, part.unpriced) },
    isKnown ? dollars(part.cost_usd) : "unknown", lacks ? el("span", { class: "quiet below" }, lacks) : null);
}

function partLine(name, part, columns, nth, isSum) {
  const answered = `${count(part.ok)} of ${count(part.tasks)}`;
  return el("tr", { class: isSum ? "sum" : "" },
    el("th", { scope: "row" }, nth === undefined ? null : swatch(nth), visible(name)),
    columns.map((column) => scoreCell(scoreOf(part, column))),
    hasOverall() ? el("td", { class: "number" }, score(part.score)) : null,
    el("td", { class: "number" }, answered),
    el("td", { class: part.error ? "number bad" : "number" }, count(part.error)),
    costCell(part),
    el("td", { class: "number" }, millis(part.latency_ms.p50)),
    el("td", { class: "number" }, millis(part.latency_ms.p95)),
    el("td", { class: "number" }, count(part.tokens.prompt_tokens)),
    el("td", { class: "number" }, count(part.tokens.completion_tokens)),
    el("td", { class: "number" }, count(part.retries)));
}

const HEADS = ["Answered", "Failed", "Cost", "p50", "p95", "Tokens in", "Tokens out", "Retries"];

function partTable(label, first, columns, lines) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", { class: "parts" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, first),
        columns.map((column) => el("th", { scope: "col" }, visible(column))),
        hasOverall() ? el("th", { scope: "col", class: "number", title: "by the weights of the scorers" }, "Overall") : null,
        HEADS.map((head) => el("th", { scope: "col", class: "number" }, head)))),
      el("tbody", {}, lines)));
}

/** A model's place in the summary, by which it has its colour everywhere. */
function colourOf(name) {
  return Math.max(0, summary.by_model.findIndex((part) => nameOf(part.model, part.variant) === name));
}

function swatch(nth) {
  return el("span", { class: `swatch c${nth % 8}`, "aria-hidden": "true" });
}

const VERDICTS = { better: ["good", "\u2191 better"], worse: ["bad", "\u2193 worse"] };

function comparisonLine(one) {
  const [tone, text] = VERDICTS[one.verdict] || ["quiet", visible(one.verdict || "no difference shown")];
  const sign = one.difference > 0 ? "+" : one.difference < 0 ? "\u2212" : "";
  const difference = isNumber(one.difference) ? `${sign}${score(Math.abs(one.difference))}` : "\u2013";
  const interval = hasInterval(one) ? `${signed(one.low)} to ${signed(one.high)}` : "";
  return el("tr", {},
    el("th", { scope: "row" }, visible(one.column || "")),
    el("td", {}, visible(one.new || ""), el("span", { class: "quiet" }, " against "), visible(one.base || "")),
    el("td", { class: "number" }, difference),
    el("td", { class: "number quiet" }, interval),
    el("td", { class: "number" }, isNumber(one.p) ? (one.p < 0.001 ? "< 0.001" : one.p.toFixed(3)) : "\u2013"),
    el("td", { class: "number" }, isNumber(one.prompts) ? count(one.prompts) : "\u2013"),
    el("td", {}, el("span", { class: `badge ${tone}` }, text)));
}

const signed = (value) => (value < 0 ? `\u2212${score(-value)}` : score(value));

function comparisonTable() {
  const list = Array.isArray(summary.comparisons) ? summary.comparisons : [];
  if (!list.length) return null;
  const heads = [["Score", ""], ["Models", ""], ["Difference", "number"], ["95 % interval", "number"], ["p", "number"], ["Prompts", "number"], ["", ""]];
  return [
    el("h3", {}, "In pairs, over the same prompts"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Models in pairs" },
      el("table", { id: "comparisons" },
        el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text)))),
        el("tbody", {}, list.map(comparisonLine)))),
    el("p", { class: "quiet" }, "p is corrected for the number of pairs (Holm). \u201cNo difference shown\u201d does not say that the models are equal."),
  ];
}

function drawModels() {
  if (!summary.by_model.length) return;
  const columns = scoreColumns();
  const lines = summary.by_model.map((part, nth) => partLine(nameOf(part.model, part.variant), part, columns, nth));
  if (summary.by_model.length > 1) lines.push(partLine("all", { ...summary.totals, scores: summary.scores }, columns, undefined, true));
  const sets = summary.by_prompt.map((part) => partLine(part.prompt, part, columns));
  const section = byId("models");
  section.hidden = false;
  fill(section,
    el("h2", { id: "models-title" }, "Models compared"),
    partTable("Models", "Model", columns, lines),
    columns.length ? el("p", { class: "quiet" }, "Scores are means from 0 to 1 with their 95 % interval; whiskers show it.") : null,
    comparisonTable(),
    summary.by_prompt.length > 1 ? [el("h3", {}, "By prompt set"), partTable("Prompt sets", "Prompt set", columns, sets)] : null);
}
