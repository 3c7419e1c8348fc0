// Decisions whose face is gone since the last build: attach each to a face of today, or let it go.

import { get, post, Refusal } from "./api.js";
import { $, fill, h, randomHex } from "./dom.js";
import { sized } from "./images.js";
import { opinionWords, STATUSES, badge } from "./words.js";

export class Orphans {
  #app;
  #found = [];

  constructor(app) {
    this.#app = app;
  }

  async open() {
    try {
      this.#found = (await get("/api/orphans")).orphans;
    } catch (error) {
      this.#app.toast(error instanceof Refusal ? error.message : "The server cannot be reached");
    }
    await this.#draw();
  }

  async #draw() {
    const cards = await Promise.all(this.#found.map((orphan) => this.#card(orphan)));
    const gone = "The face that these decisions were made on is not in the dataset any more.";
    const words = cards.length
      ? `${gone} Attach each to the face it belongs to, or let it go.`
      : "No decision has lost its face.";
    fill($("#orphans"), h("h2", {}, "Orphaned decisions"), h("p", { class: "dim" }, words), cards);
  }

  async #card(orphan) {
    const items = await Promise.all(
      orphan.candidates.slice(0, 6).map((id) => get(`/api/items/${id}`).catch(() => null)),
    );
    const choices = items
      .filter(Boolean)
      .map((item) =>
        h(
          "button",
          { class: "button candidate", onclick: () => this.#settle(orphan, { action: "attach", id: item.id }) },
          item.pictures.crop ? h("img", { src: sized(item.pictures.crop, 160), alt: "" }) : null,
          h("span", {}, "It is this one"),
        ),
      );
    return h(
      "article",
      { class: "orphan" },
      h("div", {}, h("b", {}, orphan.source), badge(STATUSES[orphan.was] ?? STATUSES.review)),
      h(
        "ul",
        {},
        orphan.opinions.map((opinion) => h("li", {}, h("b", {}, opinion.reviewer), " ", opinionWords(opinion))),
      ),
      h(
        "div",
        { class: "row" },
        choices.length ? choices : h("span", { class: "dim" }, "No face of the same photograph is left."),
        h("button", { class: "button", onclick: () => this.#settle(orphan, { action: "dismiss" }) }, "Let it go"),
      ),
    );
  }

  async #settle(orphan, what) {
    try {
      await post(`/api/orphans/${orphan.face}`, { uid: randomHex(32), ...what });
    } catch (error) {
      this.#app.toast(error instanceof Refusal ? error.message : "The server cannot be reached: try again");
      return;
    }
    await this.open();
    this.#app.work.poll().catch(() => {});
  }
}
