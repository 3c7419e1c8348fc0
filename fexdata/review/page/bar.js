// The top of the page: which queue in which order, how far, and the ways to everything else.

import { $, duration, h, icon, plain, refill, thousands } from "./dom.js";
import { button, keycap } from "./buttons.js";

export class Bar {
  #app;

  constructor(app) {
    this.#app = app;
    this.element = $("#bar");
    this.progress = h("div", { class: "progress" });
    this.line = h("div", { class: "progress-line" });
    this.fill = h("div");
    this.line.append(this.fill);
    this.queue = h("div", { class: "queue" });
    this.tools = h("div", { class: "tools" });
    const { dataset } = app.session;
    const brand = h(
      "div",
      { class: "brand", title: `${dataset.name}: ${thousands(dataset.rows)} rows` },
      h("b", {}, "fexdata"),
      h("span", {}, dataset.name),
    );
    this.element.append(brand, this.queue, this.progress, this.tools, this.line);
  }

  update() {
    const { work, keys, view, session } = this.#app;
    const queue = work.queueWords();
    const title = queue ? queue.title : "Queues";
    const { remaining } = work;
    refill(this.queue, [queue?.name, remaining, work.order], () => [
      button(this.#app, "queue_menu", {
        words: title,
        class: "wide",
        extra: h("b", { class: "count" }, thousands(remaining)),
        after: icon("down"),
      }),
      this.#orders(queue, keys),
    ]);
    refill(this.progress, [queue?.name, remaining, work.judged], () => this.#progress(queue));
    const done = queue && queue.total ? 1 - remaining / queue.total : 0;
    this.fill.style.width = `${100 * Math.min(Math.max(done, 0), 1)}%`;
    const { undo, redo } = work.undoWords;
    refill(this.tools, [undo, redo, view], () => [
      button(this.#app, "undo", {
        icon: "undo",
        disabled: !undo,
        title: undo ? `Undo: ${undo}` : "Nothing to undo",
        bare: true,
      }),
      button(this.#app, "redo", {
        icon: "redo",
        disabled: !redo,
        title: redo ? `Redo: ${redo}` : "Nothing to redo",
        bare: true,
      }),
      h("span", { class: "gap" }),
      button(this.#app, "grid", {
        icon: view === "grid" ? "face" : "grid",
        words: view === "grid" ? "One face" : "Grid",
      }),
      button(this.#app, "statistics", { icon: "stats", title: "Statistics", bare: true }),
      button(this.#app, "legend", { words: "Keys" }),
      h("span", { class: "who", title: "You" }, icon("lost"), session.reviewer),
    ]);
  }

  #orders(queue, keys) {
    if (!queue || queue.orders.length < 2) return null;
    const { work } = this.#app;
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": "Order", title: `Order (${keys.label("order")})` },
      queue.orders.map((order) =>
        h(
          "button",
          {
            "aria-pressed": String(order === work.order),
            dataset: { order },
            onclick: () => this.#app.openQueue(queue.name, order),
          },
          plain(order),
        ),
      ),
      h("span", { class: "segment-key" }, keycap(keys.label("order"))),
    );
  }

  #progress(queue) {
    if (!queue) return [];
    const { work, rate } = this.#app;
    const perMinute = rate.perMinute;
    return [
      h("span", { id: "done-here" }, h("b", {}, thousands(work.judged)), " done"),
      h("span", { id: "remaining" }, h("b", {}, thousands(work.remaining)), work.latest ? " in this list" : " left"),
      perMinute &&
        h(
          "span",
          { title: "Faces per minute of the latest decisions" },
          h("b", {}, perMinute < 10 ? perMinute.toFixed(1) : Math.round(perMinute)),
          "/min",
        ),
      perMinute &&
        work.remaining > 0 &&
        h(
          "span",
          { title: "Time left at this rate" },
          h("b", {}, duration((60 * work.remaining) / perMinute)),
          " to go",
        ),
    ];
  }
}
