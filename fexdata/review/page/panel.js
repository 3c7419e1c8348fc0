// The right side of one face: why it is here, its scores, what was said of it, and what there is to know.

import { $, h, icon, plain, refill } from "./dom.js";
import { button } from "./buttons.js";
import { badge, LEVELS, opinionWords, STATUSES, VERDICTS } from "./words.js";

export class Panel {
  #app;
  #about = h("div", { class: "about" });
  #comment;
  #of = null; // the id of the face whose comment is in the box

  constructor(app) {
    this.#app = app;
    this.#comment = h("textarea", {
      id: "comment",
      rows: 2,
      maxlength: 2000,
      placeholder: "Comment",
      "aria-label": "Comment",
      onblur: () => this.#save(),
      oninput: () => this.#draft(),
      onkeydown: (event) => this.#key(event),
    });
    const label = h(
      "label",
      { class: "comment" },
      h("span", { class: "heading" }, "Comment ", h("kbd", {}, app.keys.label("comment"))),
      this.#comment,
    );
    $("#panel").append(this.#about, label);
  }

  update() {
    const item = this.#app.work.current;
    if (!item) return;
    const parts = () => [
      this.#head(item),
      this.#mine(item),
      this.#scores(item),
      this.#history(item),
      this.#facts(item),
    ];
    refill(this.#about, [item, this.#app.work.lost.has(item.id)], parts);
    if (this.#of !== item.id || document.activeElement !== this.#comment) {
      if (this.#of !== null && this.#of !== item.id) this.#save();
      this.#of = item.id;
      this.#comment.value = sessionStorage.getItem(`draft ${item.id}`) ?? item.mine?.comment ?? "";
    }
  }

  focusComment() {
    this.#comment.focus();
    this.#comment.select();
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#comment.blur();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      sessionStorage.removeItem(`draft ${this.#of}`);
      this.#comment.value = this.#app.work.find(this.#of)?.mine?.comment ?? "";
      this.#comment.blur();
    }
  }

  /** What is being typed survives a reload. */
  #draft() {
    sessionStorage.setItem(`draft ${this.#of}`, this.#comment.value);
  }

  #save() {
    const text = this.#comment.value.trim();
    const item = this.#app.work.find(this.#of);
    sessionStorage.removeItem(`draft ${this.#of}`);
    if (item && text !== (item.mine?.comment ?? "")) this.#app.say([{ id: item.id, comment: text }]);
  }

  #head(item) {
    const by = STATUSES[item.rule.status];
    return h(
      "div",
      { class: "head" },
      h(
        "div",
        { class: "title" },
        badge(by, `${by.word} by the rules`),
        h("span", { class: "source", title: item.source }, item.source),
      ),
      h(
        "ul",
        { class: "reasons" },
        item.rule.reasons.map((reason) => h("li", {}, h("b", {}, plain(reason.name)), h("span", {}, reason.words))),
      ),
      item.doubt && h("p", { class: "doubt" }, item.doubt),
      item.stale.map((words) =>
        h("p", { class: "note warn" }, icon("question"), h("span", {}, `Back for another look: ${words}.`)),
      ),
      this.#app.work.lost.has(item.id) &&
        h("p", { class: "note warn" }, icon("lost"), h("span", {}, "Somebody else is looking at this face now.")),
    );
  }

  #mine(item) {
    const mine = item.mine?.verdict ? VERDICTS[item.mine.verdict] : null;
    const word = mine && item.mine.reason ? `${mine.word}: ${plain(item.mine.reason)}` : mine?.word;
    const force = STATUSES[item.in_force.status];
    const label = item.mine?.expression ?? item.in_force.expression ?? item.expression;
    const corpus = item.corpus_label && item.corpus_label !== label ? ` (corpus: ${item.corpus_label})` : "";
    return h(
      "dl",
      { class: "said", id: "said" },
      h("dt", {}, "You"),
      h(
        "dd",
        {},
        mine ? badge(mine, word) : h("span", { class: "dim" }, "not judged yet"),
        item.mine?.flag && h("span", { class: "badge flag" }, icon("flag"), h("span", {}, "flagged")),
      ),
      h("dt", {}, "In force"),
      h(
        "dd",
        {},
        badge(force),
        h(
          "span",
          { class: "dim" },
          `by ${item.in_force.decided_by === "rules" ? "the rules" : item.in_force.decided_by}`,
        ),
      ),
      h("dt", {}, "Expression"),
      h(
        "dd",
        {},
        h("span", { class: label ? "label" : "dim" }, label ? label : "no label"),
        h("span", { class: "dim" }, corpus),
        button(this.#app, "relabel", { words: "change", class: "small" }),
      ),
    );
  }

  #scores(item) {
    return h(
      "section",
      {},
      h("h3", {}, "Scores"),
      h(
        "table",
        { class: "scores" },
        h(
          "tbody",
          {},
          item.scores.map((score) => scoreRow(score)),
        ),
      ),
    );
  }

  #history(item) {
    const others = item.others.map((opinion) =>
      h("li", {}, h("b", {}, opinion.reviewer), h("span", {}, opinionWords(opinion))),
    );
    const past = [...item.history]
      .reverse()
      .map((event) =>
        h(
          "li",
          { class: event.undone ? "undone" : "" },
          h("b", {}, event.reviewer),
          h("span", {}, event.words, event.undone ? " (taken back)" : ""),
          h("time", {}, when(event.at)),
        ),
      );
    if (!others.length && !past.length && !item.blind) return null;
    return h(
      "section",
      {},
      h("h3", {}, "Decisions"),
      item.blind && h("p", { class: "dim" }, "What others say of it is shown when you have judged."),
      h("ul", { class: "history" }, past.length ? past : others),
    );
  }

  #facts(item) {
    const facts = item.facts.flatMap((fact) => [h("dt", {}, fact.name), h("dd", {}, fact.value)]);
    return h("section", {}, h("h3", {}, "Facts"), h("dl", { class: "facts" }, facts));
  }
}

/** Name, bar with the rules' limits as ticks, value, and the level as icon and word. */
function scoreRow(score) {
  const level = LEVELS[score.level];
  const track = h("div", { class: `track ${level.tone}` }, h("i"));
  track.firstChild.style.width = `${100 * Math.min(Math.max(score.value ?? 0, 0), 1)}%`;
  for (const [name, limit] of [
    ["reject", score.reject],
    ["review", score.review],
  ]) {
    if (limit === null || limit === undefined) continue;
    const tick = h("u", { class: name, title: `${name === "reject" ? "rejected" : "looked at"} below ${limit}` });
    tick.style.left = `${100 * limit}%`;
    track.append(tick);
  }
  return h(
    "tr",
    { title: score.about, class: score.level },
    h("th", { scope: "row" }, plain(score.name)),
    h("td", { class: "bar" }, track),
    h("td", { class: "value" }, score.value === null ? "–" : score.value.toFixed(2)),
    h("td", { class: `level ${level.tone}` }, icon(level.icon), h("span", {}, level.word)),
  );
}

const when = (at) => at.slice(0, 16).replace("T", " ");
