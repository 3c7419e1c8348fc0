// The bottom of the page: everything that can be said of a face, with its key.

import { $, h, plain, refill } from "./dom.js";
import { button } from "./buttons.js";

export class Footer {
  #app;

  constructor(app) {
    this.#app = app;
    this.element = $("#actions");
  }

  update() {
    const { view, work, grid } = this.#app;
    const item = view === "face" ? work.current : null;
    const picked = view === "grid" ? grid.picked.size : 0;
    const rest = view === "grid" ? grid.rest().length : 0;
    const nothing = view === "face" ? !item : !work.current;
    const first = view === "grid" ? grid.start === 0 : work.at === 0;
    refill(this.element, [view, item?.mine, picked, rest, nothing, first], () => [
      this.#verdicts(item, picked, rest, nothing),
      this.#reasons(nothing),
    ]);
  }

  #verdicts(item, picked, rest, nothing) {
    const { view, work } = this.#app;
    const said = item?.mine ?? {};
    const one = (action, words, icon, kind, more = {}) =>
      button(this.#app, action, { words, icon, class: kind, disabled: nothing, ...more });
    const subject =
      view === "grid" ? h("span", { class: "subject" }, picked ? `${picked} picked:` : "This face:") : null;
    return h(
      "div",
      { class: "row" },
      view === "face" ? button(this.#app, "back", { words: "Back", icon: "left", disabled: work.at === 0 }) : null,
      subject,
      one("accept", "Accept", "check", "good big", { pressed: said.verdict === "accept" }),
      one("reject", "Reject", "cross", "bad big", { pressed: said.verdict === "reject" }),
      one("unsure", "Unsure", "question", "warn big", { pressed: said.verdict === "unsure" }),
      h("span", { class: "gap" }),
      one("relabel", "Expression", "label", ""),
      one("flag", said.flag ? "Flagged" : "Flag", "flag", "", { pressed: Boolean(said.flag) }),
      one("comment", "Comment", "comment", ""),
      h("span", { class: "stretch" }),
      view === "grid"
        ? button(this.#app, "decide_rest", {
            words: `The other ${rest}…`,
            icon: "check",
            class: "main big",
            disabled: !rest,
          })
        : null,
      view === "grid"
        ? button(this.#app, "back", {
            words: "Page",
            icon: "left",
            key: "PgUp",
            title: "Page back",
            disabled: this.#app.grid.start === 0,
          })
        : null,
      view === "grid"
        ? button(this.#app, "next", { words: "Page", icon: "right", key: "PgDn", title: "Page on" })
        : null,
      view === "face" ? button(this.#app, "next", { words: "Next", icon: "right", disabled: nothing }) : null,
    );
  }

  #reasons(nothing) {
    const { session } = this.#app;
    const chips = session.reasons.map((reason) =>
      button(this.#app, `reject_${reason.number}`, { words: plain(reason.name), class: "chip", disabled: nothing }),
    );
    return h(
      "div",
      { class: "row reasons", role: "group", "aria-label": "Reject with a reason" },
      h("span", { class: "subject" }, "Reject:"),
      chips,
    );
  }
}
