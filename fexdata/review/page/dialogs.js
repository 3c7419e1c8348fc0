// The three windows over the page: queues, keys, statistics.

import { get } from "./api.js";
import { $, fill, h, icon, thousands } from "./dom.js";
import { statisticsContent } from "./statistics.js";

const GROUPS = [
  [
    "Decide",
    [
      "accept",
      "reject",
      "reject_1",
      "reject_2",
      "reject_3",
      "reject_4",
      "reject_5",
      "reject_6",
      "reject_7",
      "reject_8",
      "reject_9",
      "unsure",
      "relabel",
      "flag",
      "comment",
      "undo",
      "redo",
    ],
  ],
  ["Move", ["next", "back", "grid", "queue_menu", "order", "statistics", "legend", "cancel"]],
  ["Many faces", ["select", "select_all", "decide_rest"]],
  [
    "Pictures",
    [
      "tab_crop",
      "tab_overlay",
      "tab_depth",
      "tab_normal",
      "tab_mask",
      "heat",
      "tab_photograph",
      "wipe",
      "wipe_left",
      "wipe_right",
      "landmarks",
      "landmarks_all",
      "zoom_in",
      "zoom_out",
      "zoom_reset",
    ],
  ],
  ["Mesh", ["turn_left", "turn_right", "turn_up", "turn_down", "texture", "wire"]],
];
const FIXED = {
  "Many faces": [
    ["↑ ↓ ← →", "Move over the faces"],
    ["Space", "Pick the face"],
    ["⇧ with an arrow", "Pick what it passes"],
    ["PgUp PgDn", "Page back, page on"],
    ["double click", "Open one face"],
  ],
  Pictures: [
    ["wheel", "Zoom"],
    ["drag", "Pan; the handle wipes"],
    ["double click", "As at first"],
  ],
  Mesh: [
    ["drag", "Turn"],
    ["wheel", "Zoom"],
  ],
  Decide: [["1 … 8, 0", "After the question: which expression, none"]],
};

export class Dialogs {
  #app;
  #element = $("#dialog");
  #closes = "";

  constructor(app) {
    this.#app = app;
    this.#element.addEventListener("click", (event) => {
      if (event.target === this.#element) this.close(); // beside the window
    });
  }

  get isOpen() {
    return this.#element.open;
  }

  close() {
    this.#element.close();
  }

  /** Arrows move between buttons; the key that opened a window closes it. */
  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const buttons = [...this.#element.querySelectorAll("button[data-queue]")];
      if (!buttons.length) return;
      const at = buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      buttons[(at + buttons.length) % buttons.length].focus();
      event.preventDefault();
    } else if (this.#app.keys.has(this.#closes, event)) {
      this.close();
      event.preventDefault();
    }
  }

  queues() {
    const { work } = this.#app;
    const line = (queue) => {
      const counted = queue.total > 0 && queue.default_order && queue.default_order !== "latest";
      const bar = counted ? h("div", { class: "track" }, h("i")) : null;
      if (bar) bar.firstChild.style.width = `${100 * (1 - queue.remaining / queue.total)}%`;
      return h(
        "button",
        {
          class: "queue-line",
          dataset: { queue: queue.name },
          "aria-current": queue.name === work.queue ? "true" : undefined,
          onclick: () => this.#choose(queue),
        },
        h("span", { class: "words" }, h("b", {}, queue.title), h("small", {}, queue.about)),
        h(
          "span",
          { class: "numbers" },
          h("b", {}, thousands(queue.remaining)),
          h("small", {}, !counted ? "" : ` of ${thousands(queue.total)} left`),
        ),
        bar,
      );
    };
    const of = (group) => work.queues.filter((queue) => queue.group === group).map(line);
    const reasons = of("reason");
    this.#open(
      "queue_menu",
      "Queues",
      h(
        "div",
        { class: "queues" },
        h("div", {}, h("h3", {}, "What waits"), of("queue")),
        reasons.length ? h("div", {}, h("h3", {}, "By reason of the rules"), reasons) : null,
      ),
    );
    (this.#element.querySelector("[aria-current]") ?? this.#element.querySelector("[data-queue]"))?.focus();
    work.poll().catch(() => {});
  }

  legend() {
    const { keys } = this.#app;
    const caps = (labels) => labels.map((label) => h("kbd", {}, label));
    const group = ([title, actions]) =>
      h(
        "section",
        {},
        h("h3", {}, title),
        h(
          "dl",
          { class: "keys" },
          actions
            .filter((action) => keys.keys[action]?.length)
            .map((action) => [h("dt", {}, caps(keys.labels(action))), h("dd", {}, keys.words[action])]),
          (FIXED[title] ?? []).map(([label, words]) => [h("dt", {}, caps([label])), h("dd", {}, words)]),
        ),
      );
    const known = new Set(GROUPS.flatMap(([, actions]) => actions));
    const others = Object.keys(keys.keys).filter((action) => !known.has(action));
    const groups = others.length ? [...GROUPS, ["More", others]] : GROUPS;
    this.#open(
      "legend",
      "Keys",
      h("div", { class: "legend" }, groups.map(group)),
      h("p", { class: "dim" }, "To change them, write review/keys.yaml beside the dataset, for example “accept: j”."),
    );
  }

  async statistics() {
    this.#open("statistics", "Statistics", h("p", { class: "dim" }, "Counting…"));
    const found = await get("/api/stats").catch((error) => error);
    if (!this.isOpen || this.#closes !== "statistics") return;
    const content =
      found instanceof Error
        ? h("p", {}, `No statistics: ${found.message || "the server cannot be reached"}`)
        : statisticsContent(found);
    this.#open("statistics", "Statistics", content);
  }

  #choose(queue) {
    this.close();
    this.#app.openQueue(
      queue.name,
      queue.orders.includes(this.#app.work.order) ? this.#app.work.order : queue.default_order,
    );
  }

  #open(action, title, ...content) {
    this.#closes = action;
    const close = h(
      "button",
      { class: "button", "aria-label": "Close", onclick: () => this.close() },
      icon("cross"),
      h("kbd", {}, "Esc"),
    );
    fill(this.#element, h("header", {}, h("h2", {}, title), close), h("div", { class: "body" }, content));
    this.#element.dataset.kind = action;
    if (!this.isOpen) this.#element.showModal();
  }
}
