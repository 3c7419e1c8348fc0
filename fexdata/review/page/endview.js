// What is shown when a queue has no face left for this reviewer.

import { $, fill, h, icon, thousands } from "./dom.js";
import { button } from "./buttons.js";

const PAUSE = 8_000; // milliseconds between looks whether a colleague gave something back

export class EndView {
  #app;
  #timer = 0;

  constructor(app) {
    this.#app = app;
  }

  update() {
    const { work } = this.#app;
    const queue = work.queueWords();
    const skipped = work.items.filter((item) => work.isOpen(item));
    const elsewhere = work.latest ? 0 : Math.max(work.remaining - skipped.length, 0);
    fill(
      $("#end"),
      h(
        "div",
        { class: `card ${work.failed ? "warn" : "good"}` },
        icon(work.failed ? "bolt" : "check"),
        h(
          "h2",
          {},
          work.failed
            ? "The next faces could not be fetched"
            : skipped.length || elsewhere
              ? "Nothing more to hand out"
              : "This queue is done",
        ),
        h("p", {}, queue ? `${queue.title}: ${thousands(work.judged)} done in this session.` : ""),
        skipped.length
          ? h("p", {}, `${skipped.length} ${skipped.length === 1 ? "face was" : "faces were"} passed over.`)
          : null,
        elsewhere && !work.failed
          ? h(
              "p",
              {},
              `${thousands(elsewhere)} ${elsewhere === 1 ? "is" : "are"} with somebody else, or in another tab, now.`,
            )
          : null,
        h(
          "div",
          { class: "row" },
          skipped.length
            ? h(
                "button",
                { class: "button main", onclick: () => work.goTo(work.items.indexOf(skipped[0])) },
                "Look at them again",
              )
            : null,
          button(this.#app, "queue_menu", { words: "Choose another queue", class: skipped.length ? "" : "main" }),
          work.items.length ? button(this.#app, "back", { words: "Back to the last face", icon: "left" }) : null,
        ),
      ),
    );
    clearTimeout(this.#timer);
    if (elsewhere && work.exhausted) this.#timer = setTimeout(() => this.#look(), PAUSE);
  }

  #look() {
    if (this.#app.view === "end") this.#app.work.again().then(() => this.#app.update());
  }
}
