// Models compared, in charts, by Chart.js. Each model has the colour and the shape of its swatch.

const SHAPES = ["circle", "rect", "triangle", "rectRot", "crossRot", "star", "cross", "rectRounded"];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2], [1, 2], [10, 2, 2, 2, 2, 2]];
const drawn = [];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (nth) => css(`--c${nth % 8}`);

/** Lines from the low to the high end of a point's interval, with a bar at each end. */
const WHISKERS = {
  id: "whiskers",
  beforeDatasetsDraw({ ctx, data, scales, chartArea }) {
    ctx.save();
    for (const { intervals, borderColor } of data.datasets) {
      for (const { x, low, high } of intervals || []) {
        const at = scales.x.getPixelForValue(x);
        const [top, bottom] = [scales.y.getPixelForValue(high), scales.y.getPixelForValue(low)];
        if (at < chartArea.left - 1 || at > chartArea.right + 1) continue;
        ctx.strokeStyle = borderColor;
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        for (const end of [top, bottom]) {
          ctx.moveTo(at - 5, end);
          ctx.lineTo(at + 5, end);
        }
        ctx.moveTo(at, top);
        ctx.lineTo(at, bottom);
        ctx.stroke();
      }
    }
    ctx.restore();
  },
};

/** The words at the end of each bar, or beside each point. */
const LABELS = {
  id: "labels",
  afterDatasetsDraw(chart) {
    const { ctx, data, chartArea } = chart;
    ctx.save();
    ctx.font = `12px ${css("--font")}`;
    ctx.textBaseline = "middle";
    data.datasets.forEach((dataset, nth) => {
      const { data: marks } = chart.getDatasetMeta(nth);
      (dataset.words || []).forEach((word, place) => {
        const mark = marks[place];
        if (!word || !mark) return;
        const width = ctx.measureText(word).width;
        const start = Math.max(chartArea.left, Number.isFinite(mark.x) ? mark.x : chartArea.left);
        const fits = start + 10 + width <= chart.width;
        ctx.fillStyle = css(dataset.isWordQuiet?.[place] ? "--quiet" : "--ink");
        ctx.textAlign = fits ? "left" : "right";
        ctx.fillText(word, fits ? start + 9 : start - 9, mark.y);
      });
    });
    ctx.restore();
  },
};

function axis(title, more) {
  const { ticks, grid, ...rest } = more || {};
  return {
    title: { display: Boolean(title), text: title, color: css("--quiet") },
    ticks: { color: css("--quiet"), ...ticks },
    grid: { color: css("--line"), ...grid },
    border: { display: false },
    ...rest,
  };
}

function chart(title, hint, height, config) {
  const canvas = el("canvas", { role: "img", "aria-label": `${title}. ${hint}` });
  const box = el("div", { class: "canvas" }, canvas);
  box.style.height = `${height}px`;
  const card = el("figure", { class: "card" }, el("figcaption", {}, el("h3", {}, title), el("p", { class: "quiet" }, hint)), box);
  return { card, begin: () => drawn.push(new Chart(canvas, { ...config, options: { ...base(), ...config.options } })) };
}

function base() {
  return { responsive: true, maintainAspectRatio: false, animation: false, layout: { padding: { right: 12 } } };
}

/** Bars that lie, one a name, with words at their ends. */
function bars(values, words, colours, quiet) {
  return {
    datasets: [{ data: values, words, isWordQuiet: quiet, backgroundColor: colours, borderRadius: 3, maxBarThickness: 22 }],
  };
}

const barOptions = (grace, tick) => ({
  indexAxis: "y",
  plugins: { legend: { display: false }, tooltip: { enabled: false } },
  layout: { padding: { right: narrow.matches ? grace / 2 : grace } },
  scales: {
    x: axis("", { beginAtZero: true, ticks: { callback: tick, maxTicksLimit: narrow.matches ? 3 : 5, maxRotation: 0 } }),
    y: axis("", { grid: { display: false }, ticks: { color: css("--ink"), autoSkip: false } }),
  },
});

