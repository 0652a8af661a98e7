// The page comes up: the verdict first, then the rest.

/** Draws all that hangs on what is chosen. */
function draw() {
  drawControls();
  if (search.q !== view.q) startSearch();
  drawAnswers();
}

function buildAnswers() {
  byId("answers").hidden = false;
  buildControls();
  const [strip, box] = [byId("strip"), byId("list")];
  strip.addEventListener("scroll", () => { box.scrollLeft = strip.scrollLeft; });
  box.addEventListener("scroll", () => { strip.scrollLeft = box.scrollLeft; });
  // The heads of the columns stick below the controls, which may take two lines or three.
  new ResizeObserver(() => byId("answers").style.setProperty("--bar", `${byId("controls").offsetHeight}px`)).observe(byId("controls"));
  addEventListener("scroll", scheduleWindow, { passive: true });
  addEventListener("resize", () => (narrow.matches === list.isNarrow ? scheduleWindow() : drawAnswers()));
  readAddress();
  draw();
  drawDetail();
  addEventListener("popstate", () => {
    readAddress();
    draw();
    drawDetail();
  });
  byId("detail").addEventListener("cancel", (event) => {
    event.preventDefault();
    closeDetail();
  });
  // A browser closes a sheet by itself when it is asked a second time. It tells so later, when the
  // next prompt may be open already.
  byId("detail").addEventListener("close", () => view.open !== null && !byId("detail").open && closeDetail());
  redrawWhileReading();
}

/** Rows whose texts the browser has read by now are drawn again. */
function redrawWhileReading() {
  keepFocus(() => {
    for (const [group, element] of list.drawn) {
      if (element.classList.contains("waiting") && texts(group)) {
        element.remove();
        list.drawn.delete(group);
      }
    }
    drawWindow();
  });
  if (document.readyState === "loading") setTimeout(redrawWhileReading, 60);
}

drawHead();
drawVerdict();
drawModels();
buildHelp();
drawTheme();
byId("theme").addEventListener("click", switchTheme);
dark.addEventListener("change", drawTheme);
addEventListener("keydown", onKey);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("answers").scrollIntoView();
  controls.q?.focus({ preventScroll: true });
});
if (groups.count) buildAnswers();
document.documentElement.dataset.drawn = String(Math.round(performance.now()));
