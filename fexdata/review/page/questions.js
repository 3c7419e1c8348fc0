// What is asked before some actions: why rejected, which expression, what of the rest.

import { plain } from "./dom.js";

/** app: the page. Returns the three questions. */
export function questions(app) {
  const { session, keys, prompt } = app;

  const reasonChoices = (run) =>
    session.reasons.map((reason) => ({
      keys: keys.keys[`reject_${reason.number}`] ?? [],
      words: reason.words,
      run: () => run(reason.name),
    }));

  const about = (items) => (items.length > 1 ? `${items.length} faces` : "this face");

  return {
    reason() {
      const items = app.subjects(); // of those in sight now, whatever comes meanwhile
      prompt.ask(`Why reject ${about(items)}?`, [
        ...reasonChoices((reason) => app.judge("reject", reason, items)),
        {
          keys: keys.keys.reject,
          words: "Reject without a reason",
          icon: "cross",
          tone: "bad",
          first: true,
          run: () => app.judge("reject", undefined, items),
        },
      ]);
    },

    label() {
      const items = app.subjects();
      const choices = session.expressions.map((name, i) => ({
        keys: [String(i + 1)],
        words: plain(name),
        run: () => app.label(name, items),
      }));
      prompt.ask(`Which expression has ${about(items)}?`, [
        ...choices,
        { keys: ["0"], words: "none of these", run: () => app.label("none", items) },
      ]);
    },

    rest() {
      const rest = app.grid.rest();
      if (app.view !== "grid" || !rest.length) return;
      const judge = (verdict, reason) => app.judge(verdict, reason, rest);
      prompt.ask(`What of the other ${rest.length}?`, [
        {
          keys: keys.keys.accept,
          words: `Accept the other ${rest.length}`,
          icon: "check",
          tone: "good",
          run: () => judge("accept"),
        },
        ...reasonChoices((reason) => judge("reject", reason)).map((choice) => ({
          ...choice,
          words: `Reject: ${choice.words.toLowerCase()}`,
        })),
        {
          keys: keys.keys.reject,
          words: "Reject without a reason",
          icon: "cross",
          tone: "bad",
          run: () => judge("reject"),
        },
        { keys: keys.keys.unsure, words: "Unsure", icon: "question", tone: "warn", run: () => judge("unsure") },
      ]);
    },
  };
}
