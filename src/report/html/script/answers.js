// Every answer, by prompt: a list of which only what is in sight is in the page.

/** Browsers lose count of pixels beyond some 17 million; a longer list is scrolled in larger steps. */
const MOST_PIXELS = 12_000_000;
/** Rows beyond the edges that are drawn as well. */
const MARGIN = 5;

const list = { groups: [], test: () => true, place: new Map(), drawn: new Map(), current: null, isNarrow: false, frame: 0 };
const narrow = matchMedia("(max-width: 700px)");

function rowHeight() {
  return list.isNarrow ? 86 + 74 * shownModels().length : 132;
}

/** Selects anew and draws: for a change of what is chosen. */
function drawAnswers() {
  list.test = rowTest();
  list.groups = selectGroups(list.test);
  list.place = new Map(list.groups.map((group, place) => [group, place]));
  list.isNarrow = narrow.matches;
  if (!list.place.has(list.current)) list.current = null;
  const columns = shownModels().length;
  byId("answers").style.setProperty("--columns", columns);
  byId("answers").classList.toggle("narrow", list.isNarrow);
  const box = byId("list");
  box.setAttribute("aria-rowcount", String(list.groups.length + 1));
  byId("nothing").hidden = list.groups.length > 0 || !search.isOver;
  const height = Math.min(list.groups.length * rowHeight(), MOST_PIXELS);
  drawStrip();
  list.drawn.clear();
  const sheet = el("div", { class: "sheet", role: "rowgroup" });
  sheet.style.height = `${height}px`;
  keepFocus(() => {
    fill(box, headRow(), sheet);
    drawWindow();
  });
  tellFound();
}

/** Draws rows anew without taking the focus from the one that has it. */
function keepFocus(draw) {
  const hadFocus = byId("list").contains(document.activeElement);
  draw();
  if (hadFocus) list.drawn.get(list.current)?.focus({ preventScroll: true });
}

/** The heads of the columns for those who see; they stay in sight while the list scrolls. */
function drawStrip() {
  const heads = shownModels().map(({ name }) => el("div", {}, swatch(colourOf(name)), visible(name)));
  fill(byId("strip"), el("div", { class: "line" }, el("div", {}, "Prompt"), heads));
}

/** The heads of the columns for those who listen. */
function headRow() {
  const heads = shownModels().map(({ name }) => el("span", { role: "columnheader" }, visible(name)));
  return el("div", { role: "row", class: "unseen", "aria-rowindex": "1" }, el("span", { role: "columnheader" }, "Prompt"), heads);
}

function tellFound() {
  const { length } = list.groups;
  const of = length === groups.count ? plural(length, "prompt") : `${count(length)} of ${plural(groups.count, "prompt")}`;
  const busy = search.isOver ? "" : ` \u00b7 searching, ${percent(search.share)}`;
  byId("found").textContent = `${of} \u00b7 ${plural(rows.count, "answer")}${busy}`;
}

/** Where the list stands: how far it is scrolled, and what is in sight. */
function stand() {
  const sheet = byId("list").querySelector(".sheet");
  const total = list.groups.length * rowHeight();
  const pixels = Math.min(total, MOST_PIXELS);
  const sight = innerHeight;
  const scrolled = Math.min(Math.max(0, -sheet.getBoundingClientRect().top), Math.max(0, pixels - sight));
  const at = total > pixels ? (scrolled / (pixels - sight)) * (total - sight) : scrolled;
  return { sheet, at, shift: at - scrolled, sight };
}

/** Draws the rows in sight, and takes away the others. */
function drawWindow() {
  const { sheet, at, shift, sight } = stand();
  const height = rowHeight();
  const first = Math.max(0, Math.floor(at / height) - MARGIN);
  const last = Math.min(list.groups.length - 1, Math.ceil((at + sight) / height) + MARGIN);
  const wanted = new Set();
  for (let place = first; place <= last; place += 1) {
    const group = list.groups[place];
    wanted.add(group);
    let element = list.drawn.get(group);
    if (!element) {
      element = groupRow(group, place);
      list.drawn.set(group, element);
      sheet.append(element);
    }
    element.style.transform = `translateY(${place * height - shift}px)`;
  }
  for (const [group, element] of list.drawn) {
    if (wanted.has(group)) continue;
    element.remove();
    list.drawn.delete(group);
  }
}

function scheduleWindow() {
  if (list.frame) return;
  list.frame = requestAnimationFrame(() => {
    list.frame = 0;
    drawWindow();
  });
}

/** Makes a prompt the current one and brings it into sight, below what sticks to the top. */
function moveTo(place) {
  if (!list.groups.length) return;
  const to = Math.min(Math.max(0, place), list.groups.length - 1);
  setCurrent(list.groups[to]);
  const { sheet, shift } = stand();
  const height = rowHeight();
  const top = sheet.getBoundingClientRect().top;
  const stuck = byId("strip").getBoundingClientRect().bottom;
  const from = top + to * height - shift;
  if (from < Math.max(stuck, 0) || from + height > innerHeight) {
    const total = list.groups.length * height;
    const pixels = Math.min(total, MOST_PIXELS);
    const scale = total > pixels ? (pixels - innerHeight) / (total - innerHeight) : 1;
    const room = byId("controls").offsetHeight + byId("strip").offsetHeight + 12;
    scrollTo({ top: scrollY + top + (to * height - room) * scale, behavior: "instant" });
  }
  drawWindow();
  list.drawn.get(list.current)?.focus({ preventScroll: true });
}

function setCurrent(group) {
  list.drawn.get(list.current)?.setAttribute("tabindex", "-1");
  list.current = group;
  list.drawn.get(group)?.setAttribute("tabindex", "0");
}

const placeOf = (group) => (list.place.has(group) ? list.place.get(group) : -1);