const barHeight = (number) => Math.max(120, 44 + 34 * number);

function short(name) {
  const most = narrow.matches ? 13 : 28;
  return name.length > most ? `${name.slice(0, most - 1)}\u2026` : name;
}

/** The share of attempts without a known cost with which the others still tell what a model costs. */
const MOST_UNPRICED = 0.1;

/** USD for 1,000 answers, with retries; nothing where too little of the cost is known. */
function perThousand(part) {
  const priced = part.answered_attempts - part.unpriced;
  const isKnown = part.cost_usd !== null && part.ok > 0 && priced > 0 && part.unpriced <= MOST_UNPRICED * part.answered_attempts;
  return isKnown ? (Number(part.cost_usd) / priced) * (part.answered_attempts / part.ok) * 1000 : null;
}

/** The score that charts show: the job's first. */
function scoreAgainstCost() {
  const column = scoreColumns()[0];
  const known = summary.by_model.map((part, nth) => ({ part, nth, one: scoreOf(part, column) }))
    .filter(({ part, one }) => one && isNumber(one.value) && perThousand(part) !== null);
  if (!column || !known.length) return null;
  const datasets = known.map(({ part, nth, one }) => {
    const x = perThousand(part);
    return {
      label: visible(nameOf(part.model, part.variant)), data: [{ x, y: one.value }],
      words: [short(visible(nameOf(part.model, part.variant)))],
      intervals: hasInterval(one) ? [{ x, low: one.low, high: one.high }] : [],
      pointStyle: SHAPES[nth % 8], radius: 6, hoverRadius: 7,
      borderColor: colour(nth), backgroundColor: colour(nth), borderWidth: 2,
    };
  });
  const low = Math.min(...known.map(({ one }) => (hasInterval(one) ? one.low : one.value)));
  const without = summary.by_model.length - known.length;
  const hint = `Mean of \u201c${visible(column)}\u201d with its 95 % interval, against USD for 1,000 answers: best is top left.` +
    (without ? ` Without ${plural(without, "model")} whose score or cost is not known.` : "");
  return chart("Score against cost", hint, 300, {
    type: "scatter", data: { datasets }, plugins: [WHISKERS, LABELS],
    options: {
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${score(raw.y)}, ${dollars(raw.x)} for 1,000` } } },
      scales: {
        x: axis("USD for 1,000 answers", { beginAtZero: true, grace: "12%", ticks: { callback: (value) => dollars(value), maxTicksLimit: 6 } }),
        y: axis("", { min: Math.max(0, Math.floor((low - 0.05) * 10) / 10), max: 1 }),
      },
    },
  });
}

/** How often each model took how long: shares in bins that grow by a fifth. */
function latencies() {
  const STEP = 1.2;
  const bins = models.map(() => new Map());
  const totals = models.map(() => 0);
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < rows.count; row += 1) {
    const time = rows.latency[row];
    if (rows.status[row] !== "o" || Number.isNaN(time)) continue;
    const bin = Math.round(Math.log(Math.max(1, time)) / Math.log(STEP));
    const of = bins[rows.model[row]];
    of.set(bin, (of.get(bin) || 0) + 1);
    totals[rows.model[row]] += 1;
    [low, high] = [Math.min(low, bin), Math.max(high, bin)];
  }
  if (low > high) return null;
  const places = Array.from({ length: high - low + 3 }, (_, nth) => low - 1 + nth);
  const datasets = models.filter(({ nth }) => totals[nth]).map(({ nth, name }) => {
    const own = colourOf(name);
    return {
      label: visible(name), borderColor: colour(own), backgroundColor: colour(own), borderDash: DASHES[own % 8],
      data: places.map((bin) => ({ x: STEP ** bin, y: (bins[nth].get(bin) || 0) / totals[nth] })),
      pointRadius: 0, pointHitRadius: 8, borderWidth: 2, cubicInterpolationMode: "monotone",
    };
  });
  const some = index.left_out ? ` Of the ${count(index.listed)} answers listed below.` : "";
  return chart("Latency", `Share of a model's answers by how long they took, on a logarithmic scale.${some}`, 300, {
    type: "line", data: { datasets },
    options: {
      plugins: {
        legend: { position: "bottom", labels: { color: css("--ink"), boxHeight: 0, boxWidth: 34 } },
        tooltip: { callbacks: { title: ([item]) => `about ${millis(item.parsed.x)}`, label: ({ dataset, parsed }) => `${dataset.label}: ${percent(parsed.y)}` } },
      },
      scales: {
        x: axis("", { type: "logarithmic", min: STEP ** places[0], max: STEP ** places.at(-1), ticks: { callback: (value) => (/^[125]0*$/.test(String(Math.round(value * 1000) / 1000)) ? millis(value) : null), autoSkip: true, maxRotation: 0 } }),
        y: axis("", { beginAtZero: true, ticks: { callback: (value) => percent(value), maxTicksLimit: 5 } }),
      },
    },
  });
}

function costs() {
  const list = summary.by_model;
  const isQuiet = list.map((part) => part.cost_usd === null);
  const values = list.map((part) => (part.cost_usd === null ? null : Number(part.cost_usd)));
  const words = list.map((part) => cost(part.cost_usd, part.unpriced));
  const data = bars(values.map((value) => value ?? 0), words, list.map((_, nth) => colour(nth)), isQuiet);
  data.labels = list.map((part) => short(visible(nameOf(part.model, part.variant))));
  return chart("Cost by model", "All attempts that were answered, in USD. What is not known is no bar.", barHeight(list.length), {
    type: "bar", data, plugins: [LABELS], options: barOptions(120, (value) => dollars(value)),
  });
}

function errors() {
  const list = summary.errors;
  if (!list.length) return null;
  const tasks = list.map((error) => error.tasks);
  const recovered = list.map((error) => Math.max(0, error.attempts - error.tasks));
  const words = list.map((error) => (narrow.matches ? `${count(error.tasks)} / ${count(error.attempts)}`
    : `${count(error.tasks)} failed \u00b7 ${plural(error.attempts, "attempt")}`));
  const data = {
    labels: list.map((error) => short(error.type)),
    datasets: [
      { label: "tasks that failed", data: tasks, backgroundColor: css("--bad"), borderRadius: 3, maxBarThickness: 22, stack: "one" },
      { label: "other failed attempts", data: recovered, words, backgroundColor: css("--faint"), borderRadius: 3, maxBarThickness: 22, stack: "one" },
    ],
  };
  const options = barOptions(150, (value) => (Number.isInteger(value) ? count(value) : null));
  options.plugins = { legend: { position: "bottom", labels: { color: css("--ink"), boxWidth: 14 } }, tooltip: { enabled: false } };
  options.onClick = (_, marks) => marks.length && showErrors(list[marks[0].index].type);
  return chart("Errors by type", "Tasks that ended with it, and attempts after which another one helped. Click a bar for the answers.", barHeight(list.length) + 24, {
    type: "bar", data, plugins: [LABELS], options,
  });
}

function showErrors(type) {
  if (!index.names.errors.includes(type)) return;
  change({ error: type });
  byId("answers").scrollIntoView();
}

/** Draws the charts, or draws them again in other colours. */
function drawCharts() {
  drawn.splice(0).forEach((chart) => chart.destroy());
  Object.assign(Chart.defaults.font, { family: css("--font"), size: 12 });
  if (!summary.by_model.length) return;
  const cards = [scoreAgainstCost(), latencies(), costs(), errors()].filter(Boolean);
  const section = byId("charts");
  section.hidden = false;
  fill(section, el("h2", { id: "charts-title", class: "unseen" }, "Charts"), el("div", { class: "cards" }, cards.map(({ card }) => card)));
  cards.forEach(({ begin }) => begin());
}
