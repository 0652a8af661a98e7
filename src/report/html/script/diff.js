// What differs between two texts, word by word.

/** Words and the gaps between them that are compared at most, on each side. */
const MOST_WORDS = 6000;
/** Steps after which two texts are told to differ as a whole. */
const MOST_STEPS = 2500;

const wordsOf = (text) => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) || [];

/**
 * The two texts as a list of pieces, each `same`, only in the first (`old`) or only in the second
 * (`new`). Parts that are too long or too unlike are given as a whole.
 */
function diff(before, after) {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const pieces = [];
  add(pieces, "same", a.slice(0, start));
  const path = left.length <= MOST_WORDS && right.length <= MOST_WORDS ? shortest(left, right) : null;
  if (path) path.forEach(([kind, word]) => add(pieces, kind, [word]));
  else {
    add(pieces, "old", left);
    add(pieces, "new", right);
  }
  add(pieces, "same", a.slice(a.length - end));
  return pieces;
}

function add(pieces, kind, words) {
  if (!words.length) return;
  const last = pieces.at(-1);
  if (last && last.kind === kind) last.text += words.join("");
  else pieces.push({ kind, text: words.join("") });
}

/** The shortest way from one list to another (Myers, 1986), or nothing when it is too long. */
function shortest(a, b) {
  const most = Math.min(a.length + b.length, MOST_STEPS);
  const reach = new Int32Array(2 * most + 3);
  const trace = [];
  for (let steps = 0; steps <= most; steps += 1) {
    trace.push(reach.slice(most - steps, most + steps + 3));
    for (let line = -steps; line <= steps; line += 2) {
      const at = most + 1 + line;
      const isDown = line === -steps || (line !== steps && reach[at - 1] < reach[at + 1]);
      let x = isDown ? reach[at + 1] : reach[at - 1] + 1;
      while (x < a.length && x - line < b.length && a[x] === b[x - line]) x += 1;
      reach[at] = x;
      if (x >= a.length && x - line >= b.length) return retrace(a, b, trace);
    }
  }
  return null;
}

/** The way back through what each step reached. */
function retrace(a, b, trace) {
  const path = [];
  let [x, y] = [a.length, b.length];
  for (let steps = trace.length - 1; steps >= 0; steps -= 1) {
    // What was kept of a step begins one line below its lowest.
    const reached = (line) => trace[steps][line + steps + 1];
    const line = x - y;
    const isDown = line === -steps || (line !== steps && reached(line - 1) < reached(line + 1));
    const from = isDown ? line + 1 : line - 1;
    const fromX = steps === 0 ? 0 : reached(from);
    const fromY = steps === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      path.push(["same", a[x - 1]]);
      [x, y] = [x - 1, y - 1];
    }
    if (steps === 0) break;
    path.push(isDown ? ["new", b[y - 1]] : ["old", a[x - 1]]);
    [x, y] = [fromX, fromY];
  }
  return path.reverse();
}

/** Two texts as one, with what only one of them has marked. */
function diffElement(before, after) {
  const TAGS = { same: "span", old: "del", new: "ins" };
  if (before === after) return el("p", { class: "quiet diff" }, "The two texts are the same.");
  return el("div", { class: "text diff", dir: "auto" }, diff(before, after).map(({ kind, text }) => el(TAGS[kind], {}, text)));
}
