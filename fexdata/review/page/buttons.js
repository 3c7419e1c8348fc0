// Buttons that show their key. Whatever has a key has a button, and the other way round.

import { h, icon } from "./dom.js";

export const keycap = (label) => (label ? h("kbd", {}, label) : null);

/** A button that runs an action. bare: no words, only icon and key. */
export function button(
  app,
  action,
  {
    words = "",
    title,
    icon: name,
    class: kind = "",
    disabled = false,
    pressed,
    key,
    bare = false,
    extra = null,
    after = null,
  } = {},
) {
  const label = key ?? app.keys.label(action);
  const named = title ?? app.keys.words[action] ?? words;
  return h(
    "button",
    {
      class: `button ${kind}`,
      dataset: { action },
      title: label ? `${named}  (${key ?? app.keys.labels(action).join(" or ")})` : named,
      "aria-label": bare || !words ? named : undefined,
      "aria-pressed": pressed === undefined ? undefined : String(pressed),
      disabled,
      onclick: () => app.run(action),
    },
    name ? icon(name) : null,
    bare || !words ? null : h("span", { class: "words" }, words),
    extra,
    after,
    keycap(label),
  );
}
