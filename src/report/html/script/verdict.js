// The verdict and the gates, which come first.

/** What ended a run before it was done. */
const ENDINGS = {
  interrupted: "it was interrupted",
  budget: "its budget was used up",
  deadline: "its deadline was over",
  canary: "the canary failed",
  failed: "something broke on the machine that ran it",
};

const gates = Array.isArray(summary.gates) ? summary.gates : [];

function planned() {
  return isNumber(summary.planned) ? summary.planned : summary.totals.tasks;
}

/** Why the page shows less than the whole job; nothing when it does not. */
function unfinished() {
  const left = Math.max(0, planned() - summary.totals.tasks);
  const missing = left ? ` ${plural(left, "task")} of ${count(planned())} had no outcome yet.` : "";
  if (summary.ended === "done") return left ? `The run is not whole:${missing}` : "";
  if (!summary.ended_at) return `The run was still going, or was killed, when this page was written.${missing}`;
  return `The run stopped early: ${ENDINGS[summary.ended] || summary.ended}.${missing}`;
}

/** What is lost of the journal; nothing when it is whole. */
function damage() {
  const lines = summary.damaged?.lines || 0;
  if (!lines) return "";
  const are = lines === 1 ? "is" : "are";
  return `${plural(lines, "line")} of the journal ${are} damaged, and what was told there is in no number. --resume asks what is missing again.`;
}

function judgement() {
  const { totals } = summary;
  const failed = gates.filter((gate) => !gate.passed).length;
  if (failed) return { tone: "bad", mark: "\u2717", line: `${plural(failed, "gate")} of ${gates.length} failed` };
  const trouble = totals.error + totals.skipped > 0 || unfinished() !== "" || damage() !== "";
  const tone = trouble ? "warn" : "good";
  const mark = trouble ? "!" : "\u2713";
  if (gates.length) {
    const line = gates.length === 1 ? "The gate passed" : `All ${gates.length} gates passed`;
    return { tone, mark, line };
  }
  if (totals.error) return { tone, mark, line: `${plural(totals.error, "task")} of ${count(planned())} failed` };
  if (totals.ok === 0) return { tone: "warn", mark: "!", line: "Nothing is answered yet" };
  if (trouble) return { tone, mark, line: `${count(totals.ok)} of ${count(planned())} tasks answered` };
  return { tone, mark, line: totals.ok === 1 ? "The task is answered" : `All ${count(totals.ok)} tasks answered` };
}

function figure(name, value, note, title) {
  return el("div", { class: "figure", title }, el("dt", {}, name), el("dd", {}, value), note ? el("p", { class: "quiet" }, note) : null);
}

function figures() {
  const { totals } = summary;
  const tokens = totals.tokens;
  const others = [[totals.error, "failed"], [totals.skipped, "skipped"], [planned() - totals.tasks, "not done"]];
  const notes = others.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`);
  return el("dl", { class: "figures" },
    figure("Answered", `${count(totals.ok)} of ${count(planned())}`, notes.join(", ") || "none failed"),
    figure("Cost", totals.cost_usd === null ? "unknown" : dollars(totals.cost_usd),
      totals.unpriced ? `without ${plural(totals.unpriced, "unpriced attempt")}` : "every attempt counted",
      costTitle(totals.cost_usd, totals.unpriced)),
    figure("Latency", millis(totals.latency_ms.p50), `p95 ${millis(totals.latency_ms.p95)}`),
    figure("Tokens", count(tokens.total_tokens),
      `${count(tokens.prompt_tokens)} in, ${count(tokens.completion_tokens)} out${tokens.missing ? `, ${count(tokens.missing)} untold` : ""}`),
    figure("Time", millis(summary.wall_ms), plural(totals.retries, "retry", "retries")),
  );
}

/** Metrics that are no scores, and for which errors are not counted or left out. */
const PLAIN_METRICS = /^(error_rate|latency_|ttft_|cost_|\w+_tokens$)/;

/** How many tasks failed, and what a score made of them. */
function gateErrors(gate) {
  if (!isNumber(gate.errors)) return "\u2013";
  if (!gate.errors || PLAIN_METRICS.test(gate.metric || "")) return count(gate.errors);
  return `${count(gate.errors)} ${gate.error_rule === "count" ? "counted as 0" : "left out"}`;
}

function gateLine(gate) {
  const name = gate.metric || gate.gate || "";
  const only = (gate.gate || "").match(/ (?:of|on) .+$/)?.[0] || "";
  const subject = (gate.subject || (gate.per === "model" ? "every model" : "the run")) + only;
  return el("tr", { class: gate.passed ? "" : "bad" },
    el("td", {}, verdictMark(gate.passed)),
    el("th", { scope: "row" }, visible(name)),
    el("td", { class: "number value" }, metric(name, gate.value)),
    el("td", { class: "more" }, visible(String(gate.bound ?? ""))),
    el("td", { class: "more" }, visible(subject)),
    el("td", { class: "number more", "data-label": "answers" }, isNumber(gate.samples) ? count(gate.samples) : "\u2013"),
    el("td", { class: "number more", "data-label": "errors" }, gateErrors(gate)),
    el("td", { class: "quiet more" }, visible(gate.note || "")),
  );
}

function verdictMark(passed) {
  return el("span", { class: `badge ${passed ? "good" : "bad"}` }, passed ? "\u2713 passed" : "\u2717 failed");
}

function gateTable() {
  if (!gates.length) return null;
  const heads = [["", ""], ["Gate", ""], ["Value", "number"], ["Bound", ""], ["For", ""], ["Answers", "number"], ["Errors", "number"], ["", ""]];
  const failedFirst = [...gates].sort((a, b) => Number(a.passed) - Number(b.passed));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Gates" },
    el("table", { id: "gates" },
      el("thead", {}, el("tr", {}, heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text)))),
      el("tbody", {}, failedFirst.map(gateLine))));
}

function drawHead() {
  byId("job").textContent = visible(summary.job);
  const tags = Object.entries(summary.tags || {}).map(([name, value]) => `${name}: ${value}`);
  const parts = [moment(summary.started_at), summary.run, ...tags];
  byId("made").textContent = visible(parts.filter(Boolean).join(" \u00b7 "));
  const version = summary.made_from?.runner_version;
  byId("foot").textContent = `Made by runner${version ? ` ${version}` : ""} from the run's journal. ` +
    "Charts by Chart.js, \u00a9 Chart.js Contributors, MIT licence. This page asks no server for anything.";
}

function drawVerdict() {
  const { tone, mark, line } = judgement();
  const notices = [unfinished(), damage(), ...limits()].filter(Boolean);
  fill(byId("verdict"),
    notices.map((text) => el("p", { class: "notice", role: "note" }, text)),
    el("div", { class: `verdict ${tone}` },
      el("span", { class: "mark", "aria-hidden": "true" }, mark),
      el("h2", { id: "verdict-line" }, line)),
    gateTable(),
    figures());
}

/** What the page leaves out, because a browser has to hold it all. */
function limits() {
  const told = [];
  if (index.left_out) {
    told.push(`Listed below are the first ${count(index.listed)} answers; ${count(index.left_out)} more stand in responses.jsonl. The numbers above cover all of them.`);
  }
  if (index.without_texts) {
    told.push(`The texts of ${plural(index.without_texts, "answer")} are too much for one page and stand in responses.jsonl.`);
  }
  return told;
}
