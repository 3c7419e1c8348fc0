// What the decisions say about the rules, the reviewers, and the rows nobody saw.

import { h, plain, thousands } from "./dom.js";
import { badge, STATUSES } from "./words.js";

const percent = (value) => `${(100 * value).toFixed(value > 0.1 ? 0 : 1)} %`;

/** "83 % (70 to 92)" with a bar of the interval. */
function estimate(found) {
  if (!found) return h("span", { class: "dim" }, "too few to say");
  const bar = h("span", { class: "interval" }, h("i"), h("u"));
  bar.firstChild.style.left = `${100 * found.low}%`;
  bar.firstChild.style.width = `${100 * Math.max(found.high - found.low, 0.01)}%`;
  bar.lastChild.style.left = `${100 * found.value}%`;
  return h(
    "span",
    { class: "estimate" },
    bar,
    h("b", {}, percent(found.value)),
    h("small", {}, `${percent(found.low)} to ${percent(found.high)}`),
  );
}

const table = (heads, rows) =>
  h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((head) => h("th", { scope: "col" }, head)),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((cell) => h("td", {}, cell)),
        ),
      ),
    ),
  );

const section = (title, ...content) => h("section", {}, h("h3", {}, title), content);

/** stats: as from /api/stats. */
export function statisticsContent(stats) {
  const { remaining, agreement } = stats;
  const suggested = stats.thresholds.filter((one) => one.suggested !== null);
  return h(
    "div",
    { class: "statistics" },
    section(
      "Still wrong among the accepted that nobody saw",
      h("p", {}, remaining.words),
      remaining.strata.length
        ? table(
            ["Part of the accepted", "Rows", "Looked at", "Bad"],
            remaining.strata.map((one) => [one.name, thousands(one.rows), thousands(one.audited), thousands(one.bad)]),
          )
        : null,
    ),
    stats.words.length
      ? section(
          "To know more",
          h(
            "ul",
            {},
            stats.words.map((words) => h("li", {}, words)),
          ),
        )
      : null,
    section(
      "The rules",
      stats.rules.length
        ? table(
            ["Reason", "Says", "Finds", "Judged", "Bad", "Precision", "Recall"],
            stats.rules.map((rule) => [
              h("span", { title: rule.words }, plain(rule.reason)),
              badge(STATUSES[rule.status] ?? STATUSES.review),
              thousands(rule.flagged),
              thousands(rule.judged),
              thousands(rule.bad),
              estimate(rule.precision),
              estimate(rule.recall),
            ]),
          )
        : h("p", { class: "dim" }, "No rule found anything."),
    ),
    section(
      "Thresholds",
      suggested.length
        ? h(
            "ul",
            {},
            suggested.map((one) => h("li", {}, one.words)),
          )
        : h("p", { class: "dim" }, "Too few decisions to suggest another threshold for any rule."),
    ),
    section(
      "Reviewers",
      table(
        ["Who", "Decisions", "Accept", "Reject", "Unsure", "Seconds each", "Checks caught"],
        stats.reviewers.map((one) => [
          one.reviewer,
          thousands(one.decisions),
          one.accept,
          one.reject,
          one.unsure,
          one.median_seconds === null ? "–" : one.median_seconds.toFixed(1),
          one.checks.planted ? `${one.checks.caught} of ${one.checks.planted}` : "–",
        ]),
      ),
      agreement.pairs.map((pair) =>
        h(
          "p",
          {},
          `${pair.reviewers.join(" and ")}: ${pair.agreed} of ${pair.items} alike`,
          pair.kappa === null ? "" : `, kappa ${pair.kappa.toFixed(2)}`,
          pair.interval ? ` (${pair.interval.map((one) => one.toFixed(2)).join(" to ")})` : "",
        ),
      ),
    ),
  );
}
