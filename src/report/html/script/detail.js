// One prompt as a whole: what was asked, every answer side by side, and two of them compared.

const detail = { group: null };

/** Opens, changes or closes the sheet, as the view says. */
function drawDetail() {
  const sheet = byId("detail");
  if (view.open === null) {
    if (sheet.open) sheet.close();
    detail.group = null;
    return;
  }
  const isAnother = detail.group !== view.open;
  detail.group = view.open;
  fill(sheet, detailHead(), detailBody());
  if (!sheet.open) sheet.showModal();
  if (isAnother) {
    sheet.scrollTop = 0;
    byId("detail-title").focus({ preventScroll: true });
  }
}

function closeDetail() {
  const group = view.open;
  change({ open: null, diff: null });
  list.drawn.get(group)?.focus({ preventScroll: true });
}

/** Goes to the next prompt of the list, or the one before. */
function step(by) {
  const place = placeOf(view.open);
  const next = list.groups[place + by];
  if (next === undefined) return;
  setCurrent(next);
  change({ open: next, diff: null });
}

function detailHead() {
  const place = placeOf(view.open);
  const name = visible(`${index.names.sets[groups.set[view.open]]} / ${groups.row[view.open]}`);
  return el("header", { class: "detail-head" },
    el("h2", { id: "detail-title", tabindex: "-1" }, name),
    el("p", { class: "quiet" }, place < 0 ? "not among those chosen" : `${count(place + 1)} of ${count(list.groups.length)}`),
    el("div", { class: "tools" },
      el("button", { type: "button", class: "plain", onclick: () => step(-1), disabled: place <= 0, title: "Previous (k)" }, "\u2190 Previous"),
      el("button", { type: "button", class: "plain", onclick: () => step(1), disabled: place < 0 || place + 1 >= list.groups.length, title: "Next (j)" }, "Next \u2192"),
      el("button", { type: "button", class: "plain", id: "detail-close", onclick: closeDetail, title: "Close (Esc)" }, "Close")));
}

function detailBody() {
  const held = texts(view.open);
  if (!held) {
    setTimeout(() => view.open !== null && drawDetail(), 60);
    return el("p", { class: "notice" }, "Still reading the file\u2026");
  }
  const own = [];
  for (let row = groups.first[view.open]; row < groups.first[view.open + 1]; row += 1) own.push(row);
  own.sort((a, b) => rows.model[a] - rows.model[b] || rows.repeat[a] - rows.repeat[b]);
  return el("div", { class: "detail-body" },
    held.isLeftOut ? el("p", { class: "notice" }, "The texts of this prompt are not on this page: they stand in responses.jsonl.") : null,
    el("div", { class: "asked" }, held.asked.map(([role, text]) => message(role, text))),
    own.length > 1 && !held.isLeftOut ? compare(own, held) : null,
    el("div", { class: "answers" }, own.map((row) => answer(row, held.said[row - groups.first[view.open]]))));
}

function message(role, told) {
  return el("section", { class: "message" }, el("h3", {}, visible(role)), ...textParts(told));
}

/** A text from outside, and a note where it is longer than the page has it. */
function textParts(told) {
  const { text, whole } = cutText(told);
  return [
    el("div", { class: "text", dir: "auto" }, visible(text)),
    whole ? el("p", { class: "notice" }, `The first ${count(index.characters)} of ${count(whole)} characters; the whole stands in responses.jsonl.`) : null,
  ].filter(Boolean);
}

const rowName = (row) => {
  const { name } = models[rows.model[row]];
  return rowsOf(rows.group[row], rows.model[row]).length > 1 ? `${name}, ${rows.repeat[row] + 1}` : name;
};

function answer(row, said) {
  const known = said || {};
  const kind = rows.error[row] === null ? null : index.names.errors[rows.error[row]];
  return el("article", { class: rows.status[row] === "o" ? "answer" : "answer failed" },
    el("h3", {}, swatch(colourOf(models[rows.model[row]].name)), visible(rowName(row)), " ", badges(row)),
    kind ? el("p", { class: "error" }, kind) : null,
    known.error ? textParts(known.error) : null,
    known.answer !== undefined ? textParts(known.answer) : null,
    known.tools ? textParts(known.tools) : null,
    !kind && known.answer === undefined && !known.tools ? el("p", { class: "quiet" }, "No text.") : null,
    Object.entries(known.notes || {}).map(([column, note]) => el("p", { class: "note" }, el("b", {}, visible(column)), " ", visible(cutText(note).text))),
    answerFacts(row, known));
}

function answerFacts(row, said) {
  const told = (value, words) => (Number.isNaN(value) ? null : words(value));
  const exact = rows.exactCost[row];
  const finish = rows.finish[row] === null ? null : index.names.finish[rows.finish[row]];
  const facts = [
    ["latency", told(rows.latency[row], millis)],
    ["first token", told(rows.ttft[row], millis)],
    ["tokens", Number.isNaN(rows.tokensIn[row]) && Number.isNaN(rows.tokensOut[row]) ? null
      : `${count(rows.tokensIn[row])} in, ${count(rows.tokensOut[row])} out`],
    ["cost", exact === null ? UNPRICED[rows.priced[row]] : `$${exact}`],
    ["attempts", rows.attempts[row] === 1 ? null : count(rows.attempts[row])],
    ["ended by", finish === "stop" ? null : finish],
    ["answered by", index.names.used[rows.used[row]]],
    ["sent", said.at ? said.at.replace("T", " ").replace("Z", " UTC") : null],
    ["request", said.id ? cutText(said.id).text : null],
  ];
  return el("dl", { class: "facts-list" }, facts.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, visible(String(value))))));
}

/** Two answers chosen, and what differs between them. */
function compare(own, held) {
  const text = (row) => cutText(held.said[row - groups.first[view.open]]?.answer).text;
  const [before, after] = view.diff || [];
  const isOn = own.includes(before) && own.includes(after);
  const chosen = isOn ? [before, after] : [own[0], own[1]];
  const pick = (place, label) => el("select", {
    "aria-label": label, id: place ? "diff-new" : "diff-old",
    onchange: ({ target }) => {
      const next = [...chosen];
      next[place] = Number(target.value);
      change({ diff: next });
    },
  }, own.map((row) => el("option", { value: String(row), selected: row === chosen[place] }, visible(rowName(row)))));
  return el("section", { class: "compare", "aria-label": "Two answers compared" },
    el("div", { class: "tools" },
      pick(0, "First answer"), el("span", { class: "quiet" }, "to"), pick(1, "Second answer"),
      el("button", { type: "button", class: "plain", id: "diff", "aria-pressed": String(isOn), title: "Word by word (d)",
        onclick: () => change({ diff: isOn ? null : chosen }) }, isOn ? "Hide differences" : "Show differences")),
    isOn ? diffElement(visible(text(before)), visible(text(after))) : null);
}
