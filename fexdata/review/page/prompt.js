// A question with a few answers, each with its key: the reason of a rejection, a label, what to do
// with the rest. It sits above the buttons and leaves the pictures in sight.

import { $, fill, h, icon } from "./dom.js";
import { keycap } from "./buttons.js";
import { keyName } from "./keys.js";

export class Prompt {
  #element = $("#prompt");
  #choices = [];
  #back = null;

  get isOpen() {
    return !this.#element.hidden;
  }

  /** choices: {keys, words, icon, tone, first, run}. One of them runs, or none; `first` has the focus. */
  ask(title, choices) {
    this.#back = document.activeElement;
    this.#choices = choices;
    const buttons = choices.map((choice, i) =>
      h(
        "button",
        { class: `button choice ${choice.tone ?? ""}`, dataset: { choice: i }, onclick: () => this.#take(choice) },
        keycap(choice.keys.length ? keyName(choice.keys[0]) : ""),
        choice.icon ? icon(choice.icon) : null,
        h("span", { class: "words" }, choice.words),
      ),
    );
    fill(
      this.#element,
      h("h2", { id: "prompt-title" }, title),
      h("div", { class: "choices" }, buttons),
      h("button", { class: "button small close", onclick: () => this.close() }, "Cancel", keycap("Esc")),
    );
    this.#element.setAttribute("aria-labelledby", "prompt-title");
    this.#element.hidden = false;
    buttons[
      Math.max(
        choices.findIndex((choice) => choice.first),
        0,
      )
    ].focus();
  }

  /** Takes every key while it is open, so that none does something else by accident. */
  key(event) {
    if (event.repeat)
      event.preventDefault(); // a key held too long is no second answer
    else if (event.key === "Escape") this.close();
    else if (event.key === "ArrowDown" || event.key === "ArrowRight") this.#step(1);
    else if (event.key === "ArrowUp" || event.key === "ArrowLeft") this.#step(-1);
    else if (["Tab", "Enter", " "].includes(event.key))
      return; // the focused button's own
    else {
      const choice = this.#choices.find((one) => one.keys.includes(event.key));
      if (choice) this.#take(choice);
    }
    event.preventDefault();
  }

  close() {
    if (!this.isOpen) return;
    this.#element.hidden = true;
    if (this.#back?.isConnected) this.#back.focus();
    else document.activeElement?.blur();
  }

  #take(choice) {
    this.close();
    choice.run();
  }

  #focused() {
    return Number(document.activeElement?.dataset?.choice ?? -1);
  }

  #step(way) {
    const buttons = this.#element.querySelectorAll("[data-choice]");
    buttons[(this.#focused() + way + buttons.length) % buttons.length].focus();
  }
}
