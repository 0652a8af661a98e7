// Elements, and numbers in words. Text from outside becomes text nodes and nothing else.

/** An element with these attributes and children; a child is an element, a text or nothing. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null));
  return element;
}

const byId = (id) => document.getElementById(id);

/** Puts these children in place of all others. */
function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== undefined && child !== null));
}

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;
const HIDDEN = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A text with its control characters in sight: colours of a terminal, and turns of direction. */
function visible(text) {
  return text
    .replace(/\r\n|\u2028|\u2029/g, "\n")
    .replace(/\r/g, "\u240d")
    .replace(CONTROLS, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(HIDDEN, (c) => `\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

/** What the page has of a text, and how long the whole is: the file has either a text or both. */
function cutText(cut) {
  if (cut === undefined || cut === null) return { text: "", whole: 0 };
  return Array.isArray(cut) ? { text: cut[0], whole: cut[1] } : { text: cut, whole: 0 };
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

function count(number) {
  return isNumber(number) ? number.toLocaleString("en-US") : "unknown";
}

function plural(number, one, many) {
  return `${count(number)} ${number === 1 ? one : many || one + "s"}`;
}

/** A time in ms, as long as it is worth telling so. */
function millis(time) {
  if (!isNumber(time)) return "\u2013";
  if (time < 10_000) return `${count(Math.round(time))} ms`;
  if (time < 100_000) return `${(time / 1000).toFixed(1)} s`;
  const seconds = Math.floor(time / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${count(hours)} h ${minutes} min` : `${minutes} min ${seconds % 60} s`;
}

/** An amount in USD to four digits or so; the exact one belongs in a title beside it. */
function dollars(exact) {
  const amount = Number(exact);
  if (amount === 0) return "$0";
  const size = Math.abs(amount);
  const sign = amount < 0 ? "\u2212" : "";
  if (size >= 1) return `${sign}$${size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  const digits = Math.min(15, Math.max(4, 2 - Math.floor(Math.log10(size))));
  return `${sign}$${size.toFixed(digits).replace(/0+$/, "")}`;
}

/** A cost that may lack some: unknown is not zero. */
function cost(usd, unpriced) {
  if (usd === null || usd === undefined) return "unknown";
  return unpriced ? `${dollars(usd)} + ${count(unpriced)} unpriced` : dollars(usd);
}

function costTitle(usd, unpriced) {
  if (usd === null || usd === undefined) return "the price, or the tokens, are not known";
  return unpriced ? `$${usd}, without ${plural(unpriced, "attempt")} whose cost is not known` : `$${usd}`;
}

/** A score, or another share of one. */
function score(value) {
  return isNumber(value) ? value.toFixed(value === 0 || value === 1 ? 0 : 3).replace(/(\.\d\d)0$/, "$1") : "\u2013";
}

function percent(share) {
  if (!isNumber(share)) return "\u2013";
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** A day and a minute in UTC. */
function moment(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 16)} UTC` : "";
}

/** A number as a gate's metric has it. */
function metric(name, value) {
  if (!isNumber(value)) return "unknown";
  if (/^(latency|ttft)_\w+_ms$/.test(name)) return millis(value);
  if (/^cost_\w*usd$/.test(name)) return dollars(value);
  if (/^error_rate$|\.(pass|flip)_rate$/.test(name)) return percent(value);
  if (/^\w+_tokens$/.test(name)) return count(Math.round(value));
  return score(value);
}
