// One prompt of the list: what was asked, and a cell for each model.

/** Characters of a text in a cell; the rest is out of sight anyway. */
const EXCERPT = 420;

/** The beginning of a text, without empty lines. */
function excerpt(text) {
  const start = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}\u2026` : text;
  return visible(start).replace(/\n\s*\n/g, "\n").trim();
}

function groupRow(group, place) {
  const held = texts(group);
  const open = () => change({ open: group });
  const row = el("div", {
    class: "line group", role: "row", tabindex: group === list.current || (list.current === null && place === 0) ? "0" : "-1",
    "aria-rowindex": String(place + 2), "data-group": String(group), onclick: open, onfocus: () => setCurrent(group),
  }, promptCell(group, held), shownModels().map((model) => modelCell(group, model, held)));
  if (!held) row.classList.add("waiting");
  return row;
}

function promptCell(group, held) {
  const asked = held?.asked || [];
  const last = asked.findLast(([role]) => role === "user") || asked.at(-1);
  const text = last ? cutText(last[1]).text : "";
  return el("div", { class: "prompt", role: "cell" },
    el("p", { class: "quiet name" }, visible(`${index.names.sets[groups.set[group]]} / ${groups.row[group]}`)),
    el("p", { class: "excerpt", dir: "auto" }, held ? (held.isLeftOut ? "(text not on this page)" : excerpt(text)) : "\u2026"));
}

/** The rows of a group that one model answered, one a repeat. */
function rowsOf(group, nth) {
  const found = [];
  for (let row = groups.first[group]; row < groups.first[group + 1]; row += 1) {
    if (rows.model[row] === nth) found.push(row);
  }
  return found;
}

function modelCell(group, model, held) {
  const own = rowsOf(group, model.nth);
  if (!own.length) return el("div", { class: "cell none", role: "cell" }, el("span", { class: "quiet" }, "not asked"));
  const isWanted = list.test;
  const row = own.find((row) => isWanted(row)) ?? own[0];
  const isDim = choosesAnswers() && !isWanted(row);
  const kind = rows.status[row] !== "o" ? " failed" : isFailure(row) ? " missed" : "";
  return el("div", { class: `cell${kind}${isDim ? " dim" : ""}`, role: "cell" },
    el("p", { class: "facts" },
      el("span", { class: "who" }, swatch(colourOf(model.name)), visible(model.name)),
      badges(row),
      own.length > 1 ? el("span", { class: "badge quiet" }, `${rows.repeat[row] + 1} of ${own.length}`) : null,
      el("span", { class: "quiet right" }, factsOf(row))),
    el("p", { class: "excerpt", dir: "auto" }, saidText(row, held?.said?.[row - groups.first[group]], held)));
}

function factsOf(row) {
  const parts = [Number.isNaN(rows.latency[row]) ? null : millis(rows.latency[row]), list.isNarrow ? null : costOf(row)];
  return parts.filter(Boolean).join(" \u00b7 ");
}

function costOf(row) {
  if (rows.exactCost[row] !== null) return dollars(rows.exactCost[row]);
  return rows.priced[row] === "n" ? null : "cost unknown";
}

/** How an answer did, in colour, sign and word. */
function badges(row) {
  if (rows.status[row] !== "o") {
    return [el("span", { class: `badge ${rows.status[row] === "e" ? "bad" : "warn"}` }, STATUS[rows.status[row]])];
  }
  return scorers.filter((scorer) => scorer.pass[row] !== "-").map((scorer) => scoreBadge(scorer, row));
}

const PASS_LOOK = { p: ["good", "\u2713"], f: ["bad", "\u2717"], u: ["quiet", ""], s: ["quiet", "skipped"], b: ["warn", "broken"] };

function scoreBadge(scorer, row) {
  const [tone, mark] = PASS_LOOK[scorer.pass[row]];
  const value = scorer.value[row];
  const told = Number.isNaN(value) || (value === 1 && tone === "good") || (value === 0 && tone === "bad") ? "" : ` ${score(value)}`;
  return el("span", { class: `badge ${tone}`, title: `${visible(scorer.column)}: ${PASS[scorer.pass[row]]}` },
    `${mark} ${visible(scorer.column)}${told}`.trim());
}

function saidText(row, said, held) {
  if (!held) return "\u2026";
  if (said === undefined || said === null) return "(text not on this page)";
  const kind = rows.error[row] === null ? "" : index.names.errors[rows.error[row]];
  if (rows.status[row] !== "o") return excerpt([kind, cutText(said.error).text].filter(Boolean).join(": ") || "no answer");
  return excerpt(cutText(said.answer).text || said.tools || "(no text)");
}
