// What the page carries: the summary, the numbers of every answer, and their texts in blocks.

const summary = JSON.parse(byId("summary").textContent);
const index = JSON.parse(byId("index").textContent);

/** A list with nulls as numbers, with NaN for what is not known. */
const numbers = (list) => Float64Array.from(list, (value) => (value === null ? NaN : Number(value)));

const rows = {
  count: index.rows.model.length,
  model: Uint32Array.from(index.rows.model),
  repeat: index.rows.repeat,
  status: index.rows.status,
  latency: numbers(index.rows.latency),
  ttft: numbers(index.rows.ttft),
  tokensIn: numbers(index.rows.tokens_in),
  tokensOut: numbers(index.rows.tokens_out),
  exactCost: index.rows.cost,
  cost: numbers(index.rows.cost),
  priced: index.rows.priced,
  attempts: index.rows.attempts,
  error: index.rows.error,
  finish: index.rows.finish,
  used: index.rows.used,
  group: new Uint32Array(index.rows.model.length),
};

const scorers = index.scores.map(({ column, value, pass }) => ({ column, value: numbers(value), pass }));

const groups = {
  count: index.groups.rows.length,
  set: index.groups.set,
  row: index.groups.row,
  /** The first row of each, and the end of the last. */
  first: new Uint32Array(index.groups.rows.length + 1),
};
index.groups.rows.forEach((length, group) => {
  const first = groups.first[group];
  groups.first[group + 1] = first + length;
  rows.group.fill(group, first, first + length);
});

/** Models in the order of the summary, which is that of the plan. */
const nameOf = (model, variant) => (variant === null || variant === undefined ? model : `${model} (${variant})`);
const models = index.names.models.map(([model, variant], nth) => ({ nth, name: nameOf(model, variant) }));

function modelNamed(name) {
  return models.find((model) => model.name === name);
}

/** Why the cost of an answer is not told; nothing where it is. */
const UNPRICED = { p: "unknown price", u: "unknown usage", n: "nothing billed" };
const STATUS = { o: "ok", e: "error", s: "skipped" };
const PASS = { p: "passed", f: "failed", u: "scored", s: "skipped", b: "broken", "-": "none" };

/** Whether an answer failed: the call, or a scorer that has a bound. */
function isFailure(row) {
  return rows.status[row] !== "o" || scorers.some((scorer) => scorer.pass[row] === "f");
}

/** The mean of the values that scorers gave an answer. */
function meanScore(row) {
  let [sum, told] = [0, 0];
  for (const scorer of scorers) {
    if (!Number.isNaN(scorer.value[row])) {
      sum += scorer.value[row];
      told += 1;
    }
  }
  return told ? sum / told : NaN;
}

const blocks = { count: index.blocks.length, read: new Map(), most: 48 };

/** The element of a block; nothing while the browser has not read all of it. */
function blockElement(block) {
  const element = byId(`texts-${block}`);
  const isWhole = element && (document.readyState !== "loading" || byId(`texts-${block + 1}`));
  return isWhole ? element : null;
}

/** The entries of a block; nothing while the browser has not read it. */
function readBlock(block) {
  const known = blocks.read.get(block);
  if (known) return known;
  const element = blockElement(block);
  if (!element) return null;
  const entries = JSON.parse(element.textContent);
  blocks.read.set(block, entries);
  // A map keeps the order in which things came: the first is the oldest.
  if (blocks.read.size > blocks.most) blocks.read.delete(blocks.read.keys().next().value);
  return entries;
}

/** The block in which a group stands, or would. */
function blockOf(group) {
  let [low, high] = [0, blocks.count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (index.blocks[middle] <= group) low = middle;
    else high = middle - 1;
  }
  return low;
}

const LEFT_OUT = { asked: [], said: [], isLeftOut: true };

/** What was asked and said in a group; nothing while the browser has not read it. */
function texts(group) {
  if (!blocks.count) return LEFT_OUT;
  const block = blockOf(group);
  const entries = readBlock(block);
  if (!entries) return null;
  const entry = entries[group - index.blocks[block]];
  return entry ? { asked: entry[0] || [], said: entry[1], isLeftOut: false } : LEFT_OUT;
}
