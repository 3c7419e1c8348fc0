// Elements from a few words, so that no view needs a template language.

/** An element. `props`: attributes; `class`, `dataset`, `on…` handlers, and booleans are understood. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const $ = (selector) => document.querySelector(selector);

export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const shapes = new WeakMap();

/** Fills an element anew only when `shape` is another than the last time: a button under the mouse or
 * with the focus must not be replaced for nothing. The focus stays on the same action. */
export function refill(element, shape, make) {
  const text = JSON.stringify(shape);
  if (shapes.get(element) === text) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  if (focused?.type === "range") return; // the slider in hand stays
  shapes.set(element, text);
  fill(element, make());
  const { action, order } = focused?.dataset ?? {};
  if (action) element.querySelector(`[data-action="${action}"]`)?.focus();
  else if (order) element.querySelector(`[data-order="${order}"]`)?.focus();
}

/** "low_sharpness" as a person reads it. */
export const plain = (word) => String(word).replaceAll("_", " ");

export const thousands = (number) => number.toLocaleString("en-US");

/** A few words for a length of time in seconds. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function randomHex(digits) {
  const bytes = crypto.getRandomValues(new Uint8Array(digits / 2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
