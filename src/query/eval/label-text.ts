/**
 * Label sets in the texts of errors: all labels within braces, the metric name as well, as Go prints them.
 */

import { type Labels, quoteText } from "../../model/labels.js";

export function bracedText(labels: Labels): string {
  const pairs = [...labels].map(([name, value]) => {
    const plain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
    return `${plain ? name : quoteText(name)}=${quoteText(value)}`;
  });
  return `{${pairs.join(", ")}}`;
}
