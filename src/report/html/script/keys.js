// The keyboard, and light and dark.

const KEY_WORDS = [
  ["/", "search"], ["j, k", "next, previous prompt"], ["Enter", "open the prompt"], ["Esc", "close, or clear the search"],
  ["f", "failures only"], ["d", "differences between two answers, in an open prompt"], ["g, G", "first, last prompt"],
  ["t", "light or dark"], ["?", "these keys"],
];

function buildHelp() {
  fill(byId("help"),
    el("h2", { id: "help-title" }, "Keys"),
    el("dl", { class: "keys" }, KEY_WORDS.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)))),
    el("form", { method: "dialog" }, el("button", { class: "plain" }, "Close")));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
}

const isTyping = ({ target }) => target.closest?.("input, select, textarea") !== null;

/** What each key does in the list, and what in an open prompt. */
const IN_LIST = {
  "/": () => {
    byId("answers").scrollIntoView({ behavior: "instant" });
    controls.q.focus({ preventScroll: true });
    controls.q.select();
  },
  j: () => moveTo(list.current === null ? 0 : placeOf(list.current) + 1),
  k: () => moveTo(list.current === null ? 0 : placeOf(list.current) - 1),
  g: () => moveTo(0),
  G: () => moveTo(list.groups.length - 1),
  f: () => change({ fail: !view.fail }),
  t: () => switchTheme(),
  "?": () => byId("help").showModal(),
};
const IN_DETAIL = {
  j: () => step(1),
  k: () => step(-1),
  d: () => byId("diff")?.click(),
  t: () => switchTheme(),
  "?": () => byId("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape" && event.target === controls.q) {
    controls.q.value = "";
    controls.q.blur();
    change({ q: "" });
    return;
  }
  if (isTyping(event)) return;
  if (event.key === "Enter" && event.target.classList?.contains("group")) {
    change({ open: Number(event.target.dataset.group) });
    event.preventDefault();
    return;
  }
  const isOpen = view.open !== null;
  const name = { ArrowDown: "j", ArrowUp: "k" }[event.target.classList?.contains("group") ? event.key : ""] || event.key;
  const act = (isOpen ? IN_DETAIL : IN_LIST)[name];
  if (!act || !groups.count && name !== "t" && name !== "?") return;
  event.preventDefault();
  act();
}

const dark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
}

function switchTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  drawTheme();
}

function drawTheme() {
  byId("theme").textContent = isDark() ? "Light" : "Dark";
  drawCharts();
}
