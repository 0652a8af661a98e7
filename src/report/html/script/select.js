// Which prompts are shown, and in which order.

/** What a full-text search has found: a byte for each row and each group. */
const search = { q: "", rows: null, groups: null, turn: 0, isOver: true, share: 1 };

/** Milliseconds of work before the browser may draw again. */
const SLICE = 14;

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

function pattern(text) {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\\/-]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`), "iu");
}

/** A text as it stands within the JSON of a block. */
function asJson(text) {
  const guard = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).slice(1, -1).replace(/[<>&\u2028\u2029]/g, guard);
}

/** Looks for the text of the view in every block; draws what it has found as it goes. */
async function startSearch() {
  search.turn += 1;
  const turn = search.turn;
  Object.assign(search, { q: view.q, isOver: !view.q, share: 0 });
  search.rows = view.q ? new Uint8Array(rows.count) : null;
  search.groups = view.q ? new Uint8Array(groups.count) : null;
  if (!view.q) return;
  const [plain, coded] = [pattern(view.q), pattern(asJson(view.q))];
  for (let group = 0; group < groups.count; group += 1) {
    if (plain.test(groups.row[group])) search.groups[group] = 1;
  }
  let since = performance.now();
  for (let block = 0; block < blocks.count; block += 1) {
    let element = blockElement(block);
    while (!element) {
      await pause(40);
      if (turn !== search.turn) return;
      element = blockElement(block);
    }
    if (coded.test(element.textContent)) searchBlock(block, JSON.parse(element.textContent), plain);
    if (performance.now() - since > SLICE) {
      search.share = (block + 1) / blocks.count;
      tellFound();
      await pause(0);
      if (turn !== search.turn) return;
      since = performance.now();
    }
  }
  search.isOver = true;
  drawAnswers();
}

function searchBlock(block, entries, plain) {
  const has = (cut) => cut !== undefined && cut !== null && plain.test(cutText(cut).text);
  entries.forEach(([asked, said], nth) => {
    const group = index.blocks[block] + nth;
    if ((asked || []).some(([, text]) => has(text))) search.groups[group] = 1;
    said.forEach((one, place) => {
      if (!one) return;
      const parts = [one.answer, one.tools, one.error, one.id, ...Object.values(one.notes || {})];
      if (parts.some(has)) search.rows[groups.first[group] + place] = 1;
    });
  });
}

/** Whether anything but the prompt set and the models is chosen. */
function choosesAnswers() {
  return Boolean(view.q || view.status || view.error || view.score || view.fail);
}

/** A test of one row. */
function rowTest() {
  const status = Object.keys(STATUS).find((letter) => STATUS[letter] === view.status);
  const error = index.names.errors.indexOf(view.error);
  const at = view.score.lastIndexOf(":");
  const scorer = scorers.find(({ column }) => column === view.score.slice(0, at));
  const pass = Object.keys(PASS).find((letter) => PASS[letter] === view.score.slice(at + 1));
  return (row) =>
    (!view.models || view.models.has(rows.model[row])) &&
    (!view.status || rows.status[row] === status) &&
    (!view.error || rows.error[row] === error) &&
    (!view.score || (scorer !== undefined && scorer.pass[row] === pass)) &&
    (!view.fail || isFailure(row)) &&
    (!search.rows || search.rows[row] === 1 || search.groups[rows.group[row]] === 1);
}

/** The groups with an answer that is wanted, in order. */
function selectGroups(isWanted) {
  const set = view.set ? index.names.sets.indexOf(view.set) : null;
  const found = [];
  for (let group = 0; group < groups.count; group += 1) {
    if (set !== null && groups.set[group] !== set) continue;
    for (let row = groups.first[group]; row < groups.first[group + 1]; row += 1) {
      if (isWanted(row)) {
        found.push(group);
        break;
      }
    }
  }
  return sorted(found, isWanted);
}

/** What a group is sorted by, of those of its answers that are looked at. */
const KEYS = {
  latency: (list) => Math.max(...list.map((row) => rows.latency[row])),
  cost: (list) => list.reduce((sum, row) => sum + rows.cost[row], 0),
  tokens: (list) => list.reduce((sum, row) => sum + rows.tokensIn[row] + rows.tokensOut[row], 0),
  score: (list) => Math.min(...list.map(meanScore)),
  spread: (list) => Math.max(...list.map(meanScore)) - Math.min(...list.map(meanScore)),
};
const KNOWN = { latency: (row) => rows.latency[row], cost: (row) => rows.cost[row], tokens: (row) => rows.tokensIn[row] + rows.tokensOut[row], score: meanScore, spread: meanScore };

function sorted(found, isWanted) {
  if (view.sort === "plan") return view.up ? found : found.reverse();
  const known = KNOWN[view.sort];
  const key = new Float64Array(groups.count).fill(NaN);
  for (const group of found) {
    const list = [];
    for (let row = groups.first[group]; row < groups.first[group + 1]; row += 1) {
      if (isWanted(row) && !Number.isNaN(known(row))) list.push(row);
    }
    if (list.length) key[group] = KEYS[view.sort](list);
  }
  const way = view.up ? 1 : -1;
  return found.sort((a, b) => {
    const [one, other] = [key[a], key[b]];
    // What is not known comes last, whichever way.
    if (Number.isNaN(one) || Number.isNaN(other)) return Number.isNaN(one) - Number.isNaN(other) || a - b;
    return way * (one - other) || a - b;
  });
}
